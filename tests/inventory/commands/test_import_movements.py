"""`manage.py import_movements`: a line is its file and number; sums are exact; repeating changes nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.models import Case, Product, StockLevel, StockMovement
from inventory.services.products import delete_product, update_product
from tests import factories

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SALE = "536365,85123A,HEART HOLDER ,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(lines: str, name: str = "2010-12-01.csv", header: str = HEADER) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + lines, encoding="utf-8")
        return path

    return written


def run(device: Device, *files: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_movements", *map(str, files), device=str(device.uuid), stdout=out, **options)
    return out.getvalue()


def figures(printed: str) -> list[int]:
    """lines, created, unchanged, skipped, errors, products: the last row of the summary."""
    row = re.findall(r"^\s*\d+ files? +([\d, ]+)$", printed, re.MULTILINE)[-1]
    return [int(cell.replace(",", "")) for cell in row.split()]


def state(device: Device) -> tuple[int, int, int]:
    return Feed.objects.get(device=device).head, Event.objects.count(), StockMovement.objects.count()


def on_hand(device: Device) -> dict[str, str]:
    products = Product.objects.for_device(device).with_stock()
    return {product.sku: f"{product.on_hand.normalize():f}" for product in products}


def test_a_sale_is_an_issue_and_makes_its_product(device: Device, api: APIClient, write: Any) -> None:
    assert figures(run(device, write(SALE))) == [1, 1, 0, 0, 0, 1]
    (found,) = api.get("/v1/stock-movements").json()["results"]
    assert (found["kind"], found["quantity"], found["reference"]) == ("issue", "6", "536365")
    assert found["occurred_at"] == "2010-12-01T08:26:00Z"
    assert found["note"] == "HEART HOLDER "
    assert found["to_location_id"] is None
    product = Product.objects.get()
    assert (str(product.uuid), product.sku, product.name) == (found["product_id"], "85123A", "HEART HOLDER")
    assert StockLevel.objects.get().quantity == -6
    assert Case.objects.get().kind == Case.Kind.NEGATIVE_STOCK
    event = Event.objects.get(table="stock_movements")
    assert (event.actor_name, event.changes["quantity"]) == ("import_movements", [None, "6"])


def test_every_kind_keeps_the_sign_of_the_file(device: Device, write: Any) -> None:
    run(
        device,
        write(
            "1,A,Cup,6,2010-12-01 08:26:00,2.55,17850.0,UK\n"
            "C2,A,Cup,-2,2010-12-01 08:30:00,2.55,17850.0,UK\n"
            "3,A,check,3,2010-12-01 08:31:00,0.0,,UK\n"
            "4,A,found,-1,2010-12-01 08:32:00,0,,UK\n"
            "5,A,Cup,1,2010-12-01 08:33:00,0.0,17850.0,UK\n"
            "6,A,Cup,1,2010-12-01 08:34:00,2.55,,UK\n"
        ),
    )
    kinds = StockMovement.objects.order_by("revision").values_list("kind", "quantity", "from_location__is_default")
    assert [(kind, int(quantity), bool(leaves)) for kind, quantity, leaves in kinds] == [
        ("issue", 6, True),
        ("receipt", 2, False),
        ("adjustment", 3, True),
        ("adjustment", 1, False),
        ("issue", 1, True),
        ("issue", 1, True),
    ]
    assert on_hand(device) == {"A": "-8"}


def test_equal_lines_are_as_many_movements(device: Device, write: Any) -> None:
    run(device, write(SALE * 1200))
    assert StockMovement.objects.count() == 1200
    assert on_hand(device) == {"85123A": "-7200"}
    assert Product.objects.count() == 1


def test_a_second_run_changes_nothing_and_says_so(device: Device, write: Any) -> None:
    day = write(SALE * 3)
    run(device, day)
    before = state(device)
    printed = run(device, day)
    assert "Nothing has changed" in printed
    assert figures(printed) == [3, 0, 3, 0, 0, 0]
    assert state(device) == before


def test_lines_added_to_a_file_are_imported_alone(device: Device, write: Any) -> None:
    run(device, write(SALE))
    assert figures(run(device, write(SALE * 2))) == [2, 1, 1, 0, 0, 0]
    assert on_hand(device) == {"85123A": "-12"}


@pytest.mark.parametrize(
    "changed",
    [
        SALE.replace(",6,", ",7,"),
        SALE.replace(",6,", ",-6,"),
        SALE.replace("08:26", "08:27"),
        SALE.replace("536365", "536366"),
        SALE.replace("HOLDER ", "HOLDER"),
        SALE.replace("85123A", "71053"),
    ],
)
def test_a_line_with_other_content_is_told_and_not_changed(device: Device, write: Any, changed: str) -> None:
    factories.make_product(device, sku="71053")
    run(device, write(SALE))
    before = state(device)
    printed = run(device, write(changed + SALE.replace(",6,", ",1,")))
    assert figures(printed)[:5] == [2, 1, 0, 0, 1]
    assert "2010-12-01.csv:2: This line was imported before with other content" in printed
    assert StockMovement.objects.count() == before[2] + 1
    assert on_hand(device)["85123A"] == "-7"


@pytest.mark.parametrize("change", ["rename", "delete"])
def test_a_product_that_changed_meanwhile_is_no_other_content(device: Device, write: Any, change: str) -> None:
    day = write(SALE)
    run(device, day)
    product = Product.objects.get()
    if change == "rename":
        update_product(product, actor=factories.TESTER, changes={"sku": "HEART"})
    else:
        delete_product(product, actor=factories.TESTER)
    before = state(device)
    assert figures(run(device, day)) == [1, 0, 1, 0, 0, 0]
    assert state(device) == before


def test_the_same_name_elsewhere_is_the_same_file(device: Device, write: Any) -> None:
    run(device, write(SALE))
    assert figures(run(device, write(SALE, "copy/2010-12-01.csv"))) == [1, 0, 1, 0, 0, 0]
    assert figures(run(device, write(SALE, "2010-12-02.csv"))) == [1, 1, 0, 0, 0, 0]


def test_codes_differ_by_case_and_find_barcodes_too(device: Device, write: Any) -> None:
    coded = factories.make_product(device, sku="CUP")
    factories.make_barcode(device, product_id=coded.uuid, value="9520000000011")
    run(
        device,
        write(
            "1,abc,Cup,1,2010-12-01,1,1,UK\n"
            "1,ABC,Cup,2,2010-12-01,1,1,UK\n"
            "1,9520000000011,Cup,3,2010-12-01,1,1,UK\n"
            "1,09520000000011,Cup,4,2010-12-01,1,1,UK\n"
        ),
    )
    assert on_hand(device) == {"CUP": "-7", "abc": "-1", "ABC": "-2"}


def test_names_come_from_sales_before_the_words_of_a_clerk(device: Device, write: Any) -> None:
    run(
        device,
        write(
            "1,A,damages,-1,2010-12-01 08:00:00,0,,UK\n1,A,  Blue cup ,1,2010-12-01 09:00:00,1,1,UK\n"
            "1,B,,1,2010-12-01 08:00:00,1,1,UK\n1,C,thrown away,1,2010-12-01 08:00:00,0,,UK\n"
        ),
    )
    assert dict(Product.objects.values_list("sku", "name")) == {"A": "Blue cup", "B": "B", "C": "thrown away"}


def test_lines_that_cannot_be_right_are_told_by_number(device: Device, write: Any) -> None:
    printed = run(
        device,
        write(
            f"1,A,Cup,six,2010-12-01,1,1,UK\n1,A,Cup,0,2010-12-01,1,1,UK\n1,A,Cup,1,12/1/10 8:26,1,1,UK\n"
            f"1, ,Cup,1,2010-12-01,1,1,UK\n1,A,Cup,1,0001-01-01,1,1,UK\n1,{'A' * 101},Cup,1,2010-12-01,1,1,UK\n"
            f"{'1' * 201},A,Cup,1,2010-12-01,1,1,UK\n1,A,Cup,1,2010-12-01,1,1,UK\n"
        ),
    )
    assert figures(printed) == [8, 1, 0, 1, 6, 1]
    for line in range(2, 9):
        assert f"2010-12-01.csv:{line}: " in printed
    assert on_hand(device) == {"A": "-1"}


def test_times_are_in_the_zone_that_was_told(device: Device, write: Any) -> None:
    lines = "1,A,Cup,1,2010-07-01 08:00:00,1,1,UK\n1,A,Cup,1,2010-07-01T08:00:00+02:00,1,1,UK\n"
    run(device, write(lines), time_zone="Europe/London")
    times = StockMovement.objects.order_by("revision").values_list("occurred_at", flat=True)
    assert list(times) == [datetime(2010, 7, 1, 7, tzinfo=UTC), datetime(2010, 7, 1, 6, tzinfo=UTC)]
    assert figures(run(device, write(lines), time_zone="Europe/London")) == [2, 0, 2, 0, 0, 0]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_an_unknown_zone_is_refused(device: Device, write: Any, zone: str) -> None:
    with pytest.raises(CommandError, match="Unknown time zone"):
        run(device, write(SALE), time_zone=zone)
    assert not StockMovement.objects.exists()


@pytest.mark.parametrize("header", ["StockCode,Quantity\n", "StockCode,InvoiceDate\n", "Quantity,InvoiceDate\n"])
def test_code_quantity_and_date_are_needed(device: Device, write: Any, header: str) -> None:
    with pytest.raises(CommandError, match="Nothing could be imported"):
        run(device, write("1,2\n", header=header))
    assert not StockMovement.objects.exists()


def test_fewer_columns_do(device: Device, write: Any) -> None:
    run(device, write("A,1.5,2010-12-01,broken\n", header="sku,qty,date,reason\n"))
    movement = StockMovement.objects.get()
    assert (movement.kind, movement.quantity, movement.reason) == ("issue", Decimal("1.5"), "broken")


def test_a_dry_run_counts_and_writes_nothing(device: Device, write: Any) -> None:
    before = state(device)
    assert figures(run(device, write(SALE * 600), dry_run=True)) == [600, 600, 0, 0, 0, 1]
    assert state(device) == before
    assert not Product.objects.exists()


def test_other_devices_are_not_touched(device: Device, other: Device, write: Any) -> None:
    theirs = factories.make_product(other, sku="85123A")
    run(other, write(SALE))
    run(device, write(SALE))
    assert StockMovement.objects.for_device(device).get().product != theirs
    assert on_hand(other) == {"85123A": "-6"}
    assert on_hand(device) == {"85123A": "-6"}
