"""The catalogue is refreshed: a file's products are added and changed, a thousand at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from django.utils import timezone

from inventory.errors import CatalogUnreadable
from inventory.formats.files import open_file
from inventory.formats.tables import FormatError
from inventory.models import CatalogProduct, CatalogSource
from inventory.services.catalog.reading import Entry, read_entries
from inventory.services.catalog.sources import Fetched, copy_upload, fetch_catalog, find_source
from inventory.services.job_runs import JobRun

CHUNK = 1000
FIELDS = ("name", "brand", "quantity", "category", "attributes")


def refresh_catalog(run: JobRun) -> None:
    """Bring the catalogue to what a URL or an upload says now; products that the source dropped stay.

    result: {status (refreshed or unchanged), source, bytes, sha256, rows, created, updated, unchanged, skipped}.
    Each thousand rows are an effect; a later attempt goes on behind them if the file is still the same.
    """
    source = find_source(run.parameters["source"])

    def heard(size: int) -> None:
        run.progress(message=f"{size:,} bytes")

    with TemporaryDirectory(prefix="catalogue-") as folder:
        url = run.parameters.get("url", "")
        fetched = (
            fetch_catalog(source, url=url, folder=Path(folder), heard=heard)
            if url
            else copy_upload(UUID(run.parameters["upload"]), folder=Path(folder), heard=heard)
        )
        if fetched is None:
            run.result = {"status": "unchanged", "source": source.name}
            return
        _begin(run, source, fetched)
        try:
            _read(run, source, fetched)
        except FormatError as error:
            raise CatalogUnreadable(str(error)) from error
    with run.effect(last=True):
        run.result["status"] = "refreshed"
        source.url, source.etag, source.last_modified = url, fetched.etag, fetched.last_modified
        source.sha256, source.refreshed_at = fetched.sha256, timezone.now()
        source.save()


def _begin(run: JobRun, source: CatalogSource, fetched: Fetched) -> None:
    """Figures from the start, unless an earlier attempt has read some of this very file."""
    if run.result.get("sha256") == fetched.sha256:
        return
    counts = dict.fromkeys(("rows", "created", "updated", "unchanged"), 0)
    run.result = {"status": "running", "source": source.name, "bytes": fetched.size, "sha256": fetched.sha256}
    run.result |= {**counts, "skipped": {}}
    run.progress(0)


def _read(run: JobRun, source: CatalogSource, fetched: Fetched) -> None:
    with open_file(fetched.path) as table:
        entries = read_entries(table)
        for _ in islice(entries, run.done):
            pass
        run.progress(total=_lines(fetched.path), message="products")
        while chunk := list(islice(entries, CHUNK)):
            products = [entry for entry in chunk if isinstance(entry, Entry)]
            with run.effect():
                _count(run.result, upsert_products(source, products))
                skipped = Counter(run.result["skipped"])
                skipped.update(reason for reason in chunk if isinstance(reason, str))
                run.result["skipped"] = dict(skipped)
                run.result["rows"] += len(chunk)
                run.progress(run.done + len(chunk))
    run.progress(total=run.done)


def upsert_products(source: CatalogSource, entries: Sequence[Entry]) -> dict[str, int]:
    """Add or change products, the last one of a GTIN counts. Returns {created, updated, unchanged}."""
    wanted = {entry.gtin: entry for entry in entries}
    known = {row.gtin: row for row in CatalogProduct.objects.filter(gtin__in=wanted)}
    rows = [_row(source, wanted[gtin]) for gtin in sorted(wanted)]  # in one order: two refreshes never deadlock
    changed = [row for row in rows if row.gtin in known and _values(row) != _values(known[row.gtin])]
    new = [row for row in rows if row.gtin not in known]
    CatalogProduct.objects.bulk_create(
        sorted([*new, *changed], key=lambda row: row.gtin),
        update_conflicts=True,
        unique_fields=["gtin"],
        update_fields=[*FIELDS, "source", "updated_at"],
    )
    counts = {"created": len(new), "updated": len(changed)}
    return {**counts, "unchanged": len(entries) - len(new) - len(changed)}


def _row(source: CatalogSource, entry: Entry) -> CatalogProduct:
    return CatalogProduct(gtin=entry.gtin, source=source, **{name: getattr(entry, name) for name in FIELDS})


def _values(row: CatalogProduct) -> tuple[Any, ...]:
    return (*(getattr(row, name) for name in FIELDS), row.source_id)


def _count(result: dict[str, Any], more: dict[str, int]) -> None:
    for name, number in more.items():
        result[name] += number


def _lines(path: Path) -> int:
    """About how many rows there are, for the progress bar."""
    with path.open("rb") as file:
        return max(1, sum(block.count(b"\n") for block in iter(lambda: file.read(CHUNK * 1000), b"")) - 1)
