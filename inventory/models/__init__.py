"""Every model of the inventory app."""

from inventory.models.alerts import Alert, AlertLook, AlertMail, AlertRule, AlertSighting
from inventory.models.artifacts import Artifact, Upload
from inventory.models.cases import Case
from inventory.models.catalog import CatalogProduct, CatalogSource
from inventory.models.count_policy import CountPolicy, read_policy
from inventory.models.imports import ImportProfile, ImportRow, ImportSession
from inventory.models.jobs import Job
from inventory.models.labels import LabelTemplate
from inventory.models.lines import StocktakeLine, VarianceReason
from inventory.models.locations import Location
from inventory.models.lots import Lot
from inventory.models.products import Barcode, Category, Product
from inventory.models.sheets import CountEntry, CountSheet, ScanEvent
from inventory.models.stock import LEVEL_LIMIT, StockLevel, StockMovement
from inventory.models.stocktakes import Campaign, CountKind, Stocktake
from inventory.models.tasks import Task
from inventory.models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookPosition, WebhookRun, WebhookSecret

__all__ = [
    "LEVEL_LIMIT",
    "Alert",
    "AlertLook",
    "AlertMail",
    "AlertRule",
    "AlertSighting",
    "Artifact",
    "Barcode",
    "Campaign",
    "Case",
    "CatalogProduct",
    "CatalogSource",
    "Category",
    "CountEntry",
    "CountKind",
    "CountPolicy",
    "CountSheet",
    "ImportProfile",
    "ImportRow",
    "ImportSession",
    "Job",
    "LabelTemplate",
    "Location",
    "Lot",
    "Product",
    "ScanEvent",
    "StockLevel",
    "StockMovement",
    "Stocktake",
    "StocktakeLine",
    "Task",
    "Upload",
    "VarianceReason",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookPosition",
    "WebhookRun",
    "WebhookSecret",
    "read_policy",
]
