"""The kinds of imports that there are."""

from __future__ import annotations

from collections.abc import Mapping

from inventory.errors import UnknownImportKind
from inventory.services.imports.codes import BARCODES, LOTS
from inventory.services.imports.counts import COUNTS
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.movement_kinds import MOVEMENTS, STOCK
from inventory.services.imports.products import PRODUCTS
from inventory.services.imports.trees import CATEGORIES, LOCATIONS

KINDS: Mapping[str, ImportKind] = {
    kind.name: kind for kind in (PRODUCTS, BARCODES, CATEGORIES, LOCATIONS, LOTS, STOCK, MOVEMENTS, COUNTS)
}


def find_import_kind(name: str) -> ImportKind:
    """Raises UnknownImportKind."""
    try:
        return KINDS[name]
    except KeyError:
        said = f"`{name[:80]}` is not one of" if name else "The file does not show what it is; say `kind`, one of"
        raise UnknownImportKind(f"{said}: {', '.join(KINDS)}.") from None
