"""Prints the rows of one Excel sheet, a JSON list each; run as a process of its own, with limits."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import python_calamine


def main(path: str, sheet: str, *limits: int) -> None:
    """Answer on standard output. `limits`: rows, columns, megabytes of memory, seconds."""
    max_rows, max_columns, megabytes, seconds = limits
    for limit, most in ((resource.RLIMIT_AS, megabytes << 20), (resource.RLIMIT_CPU, seconds)):
        with contextlib.suppress(ValueError, OSError):  # a system that has no such limit
            resource.setrlimit(limit, (most, most))
    for line in answer(path, sheet, max_rows, max_columns):
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")


def answer(path: str, sheet: str, max_rows: int, max_columns: int) -> Iterator[Any]:
    """First the sheets' names and the one that is read, or {"refused": why}; then the rows, blank ones too."""
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        names = workbook.sheet_names
        chosen = sheet or next((name for name in names if workbook.get_sheet_by_name(name).height), names[0])
        found = workbook.get_sheet_by_name(chosen)
    except python_calamine.WorksheetNotFound:
        yield {"refused": f"There is no sheet {sheet[:80]!r}, only: {', '.join(names)[:200]}."}
        return
    except (python_calamine.CalamineError, IndexError, OSError) as error:
        yield {"refused": f"This Excel file cannot be read: {str(error)[:200]}"}
        return
    if found.height > max_rows or found.width > max_columns:
        size = f"{found.height:,} rows and {found.width:,} columns"
        yield {"refused": f"The sheet has {size}; {max_rows:,} and {max_columns:,} are the most."}
        return
    yield {"sheets": names, "sheet": chosen}
    for row in found.iter_rows():
        yield [text(cell) for cell in row]


def text(cell: Any) -> str:
    """A cell as a person would type it: whole numbers without a point, dates in ISO form."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() else f"{Decimal(repr(cell)):f}"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta | int) else ""


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
