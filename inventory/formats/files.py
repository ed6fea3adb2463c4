"""Any file with a table in it: what it is shows in its first bytes, whatever its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory.formats.csv import open_table
from inventory.formats.excel import open_sheet
from inventory.formats.json_lines import open_lines
from inventory.formats.tables import Table

_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; what is empty is found out. `header_line` 0: there is none, `columns` may name them."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_line: int | None = None
    columns: Sequence[str] = ()


def open_file(path: Path, reading: Reading | None = None) -> Table:
    """Open CSV, XLSX, XLS or JSON Lines. Raises FormatError, OSError."""
    how = reading or Reading()
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith((_ZIP, _OLD_EXCEL)):
        table = open_sheet(path, sheet=how.sheet, header_line=how.header_line)
    elif start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") and not how.delimiter:
        lines = path.open("rb")  # the table closes it
        try:
            table = open_lines(lines)
        except BaseException:
            lines.close()
            raise
    else:
        table = open_table(
            path,
            encoding=how.encoding or None,
            delimiter=how.delimiter or None,
            header_line=how.header_line,
            guess=True,
        )
    if how.columns:
        table.rename(how.columns)
    return table
