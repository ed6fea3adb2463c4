"""Delimited text: encodings, delimiters, quotes, line numbers, limits, and speed."""

import csv as stdlib_csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.formats import csv_forms
from inventory.formats.csv import open_table
from inventory.formats.tables import MAX_ROW_CHARACTERS, FormatError, Row, Table


def table(data: bytes | str, **options: str) -> Table:
    return open_table(io.BytesIO(data.encode() if isinstance(data, str) else data), **options)


def cells(data: bytes | str, **options: str) -> list[list[str]]:
    return [row.cells for row in table(data, **options).rows()]


class Pipe(io.RawIOBase):
    """A stream that cannot seek and answers in small pieces, like a socket."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        size = min(len(buffer), 1000)
        block, self.left = self.left[:size], self.left[size:]
        buffer[: len(block)] = block
        return len(block)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a,b\n1,2\n", "utf-8"),
        ("a,b\n1,é\n".encode(), "utf-8"),
        ("a,b\n1,é\n".encode("utf-8-sig"), "utf-8-sig"),
        ("a,b\n1,é\n".encode("utf-16"), "utf-16"),
        (b"\xff\xfe" + "a,b\n1,é\n".encode("utf-16-le"), "utf-16"),
        (b"\xfe\xff" + "a,b\n1,é\n".encode("utf-16-be"), "utf-16"),
        ("a,b\n1,é€\n".encode("cp1252"), "cp1252"),
        (b"a,b\n1,\x81\xe9\n", "latin-1"),
        (b"a,b\n1,\xc3", "cp1252"),  # UTF-8 cut in the middle of a character is not UTF-8
    ],
)
def test_encoding_is_found(data: bytes, encoding: str):
    found = table(data)
    assert found.encoding == encoding
    assert found.header == ["a", "b"]
    assert [row.cells for row in found.rows()] == [["1", data.decode(encoding).strip()[6:]]]


def test_a_late_byte_decides_the_encoding_of_the_whole_stream():
    data = b"name\n" + (b"caf\xc3\xa9 " * 100 + b"\n") * 2_000 + b"caf\xe9\n"
    *_, last = table(data).rows()
    assert table(data).encoding == "cp1252"
    assert last == Row(2_002, ["café"], {}, 1)


@pytest.mark.parametrize("encoding", [None, "utf-8"])
def test_a_byte_that_does_not_fit_is_named_by_its_line(encoding: str | None):
    mark = b"" if encoding else b"\xef\xbb\xbf"  # under a BOM nothing else is tried
    data = mark + b"name\r\n" + b"ok\r\n" * 30_000 + b'"two\r\nlines",\xff\r\nend\r\n'
    rows = open_table(io.BytesIO(data), encoding=encoding).rows()
    with pytest.raises(FormatError, match=r"^Line 30003: A byte that is not utf-8") as caught:
        list(rows)
    assert caught.value.line == 30_003


@pytest.mark.parametrize(
    ("data", "encoding", "reason"),
    [
        ("a,b\n1,2\n".encode("utf-16-le"), None, "Line 1: A NUL byte"),
        (b"a,b\n1,2\n3,\x00\n", None, "Line 3: A NUL byte"),
        ("a,b\n".encode("utf-16-le"), "utf-16", "Line 1: UTF-16 without its mark"),
        (b"\xff\xfea\x00\n\x00b", None, "Line 2: A byte that is not utf-16"),
        (b"a,\xff", "utf-8", "Line 1: A byte that is not utf-8 text"),
        (b"a\nb\n\x81", "cp1252", "Line 3: A byte that is not cp1252"),
        (b"a,b\n", "klingon", "Unknown encoding 'klingon'"),
        (b"a,b\n", "rot13", "Unknown encoding"),
        (b"a,b\n", "idna", "Unknown encoding"),
        (b"a,b\n", "\x00" * 100_000, "Unknown encoding"),
    ],
)
def test_refused_encodings(data: bytes, encoding: str | None, reason: str):
    with pytest.raises(FormatError, match=reason) as caught:
        list(open_table(io.BytesIO(data), encoding=encoding).rows())
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("encoding", csv_forms.ENCODINGS)
def test_every_named_encoding_exists(encoding: str):
    data = "a,b\n1,2\n".encode(encoding)
    assert cells(data, encoding=f" {encoding.upper().replace('-', '_')} ") == [["1", "2"]]


def test_a_given_utf8_still_loses_its_mark():
    assert table(b"\xef\xbb\xbfcode,b\n", encoding="utf-8").header == ["code", "b"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(delimiter: str):
    data = f"code{delimiter}name{delimiter}price\n1{delimiter}Soup{delimiter}2.5\n2{delimiter}Tea\n"
    found = table(data)
    assert found.delimiter == delimiter
    assert [row.cells for row in found.rows()] == [["1", "Soup", "2.5"], ["2", "Tea"]]


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        ("name;price\nSoup;1,5\nTea;2,5\n", ";"),  # decimal commas
        ("name;price, EUR\nSoup;1,5\n", ";"),
        ('"a, b";c\n"1, 2";3\n', ";"),
        ("code\tname\n1\tsoup, hot; red\n2\ttea, cold\n", "\t"),
        ("name\nSoup, hot\nTea, cold\n", ";"),  # one column stays one column
        ("# a comment!\nid,name\n1,english\n", ","),  # what stands above the header has one cell
        ("Stock of May\n\nby Ann\n\nsku;name;unit\nH1;x;kg\n", ";"),
        ("name\nSoup\n", ","),
        ("a\n,;\t|\n", ","),
    ],
)
def test_delimiter_among_decoys(data: str, delimiter: str):
    assert table(data).delimiter == delimiter


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n", "\r", "\0", "x" * 10_000])
def test_an_impossible_delimiter(delimiter: str):
    with pytest.raises(FormatError, match="must be one character"):
        table("a,b\n", delimiter=delimiter)


def test_any_other_delimiter_can_be_given():
    assert cells('a^b\n"1^2"^3\n', delimiter="^") == [["1^2", "3"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_physical_line_numbers(end: str):
    data = end.join(["", "a,b", "", '1,"two', "", 'lines"', "  ", "2,x", ",", "3,y"])
    found = table(data)
    assert (found.header_number, found.header) == (2, ["a", "b"])
    rows = list(found.rows())
    assert [row.number for row in rows] == [4, 8, 10]
    assert [row.cells for row in rows] == [["1", f"two{end}{end}lines"], ["2", "x"], ["3", "y"]]


def test_cells_are_kept_as_typed_and_rows_may_be_ragged():
    found = table('id,name,,id\n 1 ,007,\t,9,extra\n2\n3," "" ",\n')
    assert found.header == ["id", "name", "", "id"]
    rows = list(found.rows())
    assert [row.cells for row in rows] == [[" 1 ", "007", "\t", "9", "extra"], ["2"], ["3", ' " ', ""]]
    assert [(row.get("id"), row.get("name"), row.get("column 3"), row.get("x")) for row in rows] == [
        (" 1 ", "007", "\t", None),  # of two columns with one name, the first
        ("2", "", "", None),
        ("3", ' " ', "", None),
    ]
    assert [row.get("id (2)") for row in rows] == ["9", "", ""]


@pytest.mark.parametrize("data", [b"", b"\n\r\n", b"  \n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_nothing_at_all(data: bytes):
    with pytest.raises(FormatError, match="The file is empty"):
        table(data)
    with pytest.raises(FormatError, match="The file is empty"):
        table(data.decode("utf-8-sig", "ignore") + ",,\n , \n", delimiter=",")


@pytest.mark.parametrize(
    ("data", "name"), [(b"PK\x03\x04..", "XLSX"), (b"\xd0\xcf\x11\xe0\xa1", "XLS"), (b"%PDF-1.4", "PDF")]
)
def test_other_kinds_of_file_are_named(data: bytes, name: str):
    with pytest.raises(FormatError, match=name):
        table(data)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_broken_quotes_between_commas_are_errors_with_their_line(delimiter: str):
    head = f"a{delimiter}b\n1{delimiter}2\n"
    with pytest.raises(FormatError, match=r"Line 3: A quote that opens in this row is never closed") as caught:
        cells(f'{head}x{delimiter}"never\n3{delimiter}4\n')
    assert caught.value.line == 3
    with pytest.raises(FormatError, match=r"Line 3: A quoted cell goes on") as caught:
        cells(f'{head}"6" pan{delimiter}x\n3{delimiter}4\n')
    assert caught.value.message.startswith("A quoted cell")
    assert cells(f'{head}x{delimiter}6" pan\n3{delimiter}"4"\n')[1:] == [["x", '6" pan'], ["3", "4"]]


@pytest.mark.parametrize("delimiter", ["\t", "|"])
def test_quotes_between_tabs_are_ordinary_unless_all_of_them_are_well_formed(delimiter: str):
    head = f"a{delimiter}b\n"
    lone = table(f'{head}"lone{delimiter}x\n6" pan{delimiter}"y"\n')
    assert not lone.quoted
    assert [row.cells for row in lone.rows()] == [['"lone', "x"], ['6" pan', '"y"']]
    last = table(f'{head}1{delimiter}"never closed\n2{delimiter}x\n')
    assert [row.cells for row in last.rows()] == [["1", '"never closed'], ["2", "x"]]
    pair = table(f'{head}"one{delimiter}x\n2{delimiter}y\n3"{delimiter}z\n')  # well formed, if it were one cell
    assert [row.cells for row in pair.rows()] == [['"one', "x"], ["2", "y"], ['3"', "z"]]
    excel = table(f'{head}"two\nlines"{delimiter}"say ""hi"""\n"{delimiter}"{delimiter}2\n')
    assert excel.quoted
    assert [row.cells for row in excel.rows()] == [["two\nlines", 'say "hi"'], [delimiter, "2"]]


