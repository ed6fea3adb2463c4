"""Who is told of a file: addresses, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from config.core.errors import FieldProblem
from inventory.errors import JobParameters

MAKES_A_FILE = ("report", "export")  # kinds of jobs
MOST_ADDRESSES = 20


def check_wish(kind: str, wish: Mapping[str, Any]) -> dict[str, Any]:
    """`{mail: [addresses], webhook: whether}` as a job keeps it; nothing wished for is {}. Raises JobParameters."""
    if not isinstance(wish, Mapping) or wish.keys() - {"mail", "webhook"}:
        raise _refused("deliver", "Give an object of `mail`, a list of addresses, and `webhook`, true or false.")
    if not isinstance(wish.get("webhook", False), bool):
        raise _refused("webhook", "Give true or false.")
    try:
        addresses = read_addresses(wish.get("mail", []))
    except ValueError as error:
        raise _refused("mail", str(error)) from None
    found: dict[str, Any] = {"mail": addresses} if addresses else {}
    if wish.get("webhook"):
        found["webhook"] = True
    if found and kind not in MAKES_A_FILE:
        raise _refused("deliver", f"Only these are delivered: {', '.join(MAKES_A_FILE)}.")
    return found


def read_addresses(given: Any) -> list[str]:
    """At most 20 e-mail addresses, each once. Raises ValueError with a sentence for people."""
    if not isinstance(given, list) or len(given) > MOST_ADDRESSES:
        raise ValueError(f"Give a list of at most {MOST_ADDRESSES} addresses.")
    for address in given:
        try:
            validate_email(str(address))
        except ValidationError:
            raise ValueError(f"{str(address)[:80]} is not an e-mail address.") from None
    return list(dict.fromkeys(given))


def _refused(field: str, detail: str) -> JobParameters:
    return JobParameters(detail, errors=[FieldProblem(field, "invalid", detail)])
