"""What is counted: products, locations, lots, stock, tasks, cases and jobs."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """The top floor."""

    name = "inventory"
    verbose_name = "Inventory"
