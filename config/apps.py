"""Configures Celery in every process that loads Django, so that enqueue() knows its broker."""

from importlib import import_module

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The ground as an app: it brings commands and templates, no models."""

    name = "config"

    def ready(self) -> None:
        import_module("config.celery")