def test_a_sample_cut_inside_a_quoted_cell_is_still_quoted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(csv_forms, "_SAMPLE_BYTES", 25)
    assert table('a\tb\n"x"\t1\n"y"\t"line\nline"\n').quoted
    monkeypatch.setattr(csv_forms, "_QUOTED_LINES", 1)
    assert not table('a\tb\n"x"\t1\n"\n\n\n\n\n\n\n\n\n\n\n\n\n').quoted


def test_the_sniffer_survives_a_cell_over_the_limit():
    data = "a\tb\n1\t" + "x" * (MAX_ROW_CHARACTERS + 10) + "\n"
    with pytest.raises(FormatError, match=r"Line 2: A row is longer"):
        cells(data)


def test_rows_are_bounded_also_over_many_lines():
    assert len(cells("a,b\n1," + "x" * (MAX_ROW_CHARACTERS - 10) + "\n")[0][1]) == MAX_ROW_CHARACTERS - 10
    endless = "a,b\n1,2\n" + '"\n",' * (MAX_ROW_CHARACTERS // 3)
    with pytest.raises(FormatError, match=r"Line 3: A row is longer than 1,048,576"):
        cells(endless)


def test_a_huge_file_is_never_held(monkeypatch: pytest.MonkeyPatch):
    class Endless(io.RawIOBase):
        """100 GB, as far as anyone can tell; counts what is asked for."""

        asked = 0
        place = 0

        def seekable(self) -> bool:
            return True

        def tell(self) -> int:
            return self.place

        def seek(self, place: int, whence: int = 0) -> int:
            self.place = place
            return place

        def read(self, size: int = -1) -> bytes:
            self.asked += size
            return (b"a,b\n" * (size // 4 + 1))[:size]

    stream = Endless()
    found = open_table(stream, encoding="utf-8")
    rows = found.rows()
    assert [next(rows).number for _ in range(3)] == [2, 3, 4]
    assert stream.asked < 1_300_000


def test_a_stream_that_cannot_seek():
    found = open_table(Pipe(b"a;b\n" + b"1;\xe9\n" * 5_000))
    assert (found.encoding, found.delimiter) == ("cp1252", ";")
    assert sum(row.cells == ["1", "é"] for row in found.rows()) == 5_000


def test_who_closes_what(tmp_path: Path):
    stream = io.BytesIO(b"skip\na,b\n1,2\n")
    stream.seek(5)  # read from where it stands
    with open_table(stream) as found:
        assert [row.cells for row in found.rows()] == [["1", "2"]]
    del found
    assert not stream.closed

    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n")
    for place in (path, str(path)):
        with open_table(place) as found:
            next(found.rows())
        with pytest.raises(ValueError, match="closed file"):
            list(found.rows())
    assert len(list(open_table(path).rows())) == 1  # -W error would report the file left open

    path.write_bytes(b"")
    with pytest.raises(FormatError):
        open_table(path)  # -W error would report the file left open
    with pytest.raises(FileNotFoundError):
        open_table(tmp_path / "missing.csv")


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2)))
def test_what_a_csv_writer_writes_comes_back(rows: list[list[str]]):
    text = io.StringIO(newline="")
    stdlib_csv.writer(text).writerows([["h", "i"], *rows])
    kept = [row for row in rows if "".join(row).strip()]
    assert cells(text.getvalue(), delimiter=",") == kept


