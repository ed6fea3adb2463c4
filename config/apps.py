"""Configures Celery in every process that loads Django, so that enqueue() knows its broker."""

from importlib import import_module

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The ground as an app: it brings commands and templates, no models."""

    name = "config"

    def ready(self) -> None:
        import_module("config.core.collation")  # registers its check
        app = import_module("config.celery").app
        # At once: only a worker would load the jobs by itself, and enqueue() looks them up by name.
        app.autodiscover_tasks(related_name="jobs", force=True)
