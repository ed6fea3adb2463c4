"""Signing in with a password, to the API and to the admin: one limit, by address and by name there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from devices.models import User

PASSWORD = "correct horse"
ELSEWHERE = "10.9.8.7"


def limit(settings: Settings, **rates: str) -> None:
    framework = settings.REST_FRAMEWORK
    settings.REST_FRAMEWORK = {
        **framework,
        "DEFAULT_THROTTLE_RATES": {**framework["DEFAULT_THROTTLE_RATES"], **rates},
    }


def to_api(name: str, password: str, **extra: Any) -> Any:
    body = {"username": name, "password": password}
    return APIClient(raise_request_exception=False).post("/v1/auth/token", body, **extra)


def to_admin(name: str, password: str, **extra: Any) -> Any:
    form = {"username": name, "password": password, "next": "/admin/"}
    return Client(**extra).post(reverse("admin:login"), form)


def test_staff_sign_in_to_the_admin(staff: User) -> None:
    answer = to_admin("boss", PASSWORD)
    assert (answer.status_code, answer.url) == (302, "/admin/")
    wrong = to_admin("boss", "wrong")
    assert wrong.status_code == 200
    assert "_auth_user_id" not in wrong.client.session


@pytest.mark.parametrize("sign_in", [to_api, to_admin])
def test_tries_are_limited_by_name_at_an_address(staff: User, settings: Settings, sign_in: Any) -> None:
    limit(settings, sign_in_name="2/hour")
    for _ in range(2):
        assert sign_in("boss", "wrong").status_code in (200, 401)
    refused = sign_in("boss", PASSWORD)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert "Too many tries to sign in" in refused.content.decode()
    assert not refused.cookies
    staff.refresh_from_db()
    assert staff.last_login is None
    assert sign_in("boss", PASSWORD, REMOTE_ADDR=ELSEWHERE).status_code in (200, 302)  # nobody is locked out by name
    assert sign_in("ada", "wrong").status_code in (200, 401)  # neighbours go on


def test_the_api_and_the_admin_share_one_limit_per_address(staff: User, settings: Settings) -> None:
    limit(settings, sign_in="2/hour")
    assert to_api("ada", "wrong").status_code == 401
    assert to_admin("grace", "wrong").status_code == 200
    page, problem = to_admin("boss", PASSWORD), to_api("boss", PASSWORD)
    assert (page.status_code, problem.status_code) == (429, 429)
    assert problem.json()["internal_code"] == "too_many_requests"
    assert "text/html" in page.headers["Content-Type"]
    assert "<h1>Too many requests</h1>" in page.content.decode()
    assert to_admin("boss", PASSWORD, REMOTE_ADDR=ELSEWHERE).status_code == 302


def test_a_name_may_hold_anything(db: None) -> None:
    for name in ("x" * 150, "a b:c", "名前", ""):
        assert to_admin(name, "wrong").status_code == 200


def test_other_failures_of_pages_stay_what_they_are(boss: Client) -> None:
    assert boss.get("/admin/nowhere/").status_code == 404
