"""People and groups in the admin: made, changed, given passwords and deleted through services, with events."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from devices.models import ServerEvent, User
from devices.services.enrollment import create_enrollment_code
from devices.services.standing import update_device
from tests import factories

SECRET = "a long enough password 42"
OWN = "admin:password_change"


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def save(client: Client, row: Any, **values: Any) -> Any:
    """Open the row's form, change it as `values` say, and save it."""
    context = client.get(address(type(row), "change", row.pk)).context
    form = context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | values
    given = {name: value for name, value in sent.items() if value not in (None, False)}
    return client.post(address(type(row), "change", row.pk), {"opened_revision": context["opened_revision"], **given})


def do(client: Client, row: Any, name: str, **answers: Any) -> Any:
    return client.post(address(type(row), "do", row.pk, name), {"confirmed": "yes", **answers}, follow=True)


def last(row: Any) -> ServerEvent:
    found: ServerEvent = ServerEvent.objects.about(row)[0]
    return found


def permission(name: str) -> Permission:
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


@pytest.fixture
def clerk(db: None) -> User:
    """Staff who may see to people, but are no superusers."""
    clerk = factories.make_user(username="clerk", is_staff=True)
    names = [f"devices.{verb}_user" for verb in ("view", "add", "change", "delete")]
    names += [f"auth.{verb}_group" for verb in ("view", "add", "change", "delete")]
    clerk.user_permissions.set([permission(name) for name in names])
    return clerk


def client_for(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# --- people ---
def test_a_person_is_added_with_a_password(boss: Client, staff: User) -> None:
    group = Group.objects.create(name="Counters")
    sent = {"username": "kim", "password": SECRET, "again": SECRET, "is_staff": "on", "groups": [group.pk]}
    response = boss.post(address(User, "add"), sent, headers={"X-Request-ID": "request-0001"})
    assert response.status_code == 302, response.context["errors"]
    kim = User.objects.get(username="kim")
    assert kim.check_password(SECRET)
    assert (kim.is_staff, kim.is_superuser, kim.is_active, list(kim.groups.all())) == (True, False, True, [group])
    event = last(kim)
    assert (event.action, event.actor_kind, event.actor_id) == ("created", "staff", str(staff.uuid))
    assert (event.request_id, event.object_name) == ("request-0001", "kim")
    assert event.changes["groups"] == [None, ["Counters"]]
    assert SECRET not in str(event.changes)
    assert kim.password not in str(event.changes)
    page = boss.get(address(User, "change", kim.pk)).content.decode()
    assert kim.password.partition("$")[0] not in page  # no part of the hash


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"again": "another one 42"}, "again", "not the same"),
        ({"password": "12345678", "again": "12345678"}, "password", "too common"),
        ({"username": "ada"}, "username", "Somebody has this username"),
        ({"username": "no spaces please"}, "username", "valid username"),
        ({"email": "nonsense"}, "email", "valid email"),
        ({"email": "ADA@example.org"}, None, "Another account has this e-mail address"),
        ({"username": ""}, "username", "required"),
    ],
)
def test_a_wrong_form_makes_nobody(boss: Client, wrong: dict[str, str], field: str | None, said: str) -> None:
    factories.make_user(username="ada", email="ada@example.org")
    sent = {"username": "kim", "password": SECRET, "again": SECRET, **wrong}
    response = boss.post(address(User, "add"), sent)
    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert said in str(errors.get(field or "__all__"))
    assert not User.objects.filter(username="kim").exists()
    assert not ServerEvent.objects.exists()


def test_a_person_is_changed_and_keeps_the_password(boss: Client, user: User) -> None:
    assert save(boss, user, first_name="Ada", is_staff="on", email="ada@example.org").status_code == 302
    current = User.objects.get(pk=user.pk)
    assert (current.first_name, current.is_staff, current.is_superuser) == ("Ada", True, False)
    assert current.check_password("correct horse")
    event = last(user)
    assert event.action == "updated"
    assert event.changes == {"first_name": ["", "Ada"], "is_staff": [False, True], "email": ["", "ada@example.org"]}
    assert save(boss, current).status_code == 302  # nothing changed, nothing recorded
    assert last(user) == event


def test_rights_are_told_by_name(boss: Client, user: User) -> None:
    group = Group.objects.create(name="Counters")
    view = permission("devices.view_device")
    assert save(boss, user, groups=[group.pk], user_permissions=[view.pk]).status_code == 302
    assert last(user).changes == {"groups": [[], ["Counters"]], "user_permissions": [[], ["devices.view_device"]]}
    history = boss.get(address(User, "history", user.pk)).content.decode()
    assert "devices.view_device" in history
    assert "boss" in history


