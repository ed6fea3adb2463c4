"""Blindness: what the holder of a blind sheet is not shown.

A blind sheet's holder (the installation it is assigned to or held by; every installation of the device where it is
assigned to none) is shown neither what is expected of the stocktake's lines nor the levels of their buckets, until
the line is posted or the stocktake cancelled. Then those rows get a new revision, so that every pull brings them.
Cases and alerts that tell of such stock are not there at all for the holder: that there is one would tell, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from devices.models import Installation
from inventory.models.alerts import Alert, AlertRule
from inventory.models.cases import Case
from inventory.models.lines import Line, StocktakeLine
from inventory.models.sheets import CountSheet
from inventory.models.stocktakes import State, Stocktake

HIDING = (State.OPEN, State.COUNTING, State.CLOSING, State.REVIEW, State.APPROVED)
SHOWN = (Line.POSTED, Line.REVERSED)
# What tells a level, or what came of a count. `case_open` repeats what its case says.
TELLING: Mapping[type[Case | Alert], tuple[str, ...]] = {
    Case: (
        Case.Kind.NEGATIVE_STOCK,
        Case.Kind.VARIANCE_OVER_LIMIT,
        Case.Kind.AMBIGUOUS_MOVEMENT,
        Case.Kind.OVERLAP,
        Case.Kind.SERIAL_IN_TWO_PLACES,
        Case.Kind.LEDGER_DRIFT,
    ),
    Alert: (AlertRule.Kind.BELOW_MINIMUM, AlertRule.Kind.EXPIRING, AlertRule.Kind.CASE_OPEN),
}


def blind_sheets(installation: Installation, stocktake: Any) -> Any:
    """The blind sheets of a stocktake that this installation counts, or may count."""
    mine = Q(assigned_to=None) | Q(assigned_to=installation.uuid) | Q(held_by=installation.uuid)
    return CountSheet.objects.filter(mine, stocktake=stocktake, blind=True, stocktake__state__in=HIDING)


def counts_blindly(installation: Installation) -> bool:
    """Whether this installation holds, or may take, a blind sheet of any stocktake that goes on."""
    going_on = Stocktake.objects.filter(device=installation.device_id)
    return bool(going_on.filter(Exists(blind_sheets(installation, OuterRef("pk")))).exists())


def is_blind(installation: Installation | None, stocktake: Any) -> bool:
    """Whether this installation counts a stocktake blindly now; people never do."""
    return installation is not None and blind_sheets(installation, stocktake).exists()


def hide_lines(lines: Any, installation: Installation | None) -> Any:
    """Adds is_hidden to lines; nothing for people."""
    if installation is None:
        return lines
    return lines.annotate(is_hidden=~Q(state__in=SHOWN) & Exists(blind_sheets(installation, OuterRef("stocktake"))))


def hidden_lines(installation: Installation, **bucket: Any) -> Any:
    """The lines that are hidden from an installation; `bucket` narrows them."""
    lines = StocktakeLine.objects.filter(device=installation.device_id, **bucket).exclude(state__in=SHOWN)
    return lines.filter(Exists(blind_sheets(installation, OuterRef("stocktake"))))


def hide_levels(levels: Any, installation: Installation | None) -> Any:
    """Adds is_hidden to levels; nothing for people."""
    if installation is None:
        return levels
    lines = hidden_lines(installation, product=OuterRef("product"), location=OuterRef("location"))
    lines = lines.annotate(lot_or_none=Coalesce("lot_id", 0)).filter(lot_or_none=Coalesce(OuterRef("lot_id"), 0))
    return levels.annotate(is_hidden=Exists(lines))


def hide_products(products: Any, installation: Installation | None) -> Any:
    """Adds is_hidden to products of which any level is hidden; nothing for people."""
    if installation is None:
        return products
    return products.annotate(is_hidden=Exists(hidden_lines(installation, product=OuterRef("pk"))))


def telling(model: type[Case | Alert]) -> Any:
    """The live cases or alerts that tell of the stock."""
    return model.objects.filter(kind__in=TELLING[model])


def hide_telling(rows: Any, installation: Installation) -> Any:
    """Adds is_hidden to cases or alerts: those that tell of a product of which any level is hidden.

    Where none is named (a case of before cases had one), any hidden line hides it.
    """
    counted = Exists(hidden_lines(installation, product=OuterRef("product")))
    unnamed = Q(product=None) & Exists(hidden_lines(installation))
    return rows.annotate(is_hidden=Q(kind__in=TELLING[rows.model]) & (counted | unnamed))


def without_hidden(rows: Any, installation: Installation | None) -> Any:
    """Cases or alerts but those that are hidden."""
    return rows if installation is None else hide_telling(rows, installation).filter(is_hidden=False)