@given(st.binary(max_size=300), st.sampled_from([None, ",", "\t"]))
def test_any_bytes_give_rows_or_a_format_error(data: bytes, delimiter: str | None):
    try:
        found = open_table(io.BytesIO(data), delimiter=delimiter)
        numbers = [row.number for row in found.rows()]
    except FormatError as error:
        assert error.message
    else:
        assert numbers == sorted(set(numbers))


@pytest.fixture
def quick() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < 3  # seconds of CPU; measured 0.3 on a 2-core machine


def test_a_hundred_thousand_rows(quick: None):
    line = b"536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom"
    assert sum(1 for _ in table(b"A,B,C,D,E,F,G,H\n" + (line + b"\n") * 100_000).rows()) == 100_000


@pytest.mark.parametrize(
    ("content", "delimiter", "header"),
    [
        (b"Inventory, May 2027\nsku;name;qty\nA;Cup;3\nB;Pot;4\n", ";", ["sku", "name", "qty"]),
        (b"Inventory, May 2027\nsku;qty\nA;1,5\nB;2,5\nC;3\n", ";", ["sku", "qty"]),
        (b"Inventory, May 2027\n\nRoom 1\nCounted by Ada, Bob\nsku\tqty\nA\t1\nB\t2\nC\t3\n", "\t", ["sku", "qty"]),
        (b"sku,name,tags\nA,Cup,a;b\nB,Pot,c;d,x\nC,Jar,e;f,x\n", ",", ["sku", "name", "tags"]),
        (b"sku,tags\nA,a;b\nB,c;d\nC,e\n", ",", ["sku", "tags"]),
    ],
)
def test_a_title_with_commas_does_not_hide_the_table(content: bytes, delimiter: str, header: list[str]) -> None:
    with open_table(io.BytesIO(content), guess=True) as table:
        assert (table.delimiter, table.header) == (delimiter, header)
