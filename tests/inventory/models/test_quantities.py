"""QuantityField on the engine in use: exact in F(), Sum, filters, forms and fixtures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, F, Max, Min, Q, Sum, Value, When
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.core.quantities import MAX_QUANTITY, QuantityField, exact_quantity, plain
from devices.models import Device
from inventory.models import LEVEL_LIMIT, Product, StockLevel
from inventory.services.locations import default_location
from tests import factories

QUANTITIES = st.integers(min_value=-999_999_999_999_999, max_value=999_999_999_999_999).map(
    lambda micro: Decimal(micro).scaleb(-6)
)


@pytest.fixture
def level(device: Device) -> StockLevel:
    return factories.make_level(device)


def put(level: StockLevel, quantity: Any) -> None:
    StockLevel.objects.filter(pk=level.pk).update(quantity=quantity)
    level.refresh_from_db()


def quantity_value(text: str) -> Value:
    return Value(Decimal(text), output_field=QuantityField())


def test_tenths_add_up(level: StockLevel) -> None:
    put(level, Decimal(0))
    for text in ("0.1", "0.2", "-0.3"):
        put(level, F("quantity") + quantity_value(text))
    assert level.quantity == 0
    assert StockLevel.objects.filter(quantity=0).exists()
    put(level, F("quantity") - quantity_value("0.000001"))
    assert level.quantity == Decimal("-0.000001")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=QUANTITIES, second=QUANTITIES)
def test_what_goes_in_comes_out_and_adds_exactly(level: StockLevel, first: Decimal, second: Decimal) -> None:
    put(level, first)
    assert level.quantity == first
    assert StockLevel.objects.get(quantity=first) == level
    put(level, F("quantity") + Value(second, output_field=QuantityField()))
    assert level.quantity == first + second
    with connection.cursor() as cursor:
        cursor.execute("SELECT quantity FROM stock_levels WHERE id = %s", [level.pk])
        assert cursor.fetchone()[0] == int((first + second) * 10**6)  # whole micro-units, whatever the engine


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(QUANTITIES, min_size=1, max_size=8))
def test_sums_are_exact(device: Device, numbers: list[Decimal]) -> None:
    product = factories.make_product(device)
    for number in numbers:
        place = factories.make_location(device)
        StockLevel(device=device, revision=10**9 + place.pk, product=product, location=place, quantity=number).save()
    rows = StockLevel.objects.filter(product=product)
    found = rows.aggregate(sum=Sum("quantity"), least=Min("quantity"), most=Max("quantity"))
    assert found == {"sum": sum(numbers), "least": min(numbers), "most": max(numbers)}
    assert list(rows.order_by("quantity").values_list("quantity", flat=True)) == sorted(numbers)
    assert Product.objects.with_stock().get(pk=product.pk).on_hand == sum(numbers)


def test_filters_and_orders_are_numeric(device: Device, level: StockLevel) -> None:
    product = level.product
    for number in ("10", "9", "-0.5", "0.000001"):
        place = factories.make_location(device)
        StockLevel(device=device, revision=10**9 + place.pk, product=product, location=place,
                   quantity=Decimal(number)).save()  # fmt: skip

    def found(**lookup: Any) -> list[str]:
        rows = StockLevel.objects.filter(**lookup).order_by("quantity")
        return [plain(number) for number in rows.values_list("quantity", flat=True)]

    assert found() == ["-0.5", "0.000001", "1", "9", "10"]
    assert found(quantity__gte=Decimal(9)) == ["9", "10"]
    assert found(quantity__gt="9") == ["10"]
    assert found(quantity__lte=0) == ["-0.5"]
    assert found(quantity__lt=Decimal("0.000002")) == ["-0.5", "0.000001"]
    assert found(quantity=Decimal("9.000000")) == ["9"]
    assert found(quantity__in=["1", Decimal("10.0")]) == ["1", "10"]
    assert found(quantity__range=(0, 9)) == ["0.000001", "1", "9"]
    assert found(quantity__gt=F("quantity") - quantity_value("1")) == found()
    assert list(StockLevel.objects.exclude(~Q(quantity=10)).values("quantity")) == [{"quantity": Decimal(10)}]


def test_null_stays_null(device: Device) -> None:
    none, some = factories.make_product(device), factories.make_product(device, reorder_level=Decimal("2.5"))
    none.refresh_from_db()
    assert none.reorder_level is None
    assert list(Product.objects.filter(reorder_level__isnull=True)) == [none]
    assert Product.objects.aggregate(sum=Sum("reorder_level"))["sum"] == Decimal("2.5")
    assert Product.objects.filter(pk=none.pk).aggregate(sum=Sum("reorder_level"))["sum"] is None
    annotated = Product.objects.annotate(more=F("reorder_level") + quantity_value("0.1")).order_by("id")
    assert [row.more for row in annotated] == [None, Decimal("2.6")]
    assert Product.objects.with_stock().get(pk=some.pk).on_hand == 0


def test_a_plain_number_beside_a_column_has_no_type_and_is_refused(level: StockLevel) -> None:
    """F("quantity") + Decimal would add micro-units: name the field instead."""
    for number in (1, Decimal("0.1")):
        with pytest.raises(FieldError):
            list(StockLevel.objects.annotate(more=F("quantity") + number))


def test_conditions_and_bulk_updates_keep_the_type(level: StockLevel) -> None:
    shown = Case(When(quantity__gt=0, then=F("quantity")), default=quantity_value("0.5"), output_field=QuantityField())
    assert StockLevel.objects.annotate(shown=shown).get().shown == level.quantity
    level.quantity = Decimal("123456789.123457")
    StockLevel.objects.bulk_update([level], ["quantity"])
    level.refresh_from_db()
    assert level.quantity == Decimal("123456789.123457")


def test_fixtures_and_forms_keep_it_exact(level: StockLevel) -> None:
    put(level, Decimal("999999999.999999"))
    dumped = serializers.serialize("json", [level])
    assert '"quantity": "999999999.999999"' in dumped
    (loaded,) = serializers.deserialize("json", dumped)
    assert loaded.object.quantity == Decimal("999999999.999999")
    field = StockLevel._meta.get_field("quantity").formfield()
    assert field.clean("0.000001") == Decimal("0.000001")
    for bad in ("0.0000001", "1e400", "NaN", "x"):
        with pytest.raises(ValidationError):
            field.clean(bad)
    nothing = serializers.serialize("json", [Product(reorder_level=None, name="x")])
    assert '"reorder_level": null' in nothing or '"reorder_level": ""' in nothing
    (loaded,) = serializers.deserialize("json", nothing)
    assert loaded.object.reorder_level is None


@pytest.mark.parametrize(
    "value",
    [0.1, True, "", "x", "NaN", Decimal("Infinity"), "1e400", "0.0000001", "1" + "0" * 30, Decimal("1e-999999"),
     "1." + "0" * 40 + "1", MAX_QUANTITY + Decimal("0.000001")],
)  # fmt: skip
def test_what_cannot_be_kept_exactly_is_refused(level: StockLevel, value: Any) -> None:
    with pytest.raises(ValidationError):
        exact_quantity(value)
    if value != MAX_QUANTITY + Decimal("0.000001"):  # a level holds more than one movement
        with pytest.raises(ValidationError), transaction.atomic():
            put(level, value)
    level.refresh_from_db()
    assert level.quantity == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [("2.50", "2.5"), ("1e3", "1000"), ("-0", "0"), ("-0.000", "0"), (" 7 ", "7"), (12, "12"), ("0.000001", "0.000001"),
     (Decimal(100), "100"), ("-999999999.999999", "-999999999.999999"), ("1.00000000000000", "1")],
)  # fmt: skip
def test_quantities_are_written_plainly(value: Any, shown: str) -> None:
    assert plain(exact_quantity(value)) == shown


def test_a_level_holds_its_limit_and_the_check_refuses_more(device: Device, level: StockLevel) -> None:
    for edge in (LEVEL_LIMIT, -LEVEL_LIMIT):
        put(level, edge)
        assert level.quantity == edge
        step = quantity_value("0.000001" if edge > 0 else "-0.000001")
        with pytest.raises(IntegrityError), transaction.atomic():
            put(level, F("quantity") + step)
    assert default_location(device) == level.location
