"""The table of standings, every cell; and what a device's own row records."""

from __future__ import annotations

import pytest

from devices.actors import system
from devices.errors import RevisionMismatch, TransitionNotAllowed
from devices.models import NEXT_STANDINGS, Device, Event, Feed, Standing, User
from devices.services.enrollment import Enrolled
from devices.services.standing import set_standing, update_device
from tests import factories

CELLS = [(before, after) for before in Standing for after in Standing]


def reach(enrolled: Enrolled, standing: Standing, *, installation: bool) -> None:
    Device.objects.update(standing=Standing.ACTIVE if installation else standing)
    if installation:
        type(enrolled.installation).objects.update(standing=standing)


@pytest.mark.parametrize("installation", [False, True])
@pytest.mark.parametrize(("before", "after"), CELLS)
def test_every_step(enrolled: Enrolled, before: Standing, after: Standing, installation: bool) -> None:
    device = enrolled.installation.device
    reach(enrolled, before, installation=installation)
    head, events = Feed.objects.get(device=device).head, Event.objects.count()
    target = enrolled.installation if installation else None

    def step() -> Device:
        return set_standing(device=device, actor=factories.TESTER, standing=after, installation=target)

    if after in NEXT_STANDINGS[before]:
        changed = step()
        found = Event.objects.order_by("-id")[0]
        assert (found.action, found.changes["standing"]) == (f"standing_{after}", [before, after])
        assert found.revision == changed.revision == Feed.objects.get(device=device).head == head + 1
        reached = after
    elif before == after:
        step()
        reached = before
    else:
        with pytest.raises(TransitionNotAllowed):
            step()
        reached = before
    enrolled.installation.refresh_from_db()
    row = enrolled.installation if installation else Device.objects.get()
    assert row.standing == reached
    if reached == before:
        assert (Feed.objects.get(device=device).head, Event.objects.count()) == (head, events)


@pytest.mark.parametrize("of_device", Standing)
@pytest.mark.parametrize("of_installation", Standing)
def test_the_stricter_of_the_two_counts(enrolled: Enrolled, of_device: Standing, of_installation: Standing) -> None:
    order = [Standing.ACTIVE, Standing.SUSPENDED, Standing.DRAINING, Standing.REVOKED]
    enrolled.installation.standing, enrolled.installation.device.standing = of_installation, of_device
    assert enrolled.installation.effective_standing() == max(of_device, of_installation, key=order.index)


def test_a_device_changes_hands(device: Device, user: User) -> None:
    owned = update_device(device=device, actor=factories.TESTER, owner=user, name="Till", platform="ios")
    assert (owned.owner, owned.name, owned.platform) == (user, "Till", "ios")
    event = Event.objects.about(device)[0]
    assert event.changes["owner"] == [None, str(user.uuid)]
    head = Feed.objects.get(device=device).head
    assert update_device(device=device, actor=factories.TESTER, owner=user, name="Till") == owned
    assert Feed.objects.get(device=device).head == head
    with pytest.raises(RevisionMismatch):
        update_device(device=device, actor=factories.TESTER, name="Late", expected_revision=1)
    assert Device.objects.get().name == "Till"
    free = update_device(device=device, actor=factories.TESTER, disown=True, expected_revision=owned.revision)
    assert free.owner is None
    assert update_device(device=device, actor=factories.TESTER, disown=True).revision == free.revision


def test_actors_have_a_key() -> None:
    actor = system("import")
    assert actor.key == "system:import"
    assert actor.operation_id is None
