"""Sheets that files are counted on: a stocktake made for the file, or one that the import names."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from devices.actors import Actor
from devices.models import Device, Event
from inventory.models import CountEntry, CountKind, CountSheet, ImportSession, Location
from inventory.models.lines import Line as CountLine
from inventory.models.sheets import NEXT_SHEET, WORKED_ON, Sheet
from inventory.models.stocktakes import BEFORE_POSTED, COUNTABLE, State
from inventory.services.counting.sheets import abandon_sheet, create_sheet, installation_of
from inventory.services.counting.stocktakes import cancel_stocktake, create_stocktake, open_stocktake
from inventory.services.imports.earlier import LINES
from inventory.services.imports.fields import CellProblem
from inventory.services.imports.options import Options, read_options
from inventory.services.imports.references import Tree
from inventory.services.locations import default_location

VOID = (State.CANCELLED, State.REVERSED)
OTHERS_COUNTED = "Others have counted there too: cancel the stocktake, or abandon the sheet, by hand."
STANDS = "The sheet is sealed or the stocktake posted: the counts stand until the stocktake is cancelled or reversed."


def sheet_id(options: Options, file_name: str) -> UUID:
    """The id of the sheet of a file: the one that is named, else its own."""
    return UUID(options.sheet) if options.sheet else uuid5(LINES, f"sheet\n{options.source or file_name}")


def find_sheet(device: Device, options: Options, file_name: str) -> CountSheet | None:
    """The sheet of a file as it is now; None before the first count of a file that makes its own.

    Raises CellProblem for a named one that the device has not.
    """
    sheets = CountSheet.all_objects.for_device(device).select_related("stocktake", "location", "device")
    found: CountSheet | None = sheets.filter(uuid=sheet_id(options, file_name)).first()
    if found is None and options.sheet:
        raise CellProblem("import_unknown_reference", f"There is no count sheet {options.sheet}.")
    return found


def sheet_of(session: ImportSession) -> CountSheet | None:
    """The sheet that an import has counted on, if it has. Raises CellProblem as find_sheet()."""
    return find_sheet(session.device, read_options(session.options), session.file_name)


def takes_counts(sheet: CountSheet) -> bool:
    """Whether a count on it is on time."""
    stocktake = sheet.stocktake
    is_open = sheet.state in WORKED_ON and stocktake.state in COUNTABLE and not sheet.is_deleted
    return is_open and sheet.pass_number == stocktake.pass_number


def is_void(sheet: CountSheet) -> bool:
    """Whether nothing that was counted on it stands."""
    return sheet.is_deleted or sheet.state == Sheet.ABANDONED or sheet.stocktake.state in VOID


def find_base(device: Device, options: Options, sheet: CountSheet | None, places: Tree) -> Location:
    """Where lines without a bin were counted, and what unknown bins lie in: the location that is named, else the
    sheet's, else the default one. Raises CellProblem."""
    if options.location:
        named: Location | None = places.find(options.location)
        if named is None:
            raise CellProblem("import_unknown_reference", f"There is no location {options.location[:80]}.")
        return named
    about = sheet.location if sheet is not None else None
    return about or default_location(device)


def find_bin(typed: str, *, base: Location, places: Tree, options: Options) -> Location | None:
    """A bin by its code, else by its path in `base`, else, where no location is named, by a path or name elsewhere."""
    if not typed:
        return base
    found: Location | None = places.codes.get(typed) or places.walk(places.parts(typed), base)
    return found or (None if options.location else places.find(typed))


@transaction.atomic
def make_sheet(device: Device, actor: Actor, options: Options, file_name: str, base: Location) -> CountSheet:
    """Make the stocktake of a file, open, with its one sheet. Under the feed lock."""
    source = options.source or file_name
    # The paper is all there is: nobody can count its day again. What a device brings itself is under its own policy.
    policy = {} if installation_of(actor) else {"recount": "optional"}
    stocktake = create_stocktake(
        device=device,
        actor=actor,
        name=source[:200],
        kind=CountKind.SPOT,
        location_id=base.uuid,
        policy=policy,
        id=uuid5(LINES, f"stocktake\n{source}"),
    )
    opened = open_stocktake(stocktake, actor=actor)
    made = create_sheet(
        device=device,
        actor=actor,
        stocktake_id=opened.uuid,
        name=source[:200],
        location_id=base.uuid,
        id=sheet_id(options, file_name),
    )
    found: CountSheet = CountSheet.objects.select_related("stocktake", "location", "device").get(pk=made.pk)
    return found


# --- Reverting ----------------------------------------------------------------------------------
def sheet_counted_by(session: ImportSession) -> CountSheet | None:
    """The sheet that holds entries of this import; None where it made none."""
    return sheet_of(session) if _entries_by(session).exists() else None


def give_up(session: ImportSession, *, actor: Actor) -> str:
    """Take back what an import has counted, under the feed lock: its entries stay, and stand no more.

    The stocktake that was made for the file is cancelled, a named sheet abandoned. Returns why not, "" if it is done.
    """
    sheet = sheet_counted_by(session)
    if sheet is None or is_void(sheet):
        return ""
    stocktake = sheet.stocktake
    made = Event.objects.about(stocktake).filter(action="created", operation_id=session.uuid).exists()
    counted = CountEntry.objects.filter(sheet__stocktake=stocktake) if made else CountEntry.objects.filter(sheet=sheet)
    if counted.exclude(uuid__in=_entries_by(session).values("object_id")).exists():
        return OTHERS_COUNTED
    if made and stocktake.state in BEFORE_POSTED and not stocktake.lines.filter(state=CountLine.POSTED).exists():
        cancel_stocktake(stocktake, actor=actor)
    elif not made and (sheet.state, "abandon") in NEXT_SHEET:
        abandon_sheet(sheet, actor=actor)
    else:
        return STANDS
    return ""


def _entries_by(session: ImportSession) -> Any:
    """The events of the entries that an import made."""
    return Event.objects.for_device(session.device).filter(
        revision__range=(session.first_revision, session.last_revision),
        operation_id=session.uuid,
        table=CountEntry._meta.db_table,
    )
