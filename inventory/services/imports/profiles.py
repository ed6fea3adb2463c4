"""Profiles: mappings saved under a name, and the ready ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from config.core.errors import ReferenceNotFound
from devices.actors import Actor
from devices.models import Device
from inventory.errors import ImportProfileTaken
from inventory.models import ImportProfile
from inventory.services.imports.ready import PROFILES, ReadyProfile

if TYPE_CHECKING:
    from inventory.models import ImportSession

READY = {profile.name: profile for profile in PROFILES}
KEPT = ("delimiter", "encoding", "sheet", "header_line", "columns")


@transaction.atomic
def save_profile(session: ImportSession, *, actor: Actor, name: str, shared: bool = False) -> ImportProfile:
    """Keep how an import is read and mapped, for other files like it; `shared`: for every device.

    Raises ImportProfileTaken, also for the name of a ready one.
    """
    device = None if shared else session.device
    if name in READY or ImportProfile.objects.filter(device=device, name=name).exists():
        raise ImportProfileTaken
    profile = ImportProfile(
        device=device,
        name=name,
        kind=session.kind,
        mapping=session.mapping,
        options=session.options,
        reading={key: value for key, value in session.reading.items() if key in KEPT and key != "header_line"},
    )
    profile.save(force_insert=True)
    return profile


@transaction.atomic
def delete_profile(profile: ImportProfile, *, actor: Actor) -> None:
    """Forget a profile; imports that were made with it stay."""
    profile.delete()


def find_profile(name: str, *, device: Device | None) -> ReadyProfile | ImportProfile:
    """A ready profile, or one that the device may use; its own before a shared one. Raises ReferenceNotFound."""
    if name in READY:
        return READY[name]
    saved = ImportProfile.objects.usable_by(device).filter(name=name).order_by("device")
    found: ImportProfile | None = next((one for one in saved if one.device_id), None) or saved.first()
    if found is None:
        raise ReferenceNotFound(f"There is no profile {name[:80]!r}.")
    return found
