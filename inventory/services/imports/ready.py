"""Ready profiles: how the files of other systems are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Columns = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class ReadyProfile:
    """A mapping that comes with the server; it fits a file that has all columns of its mapping or `header`."""

    name: str
    title: str
    kind: str
    mapping: Columns
    options: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    header: Sequence[str] = ()


def _without_header(*columns: str) -> dict[str, Any]:
    return {"header_line": 0, "columns": list(columns)}


_OPENBOXES_COUNT = {
    "product": "Product code", "product_name": "Product name", "lot": "Lot number", "expires_on": "Expiration date",
    "location": "Bin location", "quantity": "Physical QOH", "note": "Comment",
}  # fmt: skip
_ZL_COUNT = {
    "product": "CODE", "product_name": "DESIGNATIONS ET DOSAGE /DESCRIPTION PRODUIT", "lot": "NUMERO DE LOT",
    "expires_on": "EXPIRATION", "location": "BIN LOCATION", "quantity": "STOCK PHYSIQUE", "note": "REMARQUES",
}  # fmt: skip
_OPENBOXES_PLACE = {"name": "name", "code": "locationNumber", "parent": "parentLocation", "kind": "locationType"}
_SNIPE = {"product_name": "Name", "quantity": "QTY", "location": "Location", "reference": "Order Number"}
_BY_NAME = {"match": "name", "path_separator": ""}
_SHOPIFY = {"fill_down": ["Title"], "dropped": ["Default Title"], "match": "name", "join": " – "}
_SHOPIFY_NAME = ["Title", "Option1 Value", "Option2 Value", "Option3 Value"]
_INVENTREE_STOCK = {
    "product": "part", "product_name": "part_name", "location": "location", "quantity": "quantity", "lot": "batch",
    "serial": "serial", "expires_on": "expiry_date",
}  # fmt: skip

PROFILES: tuple[ReadyProfile, ...] = (
    # --- Open Food Facts, three shapes ---
    ReadyProfile(
        "open_food_facts", "Open Food Facts: products", "products",
        {"barcode": "code", "name": "product_name", "attributes.brands": "brands", "attributes.stores": "stores",
         "attributes.url": "url"},
    ),
    ReadyProfile(
        "open_food_facts_export", "Open Food Facts: the whole export", "products",
        {"barcode": "code", "name": "product_name", "attributes.brands": "brands", "attributes.quantity": "quantity",
         "attributes.generic_name": "generic_name", "attributes.categories": "categories",
         "attributes.countries": "countries", "attributes.url": "url", "attributes.image_url": "image_url"},
    ),
    ReadyProfile(
        "open_food_facts_lifyzer", "Open Food Facts: Lifyzer's database", "products",
        {"barcode": "barcode_id", "name": "product_name"},
    ),
    # --- InvenTree ---
    ReadyProfile(
        "inventree_parts", "InvenTree: parts", "products",
        {"barcode": "id", "sku": "IPN", "name": "name", "unit": "units", "notes": "description",
         "reorder_level": "minimum_stock", "is_active": "active", "category": "category",
         "attributes.keywords": "keywords", "attributes.revision": "revision"},
        {"prefixes": {"barcode": "INVENTREE-"}}, header=("id", "name", "IPN", "category", "minimum_stock"),
    ),
    ReadyProfile("inventree_categories", "InvenTree: part categories", "categories", {"path": "pathstring"},
                 header=("id", "pathstring", "description")),
    ReadyProfile("inventree_locations", "InvenTree: stock locations", "locations", {"path": "pathstring"},
                 header=("id", "pathstring", "structural", "external")),
    ReadyProfile(
        "inventree_stock", "InvenTree: stock items", "stock", _INVENTREE_STOCK,
        {"prefixes": {"product": "INVENTREE-"}, "create_missing": True},
        header=("part", "part_name", "location", "quantity", "batch"),
    ),
    ReadyProfile(
        "inventree_supplier_parts", "InvenTree: supplier parts as barcodes", "barcodes",
        {"value": "SKU", "product": "part", "quantity": "pack_quantity_native"},
        {"prefixes": {"product": "INVENTREE-"}}, header=("part", "supplier", "SKU", "pack_quantity_native"),
    ),
    # --- Snipe-IT ---
    ReadyProfile(
        "snipe_it_assets", "Snipe-IT: assets", "products",
        {"sku": "Asset Tag", "name": ["Name", "Model"], "category": "Category", "notes": "Asset Notes",
         "attributes.manufacturer": "Manufacturer", "attributes.model_number": "Model Number",
         "attributes.location": "Location"},
        {"path_separator": "", "join": " "}, header=("Asset Tag", "Model Notes", "Model Number"),
    ),
    ReadyProfile(
        "snipe_it_assets_short", "Snipe-IT: assets with serials", "products",
        {"sku": "Asset Tag", "name": "item Name", "category": "Category", "notes": "Notes",
         "attributes.serial": "Serial", "attributes.manufacturer": "Manufacturer",
         "attributes.model_number": "Model Number", "attributes.location": "Location"},
        {"path_separator": ""}, header=("item Name", "Serial", "Asset Tag"),
    ),
    ReadyProfile(
        "snipe_it_models", "Snipe-IT: models", "products",
        {"name": "Name", "category": "Category", "reorder_level": "Min Qty", "notes": "Model Notes",
         "attributes.manufacturer": "Manufacturer", "attributes.model_number": "Model Number"},
        {**_BY_NAME}, header=("Name", "Fieldset", "Requestable"),
    ),
    ReadyProfile("snipe_it_consumables", "Snipe-IT: consumables and their stock", "stock", _SNIPE, _BY_NAME,
                 header=("Name", "QTY", "Item Number")),
    ReadyProfile("snipe_it_accessories", "Snipe-IT: accessories and their stock", "stock", _SNIPE, _BY_NAME,
                 header=("Name", "QTY", "Min Amount")),
    ReadyProfile(
        "snipe_it_components", "Snipe-IT: components and their stock", "stock",
        {"product_name": "Item Name", "quantity": "Quantity", "location": "Location", "reference": "Order Number",
         "lot": "Serial number"},
        _BY_NAME, header=("Item Name", "Serial number", "Quantity"),
    ),
    ReadyProfile("snipe_it_locations", "Snipe-IT: locations", "locations", {"name": "name"},
                 header=("name", "address", "manager username")),
    # --- Part-DB ---
    ReadyProfile(
        "part_db", "Part-DB: parts", "products",
        {"sku": "ipn", "name": "name", "notes": "description", "category": "category", "reorder_level": "minamount",
         "unit": "partUnit", "attributes.manufacturer": "manufacturer", "attributes.mpn": "mpn",
         "attributes.footprint": "footprint", "attributes.supplier": "supplier"},
        {"path_separator": "->", "match": "name"}, header=("ipn", "mpn", "footprint"),
    ),
    ReadyProfile(
        "part_db_stock", "Part-DB: stock of parts", "stock",
        {"product": "ipn", "product_name": "name", "quantity": "quantity", "location": "storage_location"},
        {"path_separator": "->", "match": "name"}, header=("ipn", "storage_location", "quantity"),
    ),
    # --- Homebox ---
    ReadyProfile(
        "homebox", "Homebox: items", "products",
        {"name": "HB.name", "notes": "HB.description"}, {"match": "name"}, header=("HB.name", "HB.description"),
    ),
    ReadyProfile(
        "homebox_assets", "Homebox: items with asset ids", "products",
        {"barcode": "HB.asset_id", "name": "HB.name", "attributes.tags": "HB.tags"},
        {"prefixes": {"barcode": "HB-"}}, header=("HB.name", "HB.asset_id"),
    ),
    ReadyProfile(
        "homebox_stock", "Homebox: quantities", "stock",
        {"product_name": "HB.name", "quantity": "HB.quantity", "location": "HB.location"}, {"match": "name"},
        header=("HB.name", "HB.quantity", "HB.location"),
    ),
    # --- Shopify ---
    ReadyProfile(
        "shopify", "Shopify: products and variants", "products",
        {"name": _SHOPIFY_NAME, "sku": "Variant SKU", "barcode": "Variant Barcode", "attributes.handle": "Handle",
         "attributes.vendor": "Vendor", "attributes.type": "Type"},
        _SHOPIFY, header=("Handle", "Title", "Variant SKU"),
    ),
    ReadyProfile(
        "shopify_stock", "Shopify: quantities of variants", "stock",
        {"product": "Variant SKU", "product_name": _SHOPIFY_NAME, "quantity": "Variant Inventory Qty"}, _SHOPIFY,
        header=("Handle", "Title", "Variant Inventory Qty"),
    ),
    # --- OpenBoxes ---
    ReadyProfile(
        "openboxes_products", "OpenBoxes: products", "products",
        {"sku": "ProductCode", "name": "Name", "category": "Category", "notes": "Description",
         "unit": "UnitOfMeasure", "unit_cost": "UnitCost", "is_active": "Active", "barcode": "UPC",
         "attributes.manufacturer": "Manufacturer", "attributes.brand": "BrandName"},
        {"path_separator": ""}, header=("ProductCode", "GLAccount", "UnitOfMeasure"),
    ),
    ReadyProfile("openboxes_categories", "OpenBoxes: categories", "categories",
                 {"name": "Category Name", "parent": "Category Parent Name"}, {"path_separator": ""}),
    ReadyProfile("openboxes_locations", "OpenBoxes: locations and bins", "locations", _OPENBOXES_PLACE,
                 {"path_separator": ""}, header=("locationNumber", "locationType", "parentLocation")),
    # Of two that fit the same header the first is taken: a count is looked at before it moves anything.
    ReadyProfile("openboxes_counts", "OpenBoxes: count sheets", "counts", _OPENBOXES_COUNT,
                 {"date_format": "mdy", "path_separator": ""}, header=("Product code", "OB QOH", "Physical QOH")),
    ReadyProfile("openboxes_stock", "OpenBoxes: counted stock as opening stock", "stock", _OPENBOXES_COUNT,
                 {"date_format": "mdy", "path_separator": ""}, header=("Product code", "OB QOH", "Physical QOH")),
    ReadyProfile(
        "openboxes_levels", "OpenBoxes: minimum levels", "products",
        {"sku": "Product code", "name": "Product", "reorder_level": "Min quantity", "unit": "Unit of measure",
         "category": "Category", "attributes.manufacturer": "Manufacturer"},
        {"path_separator": ""}, header=("Product code", "Min quantity", "Current quantity"),
    ),
    # --- Zanmi Lasante ---
    ReadyProfile("zl_counts", "Zanmi Lasante: count sheets", "counts", _ZL_COUNT, {"path_separator": ""},
                 header=("CODE", "NUMERO DE LOT", "STOCK PHYSIQUE")),
    # --- AdventureWorks: without a header ---
    ReadyProfile(
        "adventureworks_products", "AdventureWorks: products", "products",
        {"barcode": "ProductID", "sku": "ProductNumber", "name": "Name", "reorder_level": "ReorderPoint",
         "unit_cost": "StandardCost", "attributes.color": "Color", "attributes.size": "Size"},
        {"prefixes": {"barcode": "AW-"}},
        _without_header("ProductID", "Name", "ProductNumber", "MakeFlag", "FinishedGoodsFlag", "Color",
                        "SafetyStockLevel", "ReorderPoint", "StandardCost", "ListPrice", "Size"),
    ),
    ReadyProfile(
        "adventureworks_locations", "AdventureWorks: locations", "locations", {"code": "LocationID", "name": "Name"},
        {"prefixes": {"code": "AW-"}}, _without_header("LocationID", "Name"),
    ),
    ReadyProfile(
        "adventureworks_stock", "AdventureWorks: stock", "stock",
        {"product": "ProductID", "location": "LocationID", "quantity": "Quantity", "note": ["Shelf", "Bin"]},
        {"prefixes": {"product": "AW-", "location": "AW-"}, "create_missing": False},
        _without_header("ProductID", "LocationID", "Shelf", "Bin", "Quantity"),
    ),
    ReadyProfile("adventureworks_categories", "AdventureWorks: categories", "categories", {"name": "Name"}, {},
                 _without_header("ProductCategoryID", "Name")),
)  # fmt: skip
