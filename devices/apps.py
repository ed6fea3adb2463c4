"""Who counts: devices, their installations, credentials, feeds and events."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """The middle floor."""

    name = "devices"
    verbose_name = "Devices"
