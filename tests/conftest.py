"""Fixtures that most tests need: two devices, a user, and clients that act as each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, TransactionTestCase
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from devices.models import Device, PurgePermit, User
from devices.services.enrollment import Enrolled
from tests import factories
from tests.factories.receiver import Receiver, listening

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """A file of the shared real data; skips the test, saying so, where the folder is absent."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data not here: {path}")
    return path


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    cache.clear()
    return


@pytest.fixture
def enrolled(db: None) -> Enrolled:
    return factories.enrol(name="Scanner")


@pytest.fixture
def device(enrolled: Enrolled) -> Device:
    return enrolled.installation.device


@pytest.fixture
def other(db: None) -> Device:
    return factories.make_device(name="Stranger")


@pytest.fixture
def api(enrolled: Enrolled) -> APIClient:
    """A client with the device's token."""
    return client_with(enrolled.token)


@pytest.fixture
def user(db: None) -> User:
    return factories.make_user(username="ada")


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser(username="boss", password="correct horse")


@pytest.fixture
def boss(staff: User) -> Client:
    """A browser of a superuser who is signed in to the admin."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server on loopback."""
    with listening() as server:
        yield server


def client_with(token: str = "", **headers: str) -> APIClient:
    """An API client; a token is sent as Bearer."""
    client = APIClient(raise_request_exception=False)
    credentials = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    client.credentials(**credentials, **headers)
    return client


def client_of(user: User, device: Device | None = None) -> APIClient:
    """An API client of a person, acting in `device`."""
    headers = {"HTTP_X_DEVICE_ID": str(device.uuid)} if device else {}
    return client_with(str(RefreshToken.for_user(user).access_token), **headers)


def _flush(self: Any) -> None:
    """Flush between transactional tests: the append-only triggers refuse it without a permit or on SQLite."""
    if connection.vendor != "sqlite":
        with transaction.atomic():
            PurgePermit.objects.create(reason="flush between tests")
            return original_teardown(self)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        original_teardown(self)
        for _, sql in triggers:
            cursor.execute(sql)
    return None


original_teardown = TransactionTestCase._fixture_teardown
TransactionTestCase._fixture_teardown = _flush
