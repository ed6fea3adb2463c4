"""Errors: one code, one class, one entry in docs/errors.md."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module

import pytest
from django.apps import apps

from config.core.errors import AppError
from tests.rules.errors_page import GROUPS, every_error, page
from tests.rules.sources import ROOT

ERRORS = sorted(set(every_error()), key=lambda error: error.internal_code)
HTTP_STATUSES = range(400, 600)


def test_every_internal_code_belongs_to_one_class() -> None:
    times = Counter(error.internal_code for error in ERRORS)
    assert [code for code, count in times.items() if count > 1] == []
    inherited = [error.__name__ for error in ERRORS if "internal_code" not in vars(error)]
    assert inherited == [], "each class needs an internal_code of its own"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.internal_code)
def test_an_error_says_what_it_is_and_what_to_do(error: type[AppError]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", error.internal_code)
    assert error.status in HTTP_STATUSES
    assert error.title
    assert not error.title.endswith(".")
    assert error.advice.endswith(".")
    assert error.__module__ in GROUPS, f"errors live in {', '.join(GROUPS)}"


@pytest.mark.parametrize("module", GROUPS)
def test_the_tree_at_the_top_of_the_file_names_every_code(module: str) -> None:
    drawn = import_module(module).__doc__ or ""
    mine = [error.internal_code for error in ERRORS if error.__module__ == module and error is not AppError]
    assert [code for code in mine if not re.search(rf"\b{code}\b", drawn)] == []


def test_the_page_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m tests.rules.errors_page > docs/errors.md"


def test_every_constraint_code_has_its_error() -> None:
    known = {error.internal_code for error in ERRORS}
    carried = {
        f"{model._meta.label}.{constraint.name}": constraint.violation_error_code
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if constraint.violation_error_code
    }
    assert {name: code for name, code in carried.items() if code not in known} == {}
    assert "inventory.Product.product_sku" in carried
