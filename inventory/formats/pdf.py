"""Sheets as PDF, set by typst. Every text goes in as data, never as markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, cast

import typst

from inventory.formats.glyphs import MISSING, drawable, load_fonts
from inventory.formats.sheets import NUMERIC, Bar, Chart, Column, Kind, Sheet, for_people, shown_number

Paper = Literal["a4", "us-letter"]
TEMPLATES = Path(__file__).parent / "typst"
MOST_ROWS = 2_000  # of the table, 120 KB of memory each; what is more is in the other formats, its totals here
TAGGED_ROWS = 1_000  # tags for screen readers make a long table's file 14 times as large
PORTRAIT_WIDTH = 104  # characters; a wider table lies down
LONG = re.compile(r"\S{16,}")  # may end a line after a joint, as stocktake:0f3c… or a path
JOINT = re.compile(r"(?<=[:/_.@])(?=\w)")
UNBROKEN = re.compile(r"[^\s\u200b-]{25,}")  # longer than a line of a cell
PIECE = 20
MOST_TEXT = 400  # characters of one cell
BREAKS = re.compile(r"[\s\u200b]+|(?<=-)")  # where a line may end
SHAPES = str.maketrans(
    dict.fromkeys(" .,:;!|'ijlft\u200b", "\x01") | dict.fromkeys("ABCDEFGHKMNOPQRSTUVWXYZmw", "\x02")
)
MEASURED = 8  # of the longest texts of a column
SCALE = 1000  # the longest bar
REMEMBERED = 11  # compilations; see forget()


def write_pdf(
    sheet: Sheet,
    file: IO[bytes],
    *,
    paper: Paper = "a4",
    most_rows: int = MOST_ROWS,
    fonts: Path | None = None,
) -> None:
    """A title block, figures, charts, and the table with its totals; the header row on every page.

    Above `most_rows` the rest is counted and summed, and the document says so. `fonts`: a folder with more fonts.
    """
    known = load_fonts(fonts)[2]
    data = _describe(sheet, known, most_rows=most_rows)
    pdf = compile_pdf("report.typ", {**data, "paper": paper}, sheet=sheet, fonts=fonts)
    file.write(pdf)


def compile_pdf(template: str, data: dict[str, Any], *, sheet: Sheet, fonts: Path | None) -> bytes:
    """One of our templates filled with `data`; it reads nothing else."""
    loaded, families, _ = load_fonts(fonts)
    compiler = typst.Compiler(
        TEMPLATES / template, root=TEMPLATES, font_paths=loaded, ignore_system_fonts=True,
        sys_inputs={"data": json.dumps({**data, "families": families})},
    )  # fmt: skip
    try:
        made_at, tagged = int(sheet.made_at.timestamp()), sheet.count <= TAGGED_ROWS
        pdf = compiler.compile(format="pdf", timestamp=made_at, pdf_tags=tagged)
    finally:
        forget(loaded)
    return cast(bytes, pdf)  # one document


def forget(fonts: typst.Fonts) -> None:
    """Free what the compiler remembers for the next document, which is never the same one.

    Measured: 180 MB per document of 2,000 rows, for ten compilations; so do ten more of nothing.
    """
    for _ in range(REMEMBERED):
        typst.compile(b"#none", format="pdf", font_paths=fonts, ignore_system_fonts=True)


def _describe(sheet: Sheet, known: frozenset[int], *, most_rows: int) -> dict[str, Any]:
    draw = partial(drawable, known=known)
    stream = iter(sheet)
    rows = [
        [_cell(cell, column, sheet, draw) for cell, column in zip(cells, sheet.columns, strict=True)]
        for cells in islice(stream, most_rows)
    ]
    for _ in stream:
        pass  # counted and summed
    summary = sheet.summarise()
    totals = [_total(sheet, column) for column in sheet.columns] if sheet.count else []
    totals = totals if any(totals) else []
    data = {
        "title": draw(sheet.title),
        "subtitle": draw(sheet.subtitle),
        "facts": [[draw(label), draw(text)] for label, text in sheet.facts],
        "figures": [[draw(label), draw(text)] for label, text in summary.figures],
        "charts": [_chart(chart, draw) for chart in summary.charts if chart.bars],
        "landscape": _lies_down(sheet, rows),
        "columns": [_column(column, sheet, [row[place] for row in rows]) for place, column in enumerate(sheet.columns)],
        "rows": rows,
        "nothing": draw(sheet.nothing),
        "totals": totals,
        "count": f"{sheet.count:,}",
        "left_out": f"{sheet.count - len(rows):,}" if sheet.count > len(rows) else "",
    }
    data["missing"] = MISSING in json.dumps(data, ensure_ascii=False)
    return data


def _cell(cell: Any, column: Column, sheet: Sheet, draw: Callable[[str], str]) -> str:
    text = draw(for_people(cell, column.kind, sheet.zone))
    if column.kind != Kind.TEXT:
        return text
    text = text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"
    return UNBROKEN.sub(_breakable, LONG.sub(lambda word: JOINT.sub("\u200b", word[0]), text))


def _breakable(match: re.Match[str]) -> str:
    word = match[0]
    return "\u200b".join(word[start : start + PIECE] for start in range(0, len(word), PIECE))


def _lies_down(sheet: Sheet, rows: Sequence[Sequence[str]]) -> bool:
    """A table that needs more than the width of upright paper; what its rows leave empty needs nothing."""
    widths = [column.width for column in sheet.columns]
    if sum(widths) <= PORTRAIT_WIDTH:
        return False
    longest = [max(map(len, texts), default=0) for texts in zip(*rows, strict=True)] or widths
    titles = [len(column.title) for column in sheet.columns]
    return sum(min(width, max(needs)) for width, *needs in zip(widths, longest, titles, strict=True)) > PORTRAIT_WIDTH


def _column(column: Column, sheet: Sheet, texts: Sequence[str]) -> dict[str, Any]:
    """What the template makes its width of: the longest texts, what most rows need, the longest words.

    Only these few are measured with the font: measuring every cell takes longer than setting it.
    """
    title = f"{column.title} ({sheet.zone})" if column.kind == Kind.TIME and str(sheet.zone) != "UTC" else column.title
    found = sorted({text for text in texts if text}, key=_extent)
    enough = sorted(map(_extent, texts))[len(texts) * 9 // 10] if texts else 0
    return {
        "title": title,
        "numeric": column.kind in NUMERIC,
        "wraps": column.kind == Kind.TEXT,  # anything else is never broken
        "longest": found[-MEASURED:],
        "usual": [text for text in found if _extent(text) <= enough][-MEASURED:],
        "words": sorted({word for text in found for word in BREAKS.split(text)}, key=_extent)[-MEASURED:],
        "title_words": title.split(),
    }


def _extent(text: str) -> float:
    """About how wide it is in our fonts, to find the widest; the template measures those."""
    shape = text.translate(SHAPES)
    return len(text) - shape.count("\x01") / 2 + shape.count("\x02") / 4


def _total(sheet: Sheet, column: Column) -> str:
    total = sheet.total(column)
    return "" if total is None else for_people(total, column.kind, sheet.zone)


def _chart(chart: Chart, draw: Callable[[str], str]) -> dict[str, Any]:
    longest = max((abs(bar.value) for bar in chart.bars), default=Decimal(0)) or Decimal(1)
    return {
        "title": draw(chart.title),
        "columns": chart.columns,
        "bars": [_bar(bar, longest, draw) for bar in chart.bars],
    }


def _bar(bar: Bar, longest: Decimal, draw: Callable[[str], str]) -> Sequence[Any]:
    shown = bar.shown or shown_number(bar.value)
    return [draw(bar.label), draw(shown), int(bar.value * SCALE / longest)]
