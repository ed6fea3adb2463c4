"""The admin pages of counting."""

from inventory.admin.counting import campaigns, facts, lines, sheets, stocktakes

__all__ = ["campaigns", "facts", "lines", "sheets", "stocktakes"]
