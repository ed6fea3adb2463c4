"""Secrets: made, hashed, compared; and what a roll leaves behind."""

from __future__ import annotations

import re

import pytest

from devices.errors import SecretTooWeak
from devices.models import Installation
from devices.services import credentials
from devices.services.enrollment import Enrolled


def test_made_secrets_are_strong() -> None:
    assert credentials.refuse_weak_secret(credentials.new_secret())
    assert len({credentials.new_secret() for _ in range(50)}) == 50
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", credentials.new_code())


@pytest.mark.parametrize("secret", ["", "x", "a" * 43, "ab c" * 20, "é" * 50, "A1b2C3d4" * 70])
def test_weak_ones_are_refused(secret: str) -> None:
    with pytest.raises(SecretTooWeak):
        credentials.refuse_weak_secret(secret)


def test_codes_are_read_as_people_type_them() -> None:
    assert credentials.clean_code(" abcd-oil0 ") == "ABCD0110"


def test_nobody_holds_nothing(enrolled: Enrolled) -> None:
    secret = enrolled.token.partition(".")[2]
    right, wrong = credentials.possible_hashes(secret), credentials.possible_hashes("wrong")
    assert credentials.holds(enrolled.installation, right)
    assert not credentials.holds(enrolled.installation, wrong)
    assert not credentials.holds(None, right)
    assert not credentials.holds(None, [f"{'0' * 8}:{'0' * 64}"])


def test_a_current_secret_needs_no_renewal(enrolled: Enrolled) -> None:
    before = Installation.objects.values().get()
    secret = enrolled.token.partition(".")[2]
    credentials.finish_roll(enrolled.installation, credentials.possible_hashes(secret))
    assert Installation.objects.values().get() == before


def test_the_peppers_are_public_by_name_only() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}", credentials.pepper_id("pepper"))
    assert credentials.pepper_id("pepper") != credentials.pepper_id("salt")
