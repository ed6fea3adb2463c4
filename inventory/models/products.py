"""Products, their categories and barcodes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models

from config.core.models import alive, with_tombstones
from config.core.quantities import QuantityField
from devices.models import DeviceOwnedModel, DeviceOwnedQuerySet

ALIVE = models.Q(deleted_at__isnull=True)
SPACES = " \t\r\n\u00a0\u2007\u202f\u3000"  # what outer spaces of a name may be


class Category(DeviceOwnedModel):
    """A shelf in the catalogue: a tree by `parent`."""

    name = models.CharField(max_length=200)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(DeviceOwnedModel.Meta):
        db_table = "categories"
        verbose_name_plural = "categories"
        indexes = [models.Index(fields=["device", "name"], name="category_name")]

    def __str__(self) -> str:
        return self.name


class Bare(models.Func):
    """A text without these characters at its ends."""

    function = "TRIM"
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """PostgreSQL's TRIM has a syntax of its own; BTRIM is the function."""
        return self.as_sql(compiler, connection, function="BTRIM", **context)


class ProductQuerySet(DeviceOwnedQuerySet):
    """Reads of products."""

    def with_stock(self) -> Self:
        """Adds on_hand: the sum of the product's levels, 0 where it never moved."""
        total = (
            models.Subquery(
                self.model._meta.apps.get_model("inventory", "StockLevel")
                .all_objects.filter(product=models.OuterRef("pk"))
                .order_by()
                .values("product")
                .annotate(total=models.Sum("quantity"))
                .values("total"),
                output_field=QuantityField(),
            ),
        )
        return self.annotate(on_hand=models.functions.Coalesce(*total, models.Value(0, output_field=QuantityField())))

    def named(self, name: str) -> Self:
        """Products with this name, whatever its case and outer spaces."""
        return self.alias(bare_name=Bare("name", models.Value(SPACES))).filter(bare_name__iexact=name.strip(SPACES))


class Product(DeviceOwnedModel):
    """What is counted. `reorder_level` in units, `unit_cost` in settings.CURRENCY per unit.

    `is_duplicate` marks the later of two offline twins.
    """

    name = models.CharField(max_length=300)
    sku = models.CharField("SKU", max_length=100, blank=True)
    unit = models.CharField(max_length=20, default="pcs")
    notes = models.TextField(blank=True, max_length=10_000)
    is_active = models.BooleanField(default=True)
    reorder_level = QuantityField(null=True, blank=True)
    unit_cost = QuantityField(null=True, blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    attributes = models.JSONField(default=dict, blank=True)
    is_duplicate = models.BooleanField(default=False, editable=False)

    objects: ClassVar[Any] = alive(ProductQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(ProductQuerySet)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "products"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["device", "sku"],
                condition=ALIVE & ~models.Q(sku="") & models.Q(is_duplicate=False),
                name="product_sku",
                violation_error_code="product_sku_taken",
            ),
        ]
        indexes = [
            models.Index(fields=["device", "name"], name="product_name"),
            models.Index(fields=["device", "sku"], name="product_lookup"),
            models.Index(fields=["device", "updated_at"], name="product_updated"),
        ]

    def __str__(self) -> str:
        return self.name


class Barcode(DeviceOwnedModel):
    """A code that stands for `quantity` units of a product.

    `value` is kept as scanned; `gtin` is its GTIN-14 where it has that shape, found again under any of its
    forms. The check digit is advice: 1.3 % of real codes fail it.
    """

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="barcodes")
    value = models.CharField(max_length=200)
    symbology = models.CharField(max_length=30, blank=True)
    quantity = QuantityField(default=1, help_text="units per scan")
    gtin = models.CharField("GTIN-14", max_length=14, blank=True, editable=False)
    check_digit_ok = models.BooleanField(null=True, editable=False)
    is_duplicate = models.BooleanField(default=False, editable=False)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "barcodes"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["device", "value"],
                condition=ALIVE & models.Q(is_duplicate=False),
                name="barcode_value",
                violation_error_code="barcode_taken",
            ),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="barcode_quantity_positive"),
        ]
        indexes = [
            models.Index(fields=["device", "gtin"], name="barcode_gtin"),
            models.Index(fields=["device", "value"], name="barcode_lookup"),
        ]

    def __str__(self) -> str:
        return self.value
