"""The catalogue: products as others describe them, shared by all devices and only read by them."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class CatalogSource(models.Model):
    """Where products of the catalogue come from, and what is known of the file that was read last."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=60, unique=True)
    url = models.TextField(blank=True)
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    refreshed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalog_sources"

    def __str__(self) -> str:
        return self.name


class CatalogProductQuerySet(models.QuerySet["CatalogProduct"]):
    """Reads of the catalogue."""

    def best(self, gtins: tuple[str, ...]) -> CatalogProduct | None:
        """The product of the first of these GTIN-14 that the catalogue knows."""
        found = self.by_gtin(set(gtins))
        return next((found[gtin] for gtin in gtins if gtin in found), None)

    def by_gtin(self, gtins: set[str]) -> dict[str, CatalogProduct]:
        """What the catalogue knows of these GTIN-14."""
        return {row.gtin: row for row in self.select_related("source").filter(gtin__in=gtins)} if gtins else {}


class CatalogProduct(models.Model):
    """A product as its source describes it: no device's, never synced, to prefill a new product from.

    `gtin` = 14 digits; `quantity` = the size of one pack as people write it ("4x80g").
    """

    id = models.BigAutoField(primary_key=True)
    gtin = models.CharField("GTIN", max_length=14, unique=True)
    name = models.CharField(max_length=200)
    brand = models.CharField(max_length=200, blank=True)
    quantity = models.CharField(max_length=100, blank=True)
    category = models.CharField(max_length=200, blank=True)
    attributes = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    source = models.ForeignKey(CatalogSource, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: Any = CatalogProductQuerySet.as_manager()

    class Meta:
        db_table = "catalog_products"
        indexes = [models.Index(fields=["name"], name="catalog_name")]

    def __str__(self) -> str:
        return self.name
