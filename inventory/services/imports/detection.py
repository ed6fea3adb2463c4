"""What is in a file that was sent: how it is written, its columns, and a mapping to begin with."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from inventory.errors import FileGone, ImportUnreadable
from inventory.formats.files import Reading, open_file
from inventory.formats.tables import FormatError, Row, Table
from inventory.models import Upload
from inventory.services.artifacts import open_artifact
from inventory.services.exports.tables import columns_of, tables
from inventory.services.imports.column_types import guess_type
from inventory.services.imports.guesses import guess_mapping, guess_options, same_header
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.ready import PROFILES, ReadyProfile

SAMPLED, SHOWN, SHOWN_CHARACTERS = 200, 10, 200
OWN_EXPORT = ("id", "revision", "created_at", "updated_at")
OWN_TABLES = {"movements": "stock_movements"} | {
    name: name for name in ("products", "barcodes", "categories", "locations", "lots")
}


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found out about a file: `reading` may be set otherwise, `line_ends` not."""

    reading: dict[str, Any]
    columns: list[str]
    sample: list[list[str]]
    rows: Sequence[Row]
    line_ends: str = ""

    def cells(self) -> dict[str, list[str]]:
        """The sampled cells by column."""
        return {name: [row.get(name) or "" for row in self.rows] for name in self.columns}

    def told(self) -> dict[str, Any]:
        """What is shown beside the reading: line ends, and a type for each column."""
        types = [{"column": name, **guess_type(cells)} for name, cells in self.cells().items()]
        return {"line_ends": self.line_ends or None, "types": types}


@contextmanager
def opened(upload: Upload | None, reading: Mapping[str, Any]) -> Iterator[Table]:
    """The table of an upload, from a copy of its own. Raises FileGone, ImportUnreadable."""
    if upload is None:
        raise FileGone
    with tempfile.NamedTemporaryFile() as copy, open_artifact(upload) as source:
        shutil.copyfileobj(source, copy)
        copy.flush()
        with readable(), open_file(Path(copy.name), as_reading(reading)) as table:
            yield table


@contextmanager
def readable() -> Iterator[None]:
    """What is wrong with a file as our own refusal."""
    try:
        yield
    except FormatError as error:
        raise ImportUnreadable(str(error)) from error


def as_reading(given: Mapping[str, Any]) -> Reading:
    """How a file is to be read, from what is stored."""
    names = ("encoding", "delimiter", "sheet", "header_line", "columns")
    return Reading(**{name: given[name] for name in names if name in given})


def detect(upload: Upload | None, reading: Mapping[str, Any]) -> Detected:
    """Look at a file's first rows. Raises FileGone, ImportUnreadable."""
    with opened(upload, reading) as table:
        rows = [row for row in islice(table.rows(), SAMPLED) if not row.problem]
        form = table.form
        found = {
            "format": form.format,
            "encoding": form.encoding,
            "delimiter": form.delimiter,
            "sheet": form.sheet,
            "header_line": table.header_number if form.format != "jsonl" else None,
        }
        said = {name: value for name, value in reading.items() if value not in ("", None, [])}
        sample = [[cell[:SHOWN_CHARACTERS] for cell in row.cells] for row in rows[:SHOWN]]
        kept = {name: value for name, value in found.items() if value not in ("", None)}
        return Detected({**kept, **said}, list(table.names), sample, rows, form.line_ends)


def fitting_profile(columns: Sequence[str], kind: str) -> ReadyProfile | None:
    """The ready profile with the most columns that fits a file's header."""
    fits = [
        profile
        for profile in PROFILES
        if kind in ("", profile.kind)
        and not profile.reading
        and same_header(profile.header or _columns(profile.mapping.values()), columns)
    ]
    return max(fits, key=lambda profile: len(profile.header or profile.mapping), default=None)


def _columns(mapped: Any) -> list[str]:
    return [column for columns in mapped for column in ([columns] if isinstance(columns, str) else columns)]


def own_kind(columns: Sequence[str]) -> str:
    """Which kind one of our own exports is, by its columns; "" for any other file."""
    known, found = tables(), set(columns)
    return next((kind for kind, table in OWN_TABLES.items() if set(columns_of(known[table])) == found), "")


def guess(kind: ImportKind, found: Detected) -> tuple[dict[str, Any], dict[str, Any]]:
    """A mapping and options to begin with."""
    mapping: dict[str, Any] = {**guess_mapping(kind, found.columns, [row.cells for row in found.rows])}
    options = guess_options(kind, mapping, found.cells())
    if same_header(OWN_EXPORT, found.columns):
        options["trim"] = False  # our own export: every space is meant
    return mapping, options


def fitted(mapping: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """A profile's mapping without what a file has no columns for."""
    found: dict[str, Any] = {}
    for name, wanted in mapping.items():
        there = [column for column in ([wanted] if isinstance(wanted, str) else wanted) if column in columns]
        if there:
            found[name] = there[0] if isinstance(wanted, str) else there
    return found
