"""Whatever text a table holds comes back from CSV, XLSX and JSON Lines as it was."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inventory.formats.csv import unguard
from inventory.formats.files import open_file
from inventory.formats.table_files import CellTooLong, write_csv, write_lines, write_sheet

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text("='+-@ _x041\t\r\n\"\ufffe")
WRITERS: dict[str, Callable[..., None]] = {"csv": write_csv, "xlsx": write_sheet, "jsonl": write_lines}


@pytest.mark.parametrize("format_", WRITERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20))
@example([("=1", "'=1"), ("  ", " a "), ("007", "1e5"), ("\ufeff", "\u2028"), ("\x85", "\x1c")])
def test_every_text_comes_back(tmp_path: Path, format_: str, rows: list[tuple[str, str]]) -> None:
    stream = io.BytesIO()
    WRITERS[format_](stream, ["id", "a", "b"], [(str(number), *row) for number, row in enumerate(rows)])
    path = tmp_path / "file"
    path.write_bytes(stream.getvalue())
    with open_file(path) as table:
        assert table.names == ["id", "a", "b"]
        undo = unguard if format_ == "csv" else str
        found = [tuple(undo(row.get(name) or "") for name in ("a", "b")) for row in table.rows()]
    assert found == rows


def test_values_keep_their_meaning() -> None:
    stream = io.BytesIO()
    row: list[Any] = [None, True, 3, {"a": [1]}, "x"]
    write_lines(stream, list("abcde"), [row])
    assert stream.getvalue() == b'{"a":null,"b":true,"c":3,"d":{"a":[1]},"e":"x"}\n'
    stream = io.BytesIO()
    write_csv(stream, list("abcde"), [row])
    assert stream.getvalue().decode("utf-8-sig") == 'a,b,c,d,e\r\n,true,3,"{""a"":[1]}",x\r\n'


@pytest.mark.parametrize("text", ["x" * 32_768, "\x01" * 5_000])
def test_a_sheet_says_what_it_cannot_hold(text: str) -> None:
    with pytest.raises(CellTooLong):
        write_sheet(io.BytesIO(), ["a"], [[text]])
