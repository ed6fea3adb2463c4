"""Examples and bodies of counting for the API description."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema

from inventory.api.counting.scanning import HeardManySerializer, HeardSerializer, RawScanSerializer

ID = "0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001"
HEARD = {
    "scan_id": ID,
    "code": "4006381333931",
    "outcome": "counted",
    "match": "barcode",
    "product": {"id": ID, "name": "Oat milk 1 l", "sku": "OAT-1", "unit": "pcs"},
    "location": {"id": ID, "name": "Shelf 3"},
    "lot": None,
    "quantity": "1",
    "total": "7",
    "flags": ["misplaced"],
    "entry_id": ID,
    "case_id": None,
    "is_late": False,
}
SCANS = extend_schema(
    request=PolymorphicProxySerializer(
        component_name="Scans",
        serializers=[RawScanSerializer, RawScanSerializer(many=True)],
        resource_type_field_name=None,
        many=False,
    ),
    responses={
        201: PolymorphicProxySerializer(
            component_name="ScansHeard",
            serializers=[HeardSerializer, HeardManySerializer],
            resource_type_field_name=None,
        )
    },
    examples=[
        OpenApiExample("One code", {"code": "4006381333931"}, request_only=True),
        OpenApiExample("Six at once, on a shelf", {"code": "4006381333931", "quantity": "6", "location_id": ID},
                       request_only=True),
        OpenApiExample("A list", [{"code": "4006381333931"}, {"code": "0100614141123452"}], request_only=True),
        OpenApiExample("Heard", HEARD, response_only=True, status_codes=["201"]),
    ],
)  # fmt: skip
ENTRY = extend_schema(
    examples=[
        OpenApiExample(
            "Seven in all",
            {"sheet_id": ID, "product_id": ID, "location_id": ID, "mode": "set", "quantity": "7"},
            request_only=True,
        ),
        OpenApiExample(
            "Two more, counted offline",
            {
                "sheet_id": ID,
                "product_id": ID,
                "mode": "add",
                "quantity": "2",
                "counted_at": "2026-03-01T09:30:00Z",
                "base_revision": 412,
            },
            request_only=True,
        ),
        OpenApiExample(
            "This place is empty",
            {"sheet_id": ID, "location_id": ID, "mode": "empty"},
            request_only=True,
        ),
    ]
)
SHEET_ENTRIES = [
    OpenApiExample("Seven in all", {"product_id": ID, "mode": "set", "quantity": "7"}, request_only=True),
    OpenApiExample("Two more of a lot", {"product_id": ID, "lot_id": ID, "mode": "add", "quantity": "2"},
                   request_only=True),
]  # fmt: skip
STOCKTAKE = extend_schema(
    examples=[
        OpenApiExample("All of a shelf", {"name": "Shelf 3, March", "location_id": ID}, request_only=True),
        OpenApiExample("A spot check", {"name": "Dairy", "kind": "spot", "category_id": ID}, request_only=True),
    ]
)
SHEET = extend_schema(
    examples=[
        OpenApiExample("One zone for one scanner",
                       {"stocktake_id": ID, "name": "Left side", "location_id": ID, "assigned_to": ID},
                       request_only=True),
        OpenApiExample("Whoever takes it", {"stocktake_id": ID, "assignee_name": "Ada"}, request_only=True),
    ]
)  # fmt: skip
SUBMITTED = [
    OpenApiExample("Counted offline, up to its 41st operation", {"final_sequence": 41}, request_only=True),
    OpenApiExample("Counted online", {}, request_only=True),
]
DECISION = [
    OpenApiExample("Why it is so", {"reason": "damaged", "note": "A pallet fell over."}, request_only=True),
]
DECISIONS = [
    OpenApiExample(
        "Accept what is missing", {"list": "missing", "action": "accept", "reason": "missing"}, request_only=True
    ),
    OpenApiExample("Count these again", {"line_ids": [ID], "action": "recount"}, request_only=True),
]
