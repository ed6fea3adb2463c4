"""Fixtures of counting."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from devices.models import Device, User
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.services.counting.stocktakes import open_stocktake
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.api.counting.blindfold import Blind


@pytest.fixture
def blind(api: APIClient, device: Device, user: User) -> Blind:
    Device.objects.filter(pk=device.pk).update(owner=user)
    _, code = create_enrollment_code(device=device, actor=factories.TESTER)
    second = register_device(Wish(enrollment_code=code, name="Second", device_id=device.uuid))
    milk, tea = (factories.make_product(device, name=name) for name in ("Milk", "Tea"))
    for product, quantity in ((milk, 10), (tea, 5)):
        factories.make_movement(device, product_id=product.uuid, quantity=Decimal(quantity))
    factories.make_barcode(device, product_id=milk.uuid, value="4006381333931")
    draft = factories.make_draft(device, policy={"blind": True, "recount": "optional"})
    stocktake = open_stocktake(draft, actor=factories.TESTER)
    boss = client_of(user, device)
    return Blind(device, api, client_with(second.token), str(second.installation.uuid), boss, stocktake, milk, tea)