def test_a_username_is_stored_as_it_is_looked_up(boss: Client, user: User) -> None:
    assert save(boss, user, username="ﬁnn").status_code == 302  # a ligature, which signing in takes apart
    assert User.objects.get(pk=user.pk).username == "finn"


def test_two_people_at_once_are_told(boss: Client, user: User) -> None:
    opened = boss.get(address(User, "change", user.pk)).context["opened_revision"]
    assert opened == 0
    assert save(boss, user, last_name="Byron").status_code == 302
    mine = {"username": "ada", "last_name": "Lovelace", "is_active": "on", "opened_revision": opened}
    response = boss.post(address(User, "change", user.pk), mine)
    assert response.status_code == 200
    assert "Byron" in str(response.context["adminform"].form.errors)
    assert User.objects.get(pk=user.pk).last_name == "Byron"
    again = {**mine, "opened_revision": response.context["opened_revision"]}
    assert boss.post(address(User, "change", user.pk), again).status_code == 302
    assert User.objects.get(pk=user.pk).last_name == "Lovelace"


def test_a_password_is_set_and_ends_what_was_signed_in(boss: Client, user: User, staff: User) -> None:
    theirs, refresh = client_for(user), str(RefreshToken.for_user(user))
    old = user.password
    assert "too common" in do(boss, user, "set_password", password="password", again="password").content.decode()
    assert "not the same" in do(boss, user, "set_password", password=SECRET, again="x").content.decode()
    user.refresh_from_db()
    assert user.password == old
    assert not ServerEvent.objects.exists()
    do(boss, user, "set_password", password=SECRET, again=SECRET)
    user.refresh_from_db()
    assert user.check_password(SECRET)
    event = last(user)
    assert (event.action, event.changes, event.actor_id) == ("password_set", {}, str(staff.uuid))
    assert "_auth_user_id" not in theirs.get("/admin/").wsgi_request.session
    answer = APIClient().post("/v1/auth/refresh", {"refresh": refresh})
    assert answer.json()["internal_code"] == "token_invalid"


def test_ones_own_password(boss: Client, staff: User) -> None:
    other = client_for(staff)
    old = {"old_password": "correct horse", "new_password1": SECRET, "new_password2": SECRET}
    assert boss.get(reverse(OWN)).status_code == 200
    assert boss.post(reverse(OWN), {**old, "old_password": "wrong"}).status_code == 200
    assert boss.post(reverse(OWN), {**old, "new_password1": "1", "new_password2": "1"}).status_code == 200
    assert not ServerEvent.objects.exists()
    answer = boss.post(reverse(OWN), old)
    assert (answer.status_code, answer.url) == (302, reverse("admin:password_change_done"))
    staff.refresh_from_db()
    assert staff.check_password(SECRET)
    assert (last(staff).action, last(staff).actor_id) == ("password_set", str(staff.uuid))
    assert boss.get("/admin/").status_code == 200  # this session goes on
    assert other.get("/admin/").status_code == 302  # the others end


def test_leavers_are_deactivated_and_may_come_back(boss: Client, user: User) -> None:
    do(boss, user, "deactivate")
    assert not User.objects.get(pk=user.pk).is_active
    assert last(user).changes == {"is_active": [True, False]}
    do(boss, user, "activate")
    assert User.objects.get(pk=user.pk).is_active
    assert ServerEvent.objects.about(user).count() == 2


