"""How the admin shows values: badges, columns, quantities, and the filter for what is deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar, TypeVar, cast

from django.templatetags.static import static
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget

from config.core.quantities import plain

Column = TypeVar("Column", bound=Callable[..., Any])
TONES = {  # classes that unfold's stylesheet has
    "success": "bg-green-100 text-green-700 dark:bg-green-500/20 dark:text-green-400",
    "info": "bg-blue-100 text-blue-700 dark:bg-blue-500/20 dark:text-blue-400",
    "warning": "bg-orange-100 text-orange-700 dark:bg-orange-500/20 dark:text-orange-400",
    "danger": "bg-red-100 text-red-700 dark:bg-red-500/20 dark:text-red-400",
    "primary": "bg-primary-100 text-primary-700 dark:bg-primary-500/20 dark:text-primary-400",
    "": "bg-base-500/8 text-base-700 dark:bg-base-500/20 dark:text-base-200",
}


def favicon(request: Any) -> str:
    """The address of the icon, as unfold asks for it."""
    return static("countonme/favicon.svg")


def badge(text: str, tone: str = "") -> str:
    """A word in a coloured box."""
    return format_html(
        '<span class="font-semibold h-6 inline-block leading-6 px-2 rounded-default text-[11px] uppercase '
        'whitespace-nowrap {}">{}</span>',
        TONES[tone],
        text,
    )


def column(
    *, description: str, ordering: Any = None, badges: Mapping[str, str] | None = None, header: bool | None = None
) -> Callable[[Column], Column]:
    """A method as a column of a list or a line of a form.

    `badges` shows the method's word as a badge of the tone it names ("" for none), on both.
    """

    def decorate(method: Column) -> Column:
        shown = method if badges is None else _with_badge(method, badges)
        return cast(Column, display(description=description, ordering=ordering, header=header)(shown))

    return decorate


def _with_badge(method: Column, badges: Mapping[str, str]) -> Column:
    @wraps(method)
    def shown(self: Any, row: Any) -> str:
        word = method(self, row)
        return badge(word, badges.get(word, "")) if word else ""

    return cast(Column, shown)


class QuantityInput(UnfoldAdminDecimalFieldWidget):  # type: ignore[misc]  # unfold ships no types
    """A quantity as people write it: 12, not 12.000000."""

    def format_value(self, value: Any) -> Any:
        return plain(value) if hasattr(value, "normalize") else value


class SmallTextarea(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # unfold ships no types
    """Three lines to begin with; it can be drawn larger."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, **(attrs or {})})


class DeletedFilter(DropdownFilter):  # type: ignore[misc]  # unfold ships no types
    """Live rows unless tombstones are asked for."""

    title = "deleted"
    parameter_name = "deleted"
    all_option: ClassVar[list[str]] = ["", "Live only"]

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", "Deleted only"), ("also", "Live and deleted")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        wanted = self.value()
        return queryset if wanted == "also" else queryset.deleted() if wanted == "only" else queryset.alive()
