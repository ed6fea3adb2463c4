"""What a line may say, kind by kind: taken, left out, or refused with a code, and nothing else changes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.jobs import runner
from inventory.models import Barcode, Category, ImportRow, ImportSession, Location, Lot, Product, StockMovement
from inventory.services.locations import delete_location
from inventory.services.products import delete_product
from tests import factories

GONE = "0192f0c4-5d0e-7a51-8a3d-6f1f0c0de002"


def bring(api: APIClient, kind: str, content: str, *, apply: bool = True, **more: Any) -> list[tuple[int, str, str]]:
    """Import a file: (line, outcome, internal_code) of each line."""
    upload = api.post("/v1/uploads", {"file": SimpleUploadedFile("f.csv", content.encode())}, format="multipart").json()
    answer = api.post("/v1/imports", {"upload_id": upload["id"], "kind": kind, **more}, format="json")
    assert answer.status_code == 201, answer.json()
    for what in ("dry-run", "apply") if apply else ("dry-run",):
        asked = api.post(f"/v1/imports/{answer.json()['id']}/{what}")
        assert asked.status_code == 202, asked.json()
        runner.run(asked.json()["id"])
        assert api.get(f"/v1/jobs/{asked.json()['id']}").json()["status"] == "succeeded"
    rows = api.get(f"/v1/imports/{answer.json()['id']}/rows?limit=500").json()["results"]
    return [(row["line"], row["outcome"], row["internal_code"]) for row in rows]


@pytest.mark.parametrize(
    ("kind", "header", "line", "code"),
    [
        ("products", "sku,name,is_active", "A,Cup,perhaps\nB,Pot,true", "import_not_a_flag"),
        ("products", "sku,name,reorder_level", "A,Cup,-1", "import_below_zero"),
        ("products", "sku,name,attributes", 'A,Cup,"[1]"\nB,Pot,{}', "import_bad_attributes"),
        ("products", "sku,name,attributes", "A,Cup,{\nB,Pot,{}", "import_bad_attributes"),
        ("products", "sku,name,attributes", 'A,Cup,"{""a"":NaN}"\nB,Pot,{}', "import_bad_attributes"),
        ("products", "sku,name,category_id", f"A,Cup,{GONE}", "import_unknown_reference"),
        ("products", "sku,name,attributes", 'A,Cup,"{""a"":""\\ud800""}"\nB,Pot,{}', "import_bad_text"),
        ("products", "sku,name,attributes", 'A,Cup,"{""a"":[""\\u0000""]}"\nB,Pot,{}', "import_bad_text"),
        ("products", "sku,name,id", f",,{GONE}\nB,Pot,", "import_no_name"),
        ("products", "id,sku,name", f"nonsense,A,Cup\n{GONE},B,Pot", "import_not_an_id"),
        ("barcodes", "value,product", "123,none", "import_unknown_product"),
        ("barcodes", "value,product", "123,", "import_unknown_product"),
        ("barcodes", "value,product,quantity", "123,SKU,0", "import_below_zero"),
        ("lots", "code,product", "L,none", "import_unknown_product"),
        ("lots", "code,product,expires_on", "L,SKU,soon", "import_not_a_date"),
        ("lots", "code,product,expires_on", "L,SKU,31/02/2027", "import_not_a_date"),
        ("lots", "code,product,kind", "L,SKU,heap\nM,SKU,lot", "import_unknown_choice"),
        ("lots", "code,product,expires_on", "L,SKU,0001-01-01", "import_not_a_date"),
        ("categories", "name,parent_id", f"Cups,{GONE}", "import_unknown_reference"),
        ("movements", "product,quantity,date", "SKU,,2027-01-01", "import_no_quantity"),
        ("movements", "product,quantity,date,kind", "SKU,-1,2027-01-01,issue", "import_below_zero"),
        ("movements", "product,quantity,date,kind", "SKU,1,2027-01-01,transfer", "import_sides"),
        ("movements", "product,quantity,date,from_location", "SKU,1,2027-01-01,Room", "import_sides"),
        ("movements", "product,quantity,date,from_location,to_location", "SKU,-1,2027-01-01,A,B", "import_below_zero"),
        ("movements", "product,quantity,date,reverses_id", f"SKU,1,2027-01-01,{GONE}", "import_unknown_reference"),
        ("movements", "product_id,quantity,date", f"{GONE},1,2027-01-01", "import_unknown_product"),
        ("movements", "product,quantity,date,lot_id", f"SKU,1,2027-01-01,{GONE}", "import_unknown_reference"),
        ("stock", "product,quantity", f"{'9' * 101},1", "import_too_long"),
        ("stock", "product,quantity", '"8,41E+12",1', "import_code_damaged"),
        ("stock", "product,quantity", "SKU,1e5", "import_not_a_quantity"),
    ],
)
def test_a_line_is_refused(  # noqa: PLR0917  # the columns of the table above
    device: Device, api: APIClient, kind: str, header: str, line: str, code: str
) -> None:
    factories.make_product(device, sku="SKU")
    factories.make_location(device, name="Room")
    head = Feed.objects.get(device=device).head
    found = bring(api, kind, f"{header}\n{line}\n", apply=False)
    assert found[0] == (2, "error", code)
    assert Feed.objects.get(device=device).head == head


def test_what_shall_not_be_made_must_be_there(device: Device, api: APIClient) -> None:
    factories.make_category(device, name="Kitchen")
    content = "sku,name,category\nA,Cup,Kitchen\nB,Pot,Garden\n"
    assert bring(api, "products", content, options={"create_missing": False}) == [
        (2, "created", ""),
        (3, "error", "import_unknown_reference"),
    ]
    assert list(Category.objects.values_list("name", flat=True)) == ["Kitchen"]


def test_defaults_stand_where_a_cell_is_blank(api: APIClient) -> None:
    bring(api, "products", "sku,name,unit\nA,Cup,box\nB,Pot,\n", options={"defaults": {"unit": "pcs", "notes": "new"}})
    assert dict(Product.objects.values_list("sku", "unit")) == {"A": "box", "B": "pcs"}
    assert set(Product.objects.values_list("notes", flat=True)) == {"new"}


def test_an_offline_twin_stays_apart_from_the_product_of_the_same_code(device: Device, api: APIClient) -> None:
    first = factories.make_product(device, sku="A", name="Cup")
    twin = uuid4()
    content = f"id,sku,name,is_duplicate\n{twin},A,Mug,true\n"
    assert bring(api, "products", content) == [(2, "created", "")]
    assert bring(api, "products", content) == [(2, "unchanged", "")]
    first.refresh_from_db()
    assert (first.name, Product.objects.get(uuid=twin).is_duplicate) == ("Cup", True)


def test_a_column_of_codes_is_found_by_what_stands_in_it(device: Device, api: APIClient) -> None:
    upload = factories.make_upload(device, b"x,name\n4006381333931,Cup\n5449000000996,Pot\n")
    assert factories.make_import(device, upload=upload).mapping == {"name": "name", "barcode": "x"}
    upload = factories.make_upload(device, b"x,name\n4006381333931,Cup\n4006381333931,Pot\n")
    assert factories.make_import(device, upload=upload).mapping == {"name": "name"}


def test_a_profile_fits_a_file_without_some_of_its_columns(device: Device) -> None:
    session = factories.make_import(
        device, profile="snipe_it_models", upload=factories.make_upload(device, b"Name,Category\nChair,Office\n")
    )
    assert session.mapping == {"name": "Name", "category": "Category"}


@pytest.mark.parametrize(
    ("kind", "header", "line", "code"),
    [
        ("barcodes", "value,product", ",SKU", "import_no_code"),
        ("lots", "code,product", ",SKU", "import_no_code"),
        ("categories", "name,parent", ",Cups", "import_no_name"),
        ("stock", "product,quantity", "SKU,", "import_no_quantity"),
        ("stock", "product,quantity", ",52109", "import_no_code"),
        ("products", "sku,name", "A,Cup\nA,Pot", ""),
    ],
)
def test_a_line_is_left_out(  # noqa: PLR0917  # likewise
    api: APIClient, device: Device, kind: str, header: str, line: str, code: str
) -> None:
    factories.make_product(device, sku="SKU")
    found = bring(api, kind, f"{header}\n{line}\n")
    assert found[-1][1:] == ("skipped", code or "import_repeated")


def test_deleted_and_doubled_codes(device: Device, api: APIClient) -> None:
    gone = factories.make_product(device, name="Gone")
    delete_product(gone, actor=factories.TESTER)
    known = factories.make_product(device, sku="known")
    other = factories.make_product(device, sku="other")
    code = factories.make_barcode(device, product_id=known.uuid, value="111")
    content = f"id,sku,barcode,name\n{gone.uuid},,,Back\n{known.uuid},other,,Two\n{uuid4()},other,,New\n,KNOWN,,Case\n"
    assert bring(api, "products", content) == [
        (2, "error", "import_deleted"),
        (3, "error", "import_two_products"),
        (4, "error", "import_two_products"),
        (5, "created", "import_case_differs"),
    ]
    assert bring(api, "barcodes", "value,product\n111,other\n111,known\n") == [
        (2, "error", "import_two_products"),
        (3, "skipped", "import_repeated"),
    ]
    code.refresh_from_db()
    other.refresh_from_db()
    assert (code.product, other.name[:7]) == (known, "Product")


def test_barcodes_and_lots_are_made_changed_and_found_again(device: Device, api: APIClient) -> None:
    factories.make_product(device, sku="A", name="Cup")
    one, two = uuid4(), uuid4()
    barcodes = f"id,value,product_name,quantity,is_duplicate\n{one},111,Cup,1,false\n{two},111,Cup,6,true\n"
    by_name = {"options": {"match": "name"}}
    assert [row[1] for row in bring(api, "barcodes", barcodes, **by_name)] == ["created", "created"]
    assert [row[1] for row in bring(api, "barcodes", barcodes.replace(",6,", ",12,"), **by_name)] == [
        "unchanged",
        "updated",
    ]
    assert sorted(Barcode.objects.values_list("quantity", "is_duplicate")) == [(1, False), (12, True)]
    lots = f"id,code,product,kind,expires_on\n{one},L1,A,lot,31/01/2027\n,S1,A,serial,13/02/2027\n"
    assert [row[1] for row in bring(api, "lots", lots)] == ["created", "created"]
    assert [row[1] for row in bring(api, "lots", lots)] == ["unchanged", "unchanged"]
    later = lots.replace("31/01/2027", "28/Feb/27 10:30")
    assert [row[1] for row in bring(api, "lots", later)] == ["updated", "unchanged"]
    assert str(Lot.objects.get(code="L1").expires_on) == "2027-02-28"


def test_trees_by_code_id_and_path(device: Device, api: APIClient) -> None:
    top, below = uuid4(), uuid4()
    places = f"id,name,code,kind,parent_id\n{top},Hall,H,warehouse,\n{below},Rack,R,rack,{top}\n"
    assert [row[1] for row in bring(api, "locations", places)] == ["created", "created"]
    assert Location.objects.get(code="R").parent.code == "H"
    moved = "name,code,parent\nRack,R,\nShelf,S,R\nHall,H2,Yard\n"
    assert [row[1] for row in bring(api, "locations", moved)] == ["unchanged", "created", "created"]
    assert Location.objects.get(code="S").parent.code == "R"
    assert Location.objects.get(code="H2").parent.name == "Yard"
    assert [row[1] for row in bring(api, "locations", "code,name,parent\nS,Shelf,H\n")] == ["updated"]
    assert Location.objects.get(code="S").parent.code == "H"
    assert [row[1] for row in bring(api, "locations", "code,name\nS,Cupboard\n")] == ["updated"]
    assert (Location.objects.get(code="S").name, Location.objects.get(code="S").parent.code) == ("Cupboard", "H")
    assert [row[1] for row in bring(api, "categories", "path\nKitchen/Cups\nKitchen/Cups\n")] == [
        "created",
        "unchanged",
    ]
    assert Category.objects.get(name="Cups").parent.name == "Kitchen"


@pytest.mark.parametrize(
    ("existing", "name", "notes"), [("update", "New", "said"), ("fill", "Old", "said"), ("skip", "Old", "")]
)
def test_what_a_line_may_do_to_a_known_row(
    device: Device, api: APIClient, existing: str, name: str, notes: str
) -> None:
    product = factories.make_product(device, sku="A", name="Old")
    bring(api, "products", "sku,name,notes,colour\nA,New,said,red\n", options={"existing": existing},
          mapping={"sku": "sku", "name": "name", "notes": "notes", "attributes.colour": "colour"})  # fmt: skip
    product.refresh_from_db()
    assert (product.name, product.notes) == (name, notes)
    assert product.attributes == ({} if existing == "skip" else {"colour": "red"})


def test_movements_by_kind_sides_and_lots(device: Device, api: APIClient) -> None:
    product = factories.make_product(device, sku="A")
    lot = factories.make_lot(device, product_id=product.uuid)
    content = (
        "product_id,kind,quantity,date,from_location,to_location,lot_id\n"
        f"{product.uuid},receipt,5,2027-01-01,,Hall,{lot.uuid}\n"
        f"{product.uuid},issue,1,2027-01-01,Hall,,{lot.uuid}\n"
        f"{product.uuid},,2,2027-01-01,Hall,Yard,{lot.uuid}\n"
        f"{product.uuid},adjustment,1,2027-01-01,,Yard,{lot.uuid}\n"
    )
    assert [row[1] for row in bring(api, "movements", content)] == ["created"] * 4
    assert list(StockMovement.objects.order_by("id").values_list("kind", flat=True)) == [
        "receipt", "issue", "transfer", "adjustment",
    ]  # fmt: skip
    assert Product.objects.with_stock().get(sku="A").on_hand == 5
    assert set(StockMovement.objects.values_list("lot__code", flat=True)) == {lot.code}


def test_a_row_that_the_database_refuses_does_not_stop_the_others(device: Device, api: APIClient) -> None:
    """An id that a tombstone holds, and a bucket that would leave its range."""
    product = factories.make_product(device)
    code = factories.make_barcode(device, product_id=product.uuid)
    Barcode.all_objects.filter(pk=code.pk).update(deleted_at=code.created_at)
    content = f"id,value,product_id\n{code.uuid},111,{product.uuid}\n,222,{product.uuid}\n"
    assert bring(api, "barcodes", content) == [(2, "error", "conflict"), (3, "created", "")]
    assert Barcode.objects.get().value == "222"
    gone = factories.make_location(device, name="Gone")
    delete_location(gone, actor=factories.TESTER)
    content = f"id,name\n{gone.uuid},Back\n{uuid4()},Hall\n"
    assert bring(api, "locations", content) == [(2, "error", "id_already_used"), (3, "created", "")]
    assert not Location.objects.filter(name="Back").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"mapping": {"secret": "sku"}}, "import_mapping"),
        ({"mapping": {"sku": "none"}}, "import_mapping"),
        ({"mapping": {"sku": []}}, "import_mapping"),
        ({"options": {"secret": 1}}, "import_options"),
        ({"options": {"existing": "never"}}, "import_options"),
        ({"options": {"trim": 1}}, "import_options"),
        ({"options": {"reason": 5}}, "import_options"),
        ({"options": {"time_zone": "Mars/Olympus"}}, "import_options"),
        ({"options": {"fill_down": "sku"}}, "import_options"),
        ({"options": {"prefixes": ["a"]}}, "import_options"),
        ({"reading": {"encoding": "klingon"}}, "import_unreadable"),
        ({"reading": {"columns": ["a"], "header_line": -1}}, "validation_failed"),
        ({"kind": "people"}, "validation_failed"),
        ({"other": 1}, "validation_failed"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(device: Device, api: APIClient, change: Any, code: str) -> None:
    session = factories.make_import(device)
    before = ImportSession.objects.values().get()
    answer = api.patch(f"/v1/imports/{session.uuid}", change, format="json")
    assert (answer.status_code, answer.json()["internal_code"]) == (422, code)
    assert ImportSession.objects.values().get() == before


def test_how_a_file_is_read_can_be_said(device: Device, api: APIClient) -> None:
    session = factories.make_import(device, upload=factories.make_upload(device, b"A-1~Cup\nB-2~Pot\n"))
    changed = api.patch(
        f"/v1/imports/{session.uuid}",
        {
            "reading": {"delimiter": "~", "header_line": 0, "columns": ["sku", "name"]},
            "options": {"time_zone": "Europe/London"},
        },
        format="json",
    ).json()
    assert (changed["columns"], changed["mapping"]) == (["sku", "name"], {"sku": "sku", "name": "name"})
    other = api.patch(f"/v1/imports/{session.uuid}", {"kind": "categories"}, format="json").json()
    assert (other["kind"], other["mapping"]) == ("categories", {"name": "name"})


def test_foreign_files_and_profiles_are_not_there(device: Device, other: Device, api: APIClient) -> None:
    foreign = factories.make_upload(other)
    for body in ({"upload_id": str(foreign.uuid)}, {"upload_id": GONE}):
        answer = api.post("/v1/imports", {"kind": "products", **body}, format="json")
        assert (answer.status_code, answer.json()["internal_code"]) == (404, "reference_not_found")
    theirs = factories.make_import(other)
    for what in ("dry-run", "apply", "revert", "save-profile"):
        assert api.post(f"/v1/imports/{theirs.uuid}/{what}", {"name": "x"}, format="json").status_code == 404
    assert api.get(f"/v1/imports/{theirs.uuid}/rows").status_code == 404
    own = {"kind": "products", "upload_id": str(factories.make_upload(device).uuid)}
    assert api.post("/v1/imports", {**own, "profile": "none"}, format="json").status_code == 404
    assert api.post("/v1/imports", {"kind": "products"}, format="json").status_code == 422
    assert ImportRow.objects.count() == 0


def test_a_mapping_is_saved_and_used_again(device: Device, other: Device, api: APIClient) -> None:
    session = factories.make_import(device, mapping={"sku": "name", "name": "sku"})
    saved = api.post(f"/v1/imports/{session.uuid}/save-profile", {"name": "Upside down"}, format="json")
    assert (saved.status_code, saved.json()["origin"]) == (201, "device")
    again = api.post(f"/v1/imports/{session.uuid}/save-profile", {"name": "Upside down"}, format="json")
    assert again.json()["internal_code"] == "import_profile_taken"
    listed = {profile["name"]: profile["origin"] for profile in api.get("/v1/imports/profiles").json()}
    assert (listed["Upside down"], listed["shopify"]) == ("device", "ready")
    upload = factories.make_upload(device)
    used = api.post("/v1/imports", {"upload_id": str(upload.uuid), "profile": "Upside down"}, format="json").json()
    assert (used["mapping"], used["profile"]) == ({"sku": "name", "name": "sku"}, "Upside down")