def test_a_person_is_deleted_and_stays_in_the_events(boss: Client, user: User) -> None:
    about = ServerEvent.objects.about(user)
    page = boss.get(address(User, "delete", user.pk)).content.decode()
    assert "gone for good" in page
    assert boss.post(address(User, "delete", user.pk), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
    assert [(event.action, event.object_name) for event in about] == [("deleted", "ada")]


@pytest.mark.parametrize("owns", ["device", "code"])
def test_a_person_who_owns_something_is_not_deleted(boss: Client, user: User, owns: str) -> None:
    if owns == "device":
        update_device(device=factories.make_device(), actor=factories.TESTER, owner=user)
    else:
        create_enrollment_code(actor=factories.TESTER, owner=user)
    response = boss.post(address(User, "delete", user.pk), {"post": "yes"}, follow=True)
    assert "belong to this person" in response.content.decode()
    assert User.objects.filter(pk=user.pk).exists()
    assert not ServerEvent.objects.about(user).exists()


def test_the_last_administrator_stays_one(boss: Client, staff: User) -> None:
    for refused in (
        save(boss, staff, is_superuser=None),
        do(boss, staff, "deactivate"),
        boss.post(address(User, "delete", staff.pk), {"post": "yes"}, follow=True),
    ):
        assert "last active superuser" in refused.content.decode()
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1
    assert not ServerEvent.objects.exists()
    User.objects.create_superuser(username="second", password=SECRET)
    do(boss, staff, "deactivate")
    assert not User.objects.get(pk=staff.pk).is_active


# --- nobody gives away more than they hold ---
def test_staff_give_no_more_than_they_hold(clerk: User, user: User, staff: User) -> None:
    client = client_for(clerk)
    for refused in (
        save(client, clerk, is_superuser="on"),
        save(client, user, user_permissions=[permission("devices.view_device").pk]),
        save(client, staff, first_name="x"),
        do(client, staff, "set_password", password=SECRET, again=SECRET),
        do(client, staff, "deactivate"),
        client.post(address(User, "delete", staff.pk), {"post": "yes"}, follow=True),
        client.post(address(User, "add"), {"username": "x", "password": SECRET, "again": SECRET, "is_superuser": "on"}),
    ):
        assert "more than your own rights" in refused.content.decode()
    assert not ServerEvent.objects.exists()
    assert User.objects.filter(is_superuser=True).count() == 1
    staff.refresh_from_db()
    assert staff.check_password("correct horse")
    assert save(client, user, user_permissions=[permission("devices.view_user").pk]).status_code == 302
    assert last(user).actor_id == str(clerk.uuid)


def test_staff_do_not_take_over_an_inactive_person_with_more(clerk: User, user: User) -> None:
    user.user_permissions.set([permission("devices.change_device")])
    User.objects.filter(pk=user.pk).update(is_active=False)
    client = client_for(clerk)
    for name, answers in (("activate", {}), ("set_password", {"password": SECRET, "again": SECRET})):
        assert "more than your own rights" in do(client, user, name, **answers).content.decode()
    assert not ServerEvent.objects.exists()


# --- groups ---
def test_groups_are_made_changed_and_deleted(boss: Client, user: User) -> None:
    view = permission("devices.view_device")
    assert boss.post(address(Group, "add"), {"name": "Counters", "permissions": [view.pk]}).status_code == 302
    group = Group.objects.get()
    assert list(group.permissions.all()) == [view]
    assert last(group).changes == {"name": [None, "Counters"], "permissions": [None, ["devices.view_device"]]}
    assert save(boss, group, name="Clerks", permissions=[]).status_code == 302
    assert last(group).changes == {"name": ["Counters", "Clerks"], "permissions": [["devices.view_device"], []]}
    user.groups.add(group)
    about = ServerEvent.objects.about(group)
    assert boss.post(address(Group, "delete", group.pk), {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()
    assert (about[0].action, about[0].changes) == ("deleted", {"people": [["ada"], None]})


def test_a_group_has_a_name_of_its_own(boss: Client) -> None:
    Group.objects.create(name="Counters")
    response = boss.post(address(Group, "add"), {"name": "Counters"})
    assert "Another one has this name" in str(response.context["adminform"].form.errors["name"])
    assert Group.objects.count() == 1


def test_staff_put_no_more_into_a_group_than_they_hold(clerk: User) -> None:
    client, mine, more = client_for(clerk), permission("auth.view_group"), permission("devices.view_device")
    theirs = Group.objects.create(name="Bosses")
    theirs.permissions.set([more])
    for refused in (
        client.post(address(Group, "add"), {"name": "x", "permissions": [more.pk]}),
        save(client, theirs, name="Mine"),
        client.post(address(Group, "delete", theirs.pk), {"post": "yes"}, follow=True),
    ):
        assert "more than your own rights" in refused.content.decode()
    assert list(Group.objects.all()) == [theirs]
    assert not ServerEvent.objects.exists()
    assert client.post(address(Group, "add"), {"name": "x", "permissions": [mine.pk]}).status_code == 302


# --- the log ---
def test_server_events_are_read_only(boss: Client, user: User) -> None:
    save(boss, user, first_name="Ada")
    event = last(user)
    assert boss.get(address(ServerEvent, "changelist"), {"q": str(user.uuid)}).context["cl"].result_list == [event]
    assert boss.post(address(ServerEvent, "change", event.pk), {"action": "x"}).status_code == 403
    assert boss.post(address(ServerEvent, "delete", event.pk), {"post": "yes"}).status_code == 403
    assert boss.get(address(ServerEvent, "add")).status_code == 403
