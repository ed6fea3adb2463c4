"""Label templates: sheets or rolls of a device's printer, and what is printed on them."""

from __future__ import annotations

from django.db import models

from config.core.quantities import QuantityField
from devices.models import DeviceOwnedModel


class LabelTemplate(DeviceOwnedModel):
    """A sheet of `columns` × `rows` labels; lengths in millimetres. On a roll a page is one label.

    `texts` are the lines, in order. The usual sheets are built in and need no row.
    """

    class Symbology(models.TextChoices):
        """What a scanner reads; where a row cannot be written so, a QR of our own label code is printed."""

        QR = "qr", "QR (our label code)"
        EAN13 = "ean13", "EAN-13"
        CODE128 = "code128", "Code 128"
        GS1_DATAMATRIX = "datamatrix-gs1", "GS1 DataMatrix (lot, expiry, serial)"

    name = models.CharField(max_length=100)
    page_width = QuantityField(default=210)
    page_height = QuantityField(default=297)
    width = QuantityField()
    height = QuantityField()
    columns = models.PositiveSmallIntegerField(default=1)
    rows = models.PositiveSmallIntegerField(default=1)
    margin_left = QuantityField(default=0)
    margin_top = QuantityField(default=0)
    gap_x = QuantityField(default=0)
    gap_y = QuantityField(default=0)
    symbology = models.CharField(max_length=20, choices=Symbology.choices, default=Symbology.QR)
    texts = models.JSONField(default=list, blank=True)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "label_templates"
        indexes = [models.Index(fields=["device", "name"], name="label_template_name")]

    def __str__(self) -> str:
        return self.name
