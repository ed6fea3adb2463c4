"""JSON Lines as tables, and which reader a file gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.formats import files, json_lines
from inventory.formats.csv import guard, unguard
from inventory.formats.files import Reading, open_file
from inventory.formats.json_lines import line_of
from inventory.formats.tables import FormatError
from tests.conftest import shared_data


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def written(content: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content)
        return path

    return written


def test_objects_become_rows(write) -> None:  # type: ignore[no-untyped-def]
    path = write(
        b'\xef\xbb\xbf{"sku":"007","n":1.50,"ok":true}\n\n'
        b'{"n":12345678901234567890,"name":"a\\nb","none":null,"no":false,"more":{"a":[1,2.5]}}\n'
    )
    with open_file(path) as table:
        assert (table.form.format, table.names) == ("jsonl", ["sku", "n", "ok", "name", "none", "no", "more"])
        assert [(row.number, *row.cells) for row in table.rows()] == [
            (1, "007", "1.50", "true", "", "", "", ""),
            (3, "", "12345678901234567890", "", "a\nb", "", "false", '{"a":[1,2.5]}'),
        ]


@pytest.mark.parametrize(
    "content",
    [
        b"{}\n",
        b'\n{"a":1}]\n{"a":1}\n',
        b'{"a":NaN}\n{"a":1}\n',
        b'{"a":\n1}\n',
        b'{"a":"\xff"}\n',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
        b'{"a":"' + b"x" * 1_100_000 + b'"}\n',
        b"{" + b",".join(b'"%d":1' % number for number in range(5000)) + b"}\n",
    ],
)
def test_what_is_no_json_lines_is_refused(write, content: bytes) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FormatError):
        open_file(write(content))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[1]", "one object"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":', "not JSON"),
        (b'\xef\xbb\xbf{"a":"x"}', "not JSON"),
        (b'{"a":"\xff"}', "not JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b'{"a":"' + b"x" * 3_200_000 + b'"}', "longer than 1,048,576 bytes"),
    ],
)
def test_a_broken_line_is_a_row_with_a_problem(write, line: bytes, told: str) -> None:  # type: ignore[no-untyped-def]
    with open_file(write(b'{"a":1}\n\n' + line + b'\n{"a":2,"b":3}\n' + line)) as table:
        rows = list(table.rows())
    assert table.names == ["a", "b"]
    assert [(row.number, row.cells, bool(row.problem)) for row in rows] == [
        (1, ["1", ""], False), (3, [], True), (4, ["2", "3"], False), (5, [], True),
    ]  # fmt: skip
    assert told in rows[1].problem
    assert rows[1].get("a") == ""


def test_a_line_written_is_a_line_read(write) -> None:  # type: ignore[no-untyped-def]
    values = {"id": "1", "name": " 😀\u2028\x01é\n", "x": "=1"}
    with open_file(write(line_of(values))) as table:
        assert [dict(zip(table.names, row.cells, strict=True)) for row in table.rows()] == [values]


def test_a_file_is_what_its_first_bytes_say() -> None:
    with open_file(shared_data("messy", "frictionless-datasets", "wrong-extension-files", "sample-1-sheet.pdf")) as one:
        assert one.form.format == "xlsx"
    with open_file(shared_data("products_off", "off_fr_2018_utf16le_semicolon.csv")) as two:
        assert (two.form.encoding, two.form.delimiter, two.header_number) == ("utf-16", ";", 1)


def test_what_is_known_can_be_said(write) -> None:  # type: ignore[no-untyped-def]
    path = write(b"x\nA~1\nB~2\n")
    how = Reading(encoding="cp1252", delimiter="~", header_line=0, columns=("code", "count"))
    with open_file(path, how) as table:
        assert [(row.number, row.get("code"), row.get("count")) for row in table.rows()] == [
            (1, "x", ""),
            (2, "A", "1"),
            (3, "B", "2"),
        ]
    with open_file(write(b"{a};b\n1;2\n"), Reading(delimiter=";")) as table:
        assert table.names == ["{a}", "b"]
        assert table.header_number == 1
    with open_file(write(b"Report\nof today\na,b\n1,2\n"), Reading(header_line=3)) as table:
        assert table.header == ["a", "b"]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-A", "@x", "\t=1", "\r", "'=1", "''=", "'a", "", "-5", "-1.5", "- 5"])
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    assert unguard(guard(cell)) == cell
    assert guard(cell)[:1] not in ("=", "+", "@", "\t", "\r")
    assert json_lines.as_text(cell) == cell
    assert files.Reading().header_line is None
