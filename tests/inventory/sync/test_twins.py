"""Twins are kept for one reason only: the code is taken. Any other refusal of the database goes on."""

from __future__ import annotations

from typing import Any, NoReturn
from uuid import uuid4

import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient

from devices.models import Device, Operation
from inventory.errors import ProductSkuTaken
from inventory.models import Case
from inventory.services.sync.twins import accepting_create, accepting_update
from tests import factories


def refused(*args: Any, **kwargs: Any) -> NoReturn:
    raise IntegrityError("CHECK constraint failed: level_in_range")


def test_another_refusal_is_not_taken_for_a_twin(device: Device) -> None:
    product = factories.make_product(device)
    create = accepting_create(refused, taken=ProductSkuTaken, code="sku")
    update = accepting_update(refused, taken=ProductSkuTaken, code="sku")
    with pytest.raises(IntegrityError):
        create(actor=factories.TESTER, device=device, name="Twin")
    with pytest.raises(IntegrityError):
        update(product, actor=factories.TESTER, changes={"sku": "A"})
    assert not Case.objects.exists()


def test_a_verdict_names_itself(api: APIClient, device: Device) -> None:
    op = {"op_id": str(uuid4()), "op": "create", "table": "tasks", "id": str(uuid4()), "data": {"title": "Look"}}
    api.post("/v1/sync/push", {"ops": [op]})
    assert str(Operation.objects.get()) == "create tasks applied"
