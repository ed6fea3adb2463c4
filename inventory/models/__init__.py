"""Every model of the inventory app."""

from inventory.models.artifacts import Artifact, Upload
from inventory.models.cases import Case
from inventory.models.catalog import CatalogProduct, CatalogSource
from inventory.models.imports import ImportProfile, ImportRow, ImportSession
from inventory.models.jobs import Job
from inventory.models.locations import Location
from inventory.models.lots import Lot
from inventory.models.products import Barcode, Category, Product
from inventory.models.stock import LEVEL_LIMIT, StockLevel, StockMovement
from inventory.models.tasks import Task
from inventory.models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookPosition, WebhookRun, WebhookSecret

__all__ = [
    "LEVEL_LIMIT",
    "Artifact",
    "Barcode",
    "Case",
    "CatalogProduct",
    "CatalogSource",
    "Category",
    "ImportProfile",
    "ImportRow",
    "ImportSession",
    "Job",
    "Location",
    "Lot",
    "Product",
    "StockLevel",
    "StockMovement",
    "Task",
    "Upload",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookPosition",
    "WebhookRun",
    "WebhookSecret",
]
