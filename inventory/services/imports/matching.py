"""Which product of a device a code in a file stands for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from devices.models import Device
from inventory.formats.gtin import normalise_gtin
from inventory.models import Barcode, Product


@dataclass(slots=True)
class Codes:
    """Products by barcode, by GTIN and by SKU; one object per product. Read it under the feed lock."""

    barcodes: dict[str, Product] = field(default_factory=dict)
    gtins: dict[str, Product] = field(default_factory=dict)
    skus: dict[str, Product] = field(default_factory=dict)

    def by_barcode(self, value: str) -> Product | None:
        """The product with exactly this barcode, else with the same GTIN in another form."""
        return self.barcodes.get(value) or self.gtins.get(normalise_gtin(value) or "")

    def by_sku(self, sku: str) -> Product | None:
        """The product with exactly this SKU, case included."""
        return self.skus.get(sku)

    def add(self, product: Product, *, barcode: str, sku: str) -> None:
        """Remember what a line has just said, for the lines after it."""
        if barcode:
            self.barcodes.setdefault(barcode, product)
            self.gtins.setdefault(normalise_gtin(barcode) or barcode, product)
        if sku and sku == product.sku:
            self.skus.setdefault(sku, product)


def find_codes(
    device: Device,
    *,
    barcodes: Collection[str] = (),
    skus: Collection[str] = (),
    known: dict[int, Product] | None = None,
) -> Codes:
    """Look up a chunk's codes, none of them empty, in three queries. Of offline twins the first one counts.

    `known`: products that were read already, by primary key; a product is one object.
    """
    found = Codes()
    products = {} if known is None else known
    if skus:
        stored = Product.objects.for_device(device).filter(sku__in=skus)
        for product in stored.order_by("is_duplicate", "id"):
            found.skus.setdefault(product.sku, products.setdefault(product.pk, product))
    if barcodes:
        gtins = {gtin for value in barcodes if (gtin := normalise_gtin(value))}
        stored_codes = Barcode.objects.for_device(device).select_related("product").order_by("is_duplicate", "id")
        for barcode in stored_codes.filter(value__in=barcodes):
            found.barcodes.setdefault(barcode.value, products.setdefault(barcode.product.pk, barcode.product))
        for barcode in stored_codes.filter(gtin__in=gtins):
            found.gtins.setdefault(barcode.gtin, products.setdefault(barcode.product.pk, barcode.product))
    return found
