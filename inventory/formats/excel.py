"""Excel sheets, XLSX and XLS, read in a process of their own: a hostile file cannot take the server's memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from inventory.formats import excel_cells
from inventory.formats.tables import Form, FormatError, Record, Table

MAX_ROWS, MAX_COLUMNS = 1_048_576, 2_000
MAX_UNPACKED = 512 << 20  # bytes of a whole XLSX
MEMORY_MEGABYTES, SECONDS = 1_536, 120

# `_x0001_` stands for a control character, and writers and readers disagree about what looks like one. So nothing is
# left that does: `_x0041_` becomes `_xx0041_`. What XML cannot hold at all, U+FFFE and U+FFFF, is written the same way.
_LOOKS_ESCAPED = re.compile(r"_x(?=x*[0-9A-Fa-f]{4}[_\x00-\x1f\ufffe\uffff])")
_ESCAPED = re.compile(r"_xFFF[EF]_|_xx(?=x*[0-9A-Fa-f]{4}[_\x00-\x1f])")
_MEANING = {"_xFFFE_": "\ufffe", "_xFFFF_": "\uffff", "_xx": "_x"}
_OLD = b"\xd0\xcf\x11\xe0"


def escape(text: str) -> str:
    """Text as write_string() of xlsxwriter may be given it; unescape() undoes it exactly."""
    return _LOOKS_ESCAPED.sub("_xx", text).replace("\ufffe", "_xFFFE_").replace("\uffff", "_xFFFF_")


def unescape(text: str) -> str:
    """The text that escape() was given."""
    return _ESCAPED.sub(lambda found: _MEANING[found[0]], text)


def open_sheet(path: Path, *, sheet: str = "", header_line: int | None = None, guess: bool = True) -> Table:
    """Open one sheet: by default the first with any cell in it. Dates come in ISO form, numbers exactly as stored.

    Bounded: unpacked size, rows, columns, memory and time. Raises FormatError.
    """
    with path.open("rb") as stream:
        old = stream.read(4) == _OLD
    if not old:
        _refuse_bomb(path)
    limits = [str(limit) for limit in (MAX_ROWS, MAX_COLUMNS, MEMORY_MEGABYTES, SECONDS)]
    command = [sys.executable, "-I", excel_cells.__file__, str(path.absolute()), sheet, *limits]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603  # our own file

    def close() -> None:
        if process.stdout is not None:
            process.stdout.close()
        process.kill()
        process.wait()

    try:
        first = _first_line(process)
        form = Form("xls" if old else "xlsx", sheet=first["sheet"])
        return Table(_records(process), form, header_line=header_line, guess=guess, close=close)
    except BaseException:
        close()
        raise


def _refuse_bomb(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (BadZipFile, OSError, ValueError) as error:
        raise FormatError("This is not an Excel file.") from error
    if size > MAX_UNPACKED:
        raise FormatError(f"Unpacked this file has {size >> 20:,} MiB; {MAX_UNPACKED >> 20} are the most.")


def _first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else b""
    if not line:
        raise FormatError("This Excel file is too large, or broken.")
    first: dict[str, Any] = json.loads(line)
    if "refused" in first:
        raise FormatError(first["refused"])
    return first


def _records(process: subprocess.Popen[bytes]) -> Iterator[Record]:
    number = 1
    for number, line in enumerate(process.stdout or (), 1):
        cells = [unescape(cell) for cell in json.loads(line)]
        if "".join(cells).strip():
            yield number, cells
    if process.wait() != 0:
        raise FormatError("The sheet breaks off here: it is too large, or broken.", line=number)
