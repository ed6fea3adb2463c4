"""Routes of inventory, under /v1."""

from django.urls import path, register_converter
from django.urls.converters import PathConverter
from rest_framework.routers import SimpleRouter

from inventory.api.alerts import AlertMailView, AlertRuleViewSet, AlertViewSet
from inventory.api.barcodes import BarcodeViewSet
from inventory.api.cases import CaseViewSet
from inventory.api.catalog import CatalogProductView, CatalogView
from inventory.api.categories import CategoryViewSet
from inventory.api.counting.campaigns import CampaignViewSet
from inventory.api.counting.control import AccuracyView, LastCountedView, SuggestionsView
from inventory.api.counting.entries import EntryViewSet, ScanEventViewSet
from inventory.api.counting.lines import LineViewSet
from inventory.api.counting.sheets import SheetViewSet
from inventory.api.counting.stocktakes import StocktakeViewSet
from inventory.api.exports import ExportView
from inventory.api.imports import ImportViewSet
from inventory.api.jobs import JobViewSet
from inventory.api.labels import LabelTemplateViewSet, LabelView
from inventory.api.levels import LevelViewSet
from inventory.api.locations import LocationViewSet
from inventory.api.lots import LotViewSet
from inventory.api.movements import MovementViewSet
from inventory.api.products import ProductViewSet
from inventory.api.reports import ReportView
from inventory.api.scan import ScanView
from inventory.api.sync import PullView, PushView, SinceView
from inventory.api.tasks import TaskViewSet
from inventory.api.uploads import UploadView
from inventory.api.watermelon import WatermelonView
from inventory.api.webhooks import DeliveryViewSet, WebhookViewSet


class CodeConverter(PathConverter):
    """A scanned code: slashes, and the line end that many scanners add."""

    regex = r"[\s\S]+"


register_converter(CodeConverter, "code")

router = SimpleRouter(trailing_slash=False)
router.register("categories", CategoryViewSet, basename="category")
router.register("products", ProductViewSet, basename="product")
router.register("barcodes", BarcodeViewSet, basename="barcode")
router.register("locations", LocationViewSet, basename="location")
router.register("lots", LotViewSet, basename="lot")
router.register("stock-movements", MovementViewSet, basename="stock-movement")
router.register("stock-levels", LevelViewSet, basename="stock-level")
router.register("tasks", TaskViewSet, basename="task")
router.register("imports", ImportViewSet, basename="import")
router.register("label-templates", LabelTemplateViewSet, basename="label-template")
router.register("campaigns", CampaignViewSet, basename="campaign")
router.register("stocktakes", StocktakeViewSet, basename="stocktake")
router.register("sheets", SheetViewSet, basename="sheet")
router.register("count-entries", EntryViewSet, basename="count-entry")
router.register("scan-events", ScanEventViewSet, basename="scan-event")
router.register("stocktake-lines", LineViewSet, basename="stocktake-line")
router.register("jobs", JobViewSet, basename="job")
router.register("alert-rules", AlertRuleViewSet, basename="alert-rule")
router.register("alerts", AlertViewSet, basename="alert")
router.register("cases", CaseViewSet, basename="case")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("webhook-deliveries", DeliveryViewSet, basename="webhook-delivery")

urlpatterns = [
    path("alert-mail", AlertMailView.as_view(), name="alert-mail"),
    path("labels", LabelView.as_view(), name="labels"),
    path("exports", ExportView.as_view(), name="export-list"),
    path("reports", ReportView.as_view(), name="reports"),
    path("catalog", CatalogView.as_view(), name="catalog-list"),
    path("catalog/<str:gtin>", CatalogProductView.as_view(), name="catalog-detail"),
    path("scan/<code:code>", ScanView.as_view(), name="scan"),
    path("count-accuracy", AccuracyView.as_view(), name="count-accuracy"),
    path("last-counted", LastCountedView.as_view(), name="last-counted"),
    path("count-suggestions", SuggestionsView.as_view(), name="count-suggestions"),
    path("sync/changes", PullView.as_view(), name="sync-changes"),
    path("sync/since", SinceView.as_view(), name="sync-since"),
    path("sync/push", PushView.as_view(), name="sync-push"),
    path("sync/watermelon", WatermelonView.as_view(), name="sync-watermelon"),
    path("uploads", UploadView.as_view(), name="upload-list"),
    *router.urls,
]
