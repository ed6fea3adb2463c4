"""GET /v1/scan/{code}: what a scanner read, resolved inside the device."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.formats.gtin import expand_upce
from inventory.formats.labels import LabelKind, encode_label
from inventory.models import Barcode, Case, Product
from inventory.services.cases import case_key, resolve_case
from tests import factories
from tests.conftest import client_with, shared_data

GS = "\x1d"
SHAPE = ["match", "code", "product", "barcode_id", "location_id", "lot_id", "lot_code", "serial", "expires_on",
         "quantity", "embedded", "device_id", "case_id", "catalog"]  # fmt: skip


def scan(api: APIClient, code: str) -> dict[str, Any]:
    answer = api.get(f"/v1/scan/{quote(code, safe='')}")
    assert answer.status_code == 200, (code, answer.content)
    found = answer.json()
    assert list(found) == SHAPE
    assert found["code"] == code
    return found


def told(found: dict[str, Any]) -> dict[str, Any]:
    """What is not empty, without code and product."""
    return {key: value for key, value in found.items() if value not in (None, "") and key not in ("code", "product")}


@pytest.fixture
def barcode(device: Device) -> Barcode:
    product = factories.make_product(device, name="Tea", sku="T-1", unit="box")
    return factories.make_barcode(device, product_id=product.uuid, value="4006381333931", quantity=Decimal(6))


def test_an_exact_barcode_tells_product_pack_and_level(api: APIClient, device: Device, barcode: Barcode) -> None:
    factories.make_movement(device, product_id=barcode.product.uuid, quantity=Decimal("2.5"))
    found = scan(api, "4006381333931")
    assert told(found) == {"match": "barcode", "barcode_id": str(barcode.uuid), "quantity": "6"}
    product = Product.objects.get(pk=barcode.product.pk)
    assert found["product"] == {
        "id": str(product.uuid), "name": "Tea", "sku": "T-1", "unit": "box", "on_hand": "2.5",
        "revision": product.revision,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "scanned"),
    [
        ("012345678905", "0012345678905"), ("0012345678905", "012345678905"), ("012345678905", "00012345678905"),
        ("00012345678905", "012345678905"), ("96385074", "00000096385074"), ("012345000065", "01234565"),
        ("01234565", "012345000065"), ("01234565", "00012345000065"), ("4006381333931", " 4006381333931\r\n"),
        ("4006381333931", "]E04006381333931"), ("012345678905", "]E00012345678905"), ("96385074", "]E496385074"),
        ("4006381333931", "]C04006381333931"), ("04006381333931", "]I14006381333931"), ("A/1-b", "]C0A/1-b\n"),
        ("4006381333930", "]E04006381333930"),
    ],
)  # fmt: skip
def test_a_gtin_is_found_in_any_form(api: APIClient, device: Device, stored: str, scanned: str) -> None:
    barcode = factories.make_barcode(device, value=stored)
    found = scan(api, scanned)
    assert found["barcode_id"] == str(barcode.uuid), found
    assert found["match"] in ("barcode", "gtin", "gs1")
    assert not Case.objects.exists()


def test_the_code_as_stored_goes_before_its_other_forms(api: APIClient, device: Device) -> None:
    for value in ("012345678905", "0012345678905", "]C0X", "X"):
        factories.make_barcode(device, value=value)
        assert scan(api, value)["barcode_id"] == str(Barcode.objects.get(value=value).uuid)
    assert scan(api, "00012345678905")["match"] == "gtin"


@pytest.mark.parametrize(
    ("code", "told_more"),
    [
        (f"]C1010400638133393110LOT-7{GS}17271231", {"lot_code": "LOT-7", "expires_on": "2027-12-31"}),
        ("]d2010400638133393121SN-9", {"serial": "SN-9"}),
        (f"010400638133393110AB{GS}3712", {"lot_code": "AB", "quantity": "12"}),
        ("(01)04006381333931(17)270200(10)A(B", {}),
        ("(01)04006381333931(17)270200(10)AB", {"lot_code": "AB", "expires_on": "2027-02-28"}),
        ("(01)04006381333931(3103)001250", {"embedded": "1.25 kg"}),
        ("https://id.gs1.org/01/04006381333931/10/L%2F1/21/S?17=271231",
         {"lot_code": "L/1", "serial": "S", "expires_on": "2027-12-31"}),
        ("(02)04006381333931(37)24", {"quantity": "24"}),
    ],
)  # fmt: skip
def test_gs1_tells_lot_expiry_serial_and_quantity(
    api: APIClient, barcode: Barcode, code: str, told_more: dict[str, str]
) -> None:
    found = scan(api, code)
    if not told_more:
        assert found["match"] == "unknown"
        return
    assert told(found) == {"match": "gs1", "barcode_id": str(barcode.uuid), "quantity": "6", **told_more}


def test_a_measure_is_a_quantity_where_the_product_is_counted_in_it(api: APIClient, device: Device) -> None:
    product = factories.make_product(device, unit="KG")
    factories.make_barcode(device, product_id=product.uuid, value="4006381333931")
    assert scan(api, "(01)04006381333931(3103)001250")["quantity"] == "1.25"
    assert scan(api, "(01)04006381333931(3203)001250")["quantity"] == "1"  # pounds are not kilograms


def test_gs1_finds_the_lot_it_names(api: APIClient, device: Device, barcode: Barcode) -> None:
    product_id = barcode.product.uuid
    lot = factories.make_lot(device, product_id=product_id, code="L1", expires_on="2027-05-31")
    serial = factories.make_lot(device, product_id=product_id, code="S1", kind="serial")
    factories.make_lot(device, code="L1")  # of another product
    assert told(scan(api, "(01)04006381333931(10)L1"))["lot_id"] == str(lot.uuid)
    assert scan(api, "(01)04006381333931(10)L1")["expires_on"] == "2027-05-31"
    assert scan(api, "(01)04006381333931(10)L1(21)S1")["lot_id"] == str(serial.uuid)
    assert scan(api, "(01)04006381333931(10)L1(21)S2")["lot_id"] == str(lot.uuid)
    assert scan(api, "(01)04006381333931(10)L9")["lot_id"] is None


@pytest.mark.parametrize("stored", ["2012345", "2012345000005", "02012345000005"])
def test_in_store_codes_carry_weight_or_price(api: APIClient, device: Device, stored: str) -> None:
    barcode = factories.make_barcode(device, value=stored)
    found = scan(api, "2012345012349")
    assert told(found) == {
        "match": "instore", "barcode_id": str(barcode.uuid), "quantity": "1", "embedded": "01234",
    }  # fmt: skip
    assert scan(api, "]E02012345012349")["embedded"] == "01234"
    assert scan(api, "2099999012349")["match"] == "unknown"


def test_own_labels(api: APIClient, device: Device, other: Device) -> None:
    product, place = factories.make_product(device), factories.make_location(device)
    lot = factories.make_lot(device, product_id=product.uuid, code="L1", expires_on="2027-05-31")
    serial = factories.make_lot(device, product_id=product.uuid, code="S1", kind="serial")
    for kind, uuid, told_of in (
        (LabelKind.PRODUCT, product.uuid, {"quantity": "1"}),
        (LabelKind.LOCATION, place.uuid, {"location_id": str(place.uuid)}),
        (LabelKind.LOT, lot.uuid,
         {"quantity": "1", "lot_id": str(lot.uuid), "lot_code": "L1", "expires_on": "2027-05-31"}),
        (LabelKind.LOT, serial.uuid, {"quantity": "1", "lot_id": str(serial.uuid), "serial": "S1"}),
        (LabelKind.DEVICE, device.uuid, {"device_id": str(device.uuid)}),
    ):  # fmt: skip
        for code in (encode_label(kind, uuid), f"]Q1{encode_label(kind, uuid)}"):
            found = scan(api, code)
            assert told(found) == {"match": "label", **told_of}
            assert (found["product"] is not None) == ("quantity" in told_of)
    for kind, row in ((LabelKind.PRODUCT, factories.make_product(other)), (LabelKind.DEVICE, other),
                      (LabelKind.LOCATION, factories.make_location(other)),
                      (LabelKind.LOT, factories.make_lot(other))):  # fmt: skip
        assert scan(api, encode_label(kind, row.uuid))["match"] == "unknown"
    api.delete(f"/v1/products/{product.uuid}")
    assert scan(api, encode_label(LabelKind.PRODUCT, product.uuid))["match"] == "unknown"
    assert scan(api, encode_label(LabelKind.LOT, lot.uuid))["match"] == "unknown"


def test_an_unknown_code_is_one_case_counted_up(api: APIClient, device: Device, other: Device) -> None:
    factories.make_barcode(other, value="7")
    ids = {scan(api, code)["case_id"] for code in ("7", "7", " 7\r\n", "]C07")}
    case = Case.objects.get()
    assert ids == {str(case.uuid)}
    assert (case.device, case.kind, case.key, case.times) == (device, "unknown_barcode", "7", 4)
    assert [event.action for event in Event.objects.about(case)] == ["seen_again"] * 3 + ["opened"]
    resolve_case(case, actor=factories.TESTER)
    again = scan(api, "7")["case_id"]
    assert Case.objects.by_uuid(device, UUID(again)).times == 1
    factories.make_barcode(device, value="7")
    assert scan(api, "7")["match"] == "barcode"


def test_long_codes_with_one_beginning_are_different_cases(api: APIClient) -> None:
    codes = [f"{'x' * 250}{end}" for end in "ab"]
    ids = {scan(api, code)["case_id"] for code in [*codes, *codes]}
    assert len(ids) == 2
    assert {case.times for case in Case.objects.all()} == {2}
    assert {case.evidence["code"] for case in Case.objects.all()} == set(codes)
    assert len({case_key(code) for code in codes}) == 2
    assert all(len(case_key(code)) == 200 for code in codes)
    assert case_key("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    "code",
    [
        "a b",
        "a/b//c",
        "ünï 日本",
        "%2F",
        "a+b",
        "a?b=c#d",
        f"{GS}12{GS}",
        "a\nb",
        "../..",
        "\U0001f4e6",
        "]",
        "]C1",
        "()",
    ],
)
def test_any_text_is_a_code(api: APIClient, device: Device, code: str) -> None:
    assert scan(api, code)["match"] == "unknown"
    barcode = factories.make_barcode(device, value=code)
    assert scan(api, code)["barcode_id"] == str(barcode.uuid)


def test_slashes_of_a_link_need_no_escape(api: APIClient, barcode: Barcode) -> None:
    answer = api.get("/v1/scan/https://id.gs1.org/01/04006381333931/10/ABC")
    assert (answer.json()["match"], answer.json()["lot_code"]) == ("gs1", "ABC")


@pytest.mark.parametrize("path", ["x" * 1001, "%20", "%0A", "%00", "a%00b", "%C2%A0", "x?limit=1"])
def test_what_is_no_code_is_refused_and_leaves_no_case(api: APIClient, device: Device, path: str) -> None:
    head = Feed.objects.get(device=device).head
    answer = api.get(f"/v1/scan/{path}")
    assert answer.status_code == 400
    assert answer.json()["internal_code"] in ("bad_text", "unknown_filter")
    assert (Case.objects.count(), Feed.objects.get(device=device).head) == (0, head)


def test_a_thousand_characters_are_a_code(api: APIClient) -> None:
    assert scan(api, "é" * 1000)["case_id"]


def test_invalid_utf8_is_some_text(api: APIClient) -> None:
    assert api.get("/v1/scan/%ff%fe").status_code in (200, 400)


def test_nobody_leaves_no_case(device: Device) -> None:
    assert client_with().get("/v1/scan/7").status_code == 401
    assert client_with("x.y").get("/v1/scan/7").status_code == 401
    assert not Case.objects.exists()


def test_real_products_are_found_by_every_form_of_their_code(api: APIClient, device: Device) -> None:
    with shared_data("products_off", "off_lifyzer_2019_5000.csv").open(encoding="utf-8", newline="") as file:
        codes = [row["barcode_id"] for row in csv.DictReader(file)]
    chosen = [code for code in dict.fromkeys(codes) if len(code) == 13][:60:2] + [c for c in codes if len(c) == 8][:10]
    for code in chosen:
        factories.make_barcode(device, value=code)
    for code in chosen:
        gtin = Barcode.objects.get(value=code).gtin
        forms = [code, f"]E{'0' if len(code) == 13 else '4'}{code}", gtin, f"(01){gtin}(10)L1"]
        forms += [code[1:]] if code.startswith("0") and len(code) == 13 else []
        for form in forms:
            found = scan(api, form)
            assert found["barcode_id"] == str(Barcode.objects.get(value=code).uuid), (code, form, found["match"])
    assert not Case.objects.exists()


def test_real_codes_that_fail_their_check_digit_are_kept_and_found(api: APIClient, device: Device) -> None:
    with shared_data("barcodes", "off_real_codes_failing_check.csv").open(encoding="utf-8", newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file)][::40]
    product_id = factories.make_product(device).uuid
    for code in codes:
        barcode = factories.make_barcode(device, value=code, product_id=product_id)
        assert bool(barcode.check_digit_ok) == (expand_upce(code) is not None)  # as UPC-E some are right
        assert scan(api, code)["barcode_id"] == str(barcode.uuid)


def test_nothing_that_scanners_send_breaks_the_resolver(api: APIClient) -> None:
    with shared_data("barcodes", "gs1_scan_data.csv").open(encoding="utf-8", newline="") as file:
        codes = [json.loads(row["scan_data_json"]) for row in csv.DictReader(file)]
    for code in codes:
        answer = api.get(f"/v1/scan/{quote(code, safe='')}")
        assert answer.status_code == (200 if code.strip() else 404), (code, answer.content)
