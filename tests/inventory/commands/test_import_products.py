"""`manage.py import_products`: by code, gaps only, safe to repeat."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.models import Barcode, Product
from inventory.services.products import delete_product, update_product
from tests import factories
from tests.conftest import shared_data

EAN, OTHER_EAN = "9520000000011", "9520000000028"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(text: str, name: str = "goods.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def run(device: Device, *files: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_products", *map(str, files), device=str(device.uuid), stdout=out, **options)
    return out.getvalue()


def figures(printed: str) -> list[int]:
    """lines, created, updated, unchanged, skipped, errors, differing: the last row of the summary."""
    row = re.findall(r"^\s*\d+ files? +([\d, ]+)$", printed, re.MULTILINE)[-1]
    return [int(cell.replace(",", "")) for cell in row.split()]


def head(device: Device) -> int:
    return int(Feed.objects.get(device=device).head)


def test_a_line_becomes_a_product_with_its_barcode(device: Device, api: APIClient, write: Any) -> None:
    printed = run(device, write(f"Code;Product Name;Brands;Quantity\n {EAN} ;Soup, hot;Acme;500 g\n"))
    assert figures(printed) == [1, 1, 0, 0, 0, 0, 0]
    (found,) = api.get("/v1/products").json()["results"]
    assert (found["name"], found["sku"]) == ("Soup, hot", EAN)
    assert found["attributes"] == {"brands": "Acme", "quantity": "500 g"}
    scan = api.get(f"/v1/scan/0{EAN}").json()
    assert scan["match"] == "gtin"
    assert scan["product"]["id"] == found["id"]


def test_every_row_has_its_revision_and_event(device: Device, write: Any) -> None:
    lines = "".join(f"code-{number},Product {number}\n" for number in range(700))
    run(device, write(f"sku,name\n{lines}"))
    products = Product.objects.for_device(device)
    assert products.count() == 700
    events = Event.objects.for_device(device).filter(table="products", actor_name="import_products")
    assert set(events.values_list("revision", "object_id")) == set(products.values_list("revision", "uuid"))
    event = events.get(object_id=products.get(sku="code-3").uuid)
    assert (event.action, event.changes["name"]) == ("created", [None, "Product 3"])


def test_a_second_run_changes_nothing(device: Device, write: Any) -> None:
    goods = write(f"code,name,brands\n{EAN},Soup,Acme\nabc,,Acme\nxyz,,\n")
    run(device, goods)
    before, events = head(device), Event.objects.count()
    printed = run(device, goods)
    assert "Nothing has changed" in printed
    assert figures(printed) == [3, 0, 0, 3, 0, 0, 0]
    assert (head(device), Event.objects.count()) == (before, events)
    assert sorted(Product.objects.values_list("name", flat=True)) == ["Acme", "Soup", "xyz"]


def test_gaps_are_filled_and_what_is_stored_stays(device: Device, write: Any) -> None:
    run(device, write(f"code,name,brands\n{EAN},,\n{OTHER_EAN},Tea,Acme\n", "a.csv"))
    more = write(f"code,name,brands,stores\n{EAN},Soup,Acme,Corner\n{OTHER_EAN},Coffee,Best,Corner\n", "b.csv")
    assert figures(run(device, more)) == [2, 0, 2, 0, 0, 0, 1]
    soup, tea = Product.objects.get(sku=EAN), Product.objects.get(sku=OTHER_EAN)
    assert (soup.name, soup.attributes) == ("Soup", {"brands": "Acme", "stores": "Corner"})
    assert (tea.name, tea.attributes) == ("Tea", {"brands": "Acme", "stores": "Corner"})
    before = head(device)
    assert figures(run(device, more)) == [2, 0, 0, 2, 0, 0, 1]
    assert head(device) == before


def test_an_edit_made_meanwhile_survives(device: Device, write: Any) -> None:
    goods = write(f"code,name\n{EAN},Soup\n")
    run(device, goods)
    update_product(Product.objects.get(), actor=factories.TESTER, changes={"name": "Soup, our own words"})
    run(device, goods)
    assert Product.objects.get().name == "Soup, our own words"


def test_the_same_gtin_in_another_form_is_the_same_product(device: Device, write: Any) -> None:
    run(device, write(f"code,name\n{EAN},Soup\n0{EAN},Soup again\n"))
    assert Product.objects.count() == Barcode.objects.count() == 1


def test_a_known_sku_gets_the_barcode(device: Device, write: Any) -> None:
    product = factories.make_product(device, name="Soup", sku="S-1")
    printed = run(device, write(f"sku,barcode,name\nS-1,{EAN},Soup\nS-2,x-1,Tea\nS-2,x-2,Tea\n"))
    assert figures(printed) == [3, 1, 2, 0, 0, 0, 0]
    assert Barcode.objects.get(value=EAN).product == product
    assert sorted(Barcode.objects.filter(product__sku="S-2").values_list("value", flat=True)) == ["x-1", "x-2"]


def test_a_new_product_is_completed_by_a_later_line(device: Device, write: Any) -> None:
    run(device, write("sku,barcode,name,brands\nS-2,S-2,,\nS-2,x-2,Tea,Acme\n"))
    tea = Product.objects.get()
    assert (tea.name, tea.attributes) == ("Tea", {"brands": "Acme"})


def test_lines_that_cannot_be_right_are_told_by_number(device: Device, write: Any) -> None:
    factories.make_barcode(device, value=EAN)
    factories.make_product(device, sku="S-9")
    printed = run(
        device,
        write(
            "code,sku,name\n"
            "8.41E+12,,Shortened\n"
            '"2,02E+11",,Shortened\n'
            " , ,No code\n"
            f"{'1' * 201},s,Long barcode\n"
            f"{'1' * 101},,Long SKU\n"
            f"n,n,{'n' * 301}\n"
            "good,,Good\n"
            "good,,Again\n"
            f"{EAN},S-9,Two products\n"
        ),
    )
    assert figures(printed) == [9, 1, 0, 0, 1, 7, 0]
    for line in (2, 3, 4, 5, 6, 7, 9, 10):
        assert f"goods.csv:{line}: " in printed
    assert Product.objects.filter(name="Good").count() == 1
    assert not Product.objects.filter(name__in=["Shortened", "Again", "Two products"]).exists()


def test_many_problems_are_counted_not_listed(device: Device, write: Any) -> None:
    printed = run(device, write("code,name\ngood,Good\n" + "8.41E+12,Bad\n" * 130))
    assert printed.count("goods.csv:") == 20
    assert "… and 110 more." in printed


def test_a_dry_run_counts_and_writes_nothing(device: Device, write: Any) -> None:
    before = head(device)
    printed = run(device, write(f"code,name\n{EAN},Soup\n"), dry_run=True)
    assert "dry run" in printed
    assert figures(printed) == [1, 1, 0, 0, 0, 0, 0]
    assert (Product.objects.count(), head(device)) == (0, before)


def test_a_deleted_product_is_made_anew(device: Device, write: Any) -> None:
    goods = write(f"code,name\n{EAN},Soup\n")
    run(device, goods)
    delete_product(Product.objects.get(), actor=factories.TESTER)
    assert figures(run(device, goods)) == [1, 1, 0, 0, 0, 0, 0]
    assert Barcode.objects.get().product == Product.objects.get()


def test_another_device_keeps_its_own(device: Device, other: Device, write: Any) -> None:
    theirs = factories.make_product(other, sku=EAN, name="Theirs")
    run(device, write(f"code,name\n{EAN},Ours\n"))
    assert Product.objects.for_device(device).get().name == "Ours"
    theirs.refresh_from_db()
    assert theirs.name == "Theirs"


def test_what_cannot_be_read_is_said_and_the_rest_imported(device: Device, write: Any) -> None:
    good, empty = write(f"code,name\n{EAN},Soup\n"), write("", "empty.csv")
    wrong, missing = write("colour,size\nred,1\n", "wrong.csv"), good.parent / "missing.csv"
    broken = write('code,name\nx-1,Tea\nx-2,"never closed\n', "broken.csv")
    printed = run(device, missing, empty, wrong, broken, good)
    assert "missing.csv: No such file" in printed
    assert "empty.csv: The file is empty" in printed
    assert "wrong.csv: No column for the barcode or the sku" in printed
    assert "broken.csv:3: A quote" in printed
    assert sorted(Product.objects.values_list("name", flat=True)) == ["Soup", "Tea"]


@pytest.mark.parametrize("text", ["", "colour\nred\n", "code,name\n8.41E+12,Bad\n", "code,name\n"])
def test_fails_only_where_nothing_could_be_imported(device: Device, write: Any, text: str) -> None:
    with pytest.raises(CommandError, match="Nothing could be imported"):
        run(device, write(text))
    assert not Product.objects.exists()


def test_encoding_and_delimiter_can_be_told(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "tab.txt"
    path.write_bytes("code\tname\nx\tCafé\n".encode("cp850"))
    run(device, path, encoding="cp850", delimiter="TAB")
    assert Product.objects.get().name == "Café"


def test_needs_a_device_that_exists(db: None, write: Any) -> None:
    with pytest.raises(CommandError, match="device list"):
        call_command("import_products", str(write("code\n1\n")), device="nope")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("off_excel_damaged_scientific_bom.csv", [1470, 213, 0, 0, 1, 1256, 0]),  # 1,253 shortened, 3 without a code
        ("off_fr_cp1252_semicolon_lost_zeros.csv", [333, 215, 0, 0, 1, 117, 0]),
    ],
)
def test_damaged_codes_of_real_files_are_refused_one_by_one(device: Device, name: str, expected: list[int]) -> None:
    assert figures(run(device, shared_data("messy", name))) == expected
    assert not Product.objects.filter(sku__contains="E+").exists()
