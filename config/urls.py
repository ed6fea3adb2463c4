"""Every address: the API, its docs, health and the admin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from config import health
from config.core import problems
from config.docs import errors_page

urlpatterns = [
    path("", RedirectView.as_view(url="/docs"), name="home"),
    path("v1", RedirectView.as_view(url="/docs")),  # what people open who are told where the API is
    path("v1/", include("devices.api.urls")),
    path("v1/", include("inventory.api.urls")),
    path("v1/<path:rest>", problems.unknown_path),
    path("openapi.yaml", SpectacularAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("docs/errors", errors_page, name="docs-errors"),
    path("redoc", SpectacularRedocView.as_view(url_name="openapi"), name="redoc"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
]

handler400 = "config.core.problems.bad_request"
handler403 = "config.core.problems.permission_denied"
handler404 = "config.core.problems.page_not_found"
handler500 = "config.core.problems.server_error"
