"""Filters, search and ordering that refuse what they do not know instead of ignoring it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import OrderBy
from django_filters import rest_framework as filters
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request

from config.core.errors import BadText, FieldProblem, InvalidFilter, ReferenceNotFound, UnknownFilter, UnknownOrdering
from config.core.parameters import ExactBooleanField, ExactDateField, ExactIdField, ExactNumberField, ExactTimeField
from config.core.quantities import QuantityField

RESERVED = {"limit", "offset", "skip", "cursor", "search", "ordering", "fields"}
MAX_SEARCH = 200


class ExactIdFilter(filters.UUIDFilter):
    """`held_by=<id>`: an id that is no reference."""

    field_class = ExactIdField


class ReferenceFilter(ExactIdFilter):
    """`category=<id>`: looked up inside the device; foreign, deleted and missing ids are the same 404."""

    def __init__(self, *, model: type[models.Model], **kwargs: Any) -> None:
        self.target = model
        super().__init__(**kwargs)

    def filter(self, qs: Any, value: Any) -> Any:
        if value is None:
            return qs
        device = self.parent.request.parser_context["view"].device
        row = self.target.objects.for_device(device).filter(uuid=value).first()  # type: ignore[attr-defined]  # device-owned models only
        if row is None:
            problem = FieldProblem(str(self.field_name), "reference_not_found", "This id does not exist.")
            raise ReferenceNotFound(f"`{self.field_name}` refers to a row that does not exist.", errors=[problem])
        return qs.filter(**{str(self.field_name): row})


class ExactBooleanFilter(django_filters.BooleanFilter):
    """`is_active=true`."""

    field_class = ExactBooleanField


class ExactNumberFilter(filters.NumberFilter):
    """`quantity__gte=2.5`."""

    field_class = ExactNumberField


class ExactTimeFilter(filters.IsoDateTimeFilter):
    """`updated_at__gte=2026-03-01T12:00:00Z`."""

    field_class = ExactTimeField


class ExactDateFilter(filters.DateFilter):
    """`due_date__lte=2026-03-01`."""

    field_class = ExactDateField


class DeviceFilterSet(filters.FilterSet):
    """Base of every FilterSet: values are read as strictly as in a body."""

    FILTER_DEFAULTS = {
        models.CharField: {"filter_class": filters.CharFilter, "extra": lambda field: {"strip": False}},
        models.TextField: {"filter_class": filters.CharFilter, "extra": lambda field: {"strip": False}},
        models.BooleanField: {"filter_class": ExactBooleanFilter},
        models.DateTimeField: {"filter_class": ExactTimeFilter},
        models.DateField: {"filter_class": ExactDateFilter},
        models.IntegerField: {"filter_class": ExactNumberFilter},
        models.UUIDField: {"filter_class": ExactIdFilter},
        QuantityField: {"filter_class": ExactNumberFilter},
    }

    class Meta:
        """Subclasses inherit from it and name model and fields."""


def known_parameters(view: Any) -> set[str]:
    """What a list of this view understands."""
    filterset = getattr(view, "filterset_class", None)
    return RESERVED | set(filterset.base_filters if filterset else ()) | set(getattr(view, "own_parameters", ()))


def refuse_repeated(request: Request) -> None:
    """Raise InvalidFilter for `a=1&a=2`: either could be meant."""
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise InvalidFilter(
                f"`{name[:80]}` is given {len(values)} times.",
                errors=[FieldProblem(name[:80], "invalid_filter", "Give it once.")],
            )


def refuse_unknown(given: Iterable[str], known: set[str]) -> None:
    """Raise UnknownFilter for the first parameter that is not known."""
    unknown = sorted(set(given) - known)
    if unknown:
        allowed = ", ".join(sorted(known))
        raise UnknownFilter(
            f"`{unknown[0][:80]}` is not known here. Allowed: {allowed}.",
            errors=[FieldProblem(name[:80], "unknown_filter", "unknown") for name in unknown[:20]],
        )


class StrictFilterBackend(filters.DjangoFilterBackend):
    """django-filter with unknown names and bad values refused (400)."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet[Any], view: Any) -> models.QuerySet[Any]:
        refuse_unknown(request.query_params, known_parameters(view))
        refuse_repeated(request)
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        empty = [name for name in filterset.filters if request.query_params.get(name) == ""]
        if empty:
            raise _invalid({name: ["An empty filter filters nothing: leave it out."] for name in empty})
        if not filterset.is_valid():
            raise _invalid(filterset.errors)
        try:
            found: models.QuerySet[Any] = filterset.qs
        except ValidationError as error:  # a number that the column cannot hold
            raise InvalidFilter("; ".join(error.messages)) from None
        return found


def _invalid(errors: Mapping[str, Any]) -> InvalidFilter:
    problems = [FieldProblem(name, "invalid_filter", str(messages[0])) for name, messages in errors.items()]
    return InvalidFilter(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)


class StrictSearchFilter(SearchFilter):
    """`search=`: every word must occur in one of the view's search_fields."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet[Any], view: Any) -> models.QuerySet[Any]:
        asked = request.query_params.get("search", "")
        if len(asked) > MAX_SEARCH or "\x00" in asked:
            raise BadText(f"`search` takes at most {MAX_SEARCH} characters and no NUL.")
        found: models.QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return found


class StrictOrderingFilter(OrderingFilter):
    """`ordering=a,-b` over the view's ordering_fields; the id makes every order total, and empty values come last."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet[Any], view: Any) -> models.QuerySet[Any]:
        ordering = self.get_ordering(request, queryset, view) or []
        return queryset.order_by(*(self._term(queryset.model, name) for name in ordering), "id")

    def _term(self, model: type[models.Model], name: str) -> str | OrderBy:
        """SQLite puts NULL first, PostgreSQL last; nothing is said where there is none, for the index's sake."""
        column = name.removeprefix("-")
        if not getattr(model._meta.get_field(column), "null", False):
            return name
        term = models.F(column)
        return term.desc(nulls_last=True) if name.startswith("-") else term.asc(nulls_last=True)

    def remove_invalid_fields(self, queryset: Any, fields: Any, view: Any, request: Any) -> list[str]:
        allowed = set(getattr(view, "ordering_fields", None) or ())
        if len({name.removeprefix("-") for name in fields}) < len(fields):
            raise UnknownOrdering("`ordering` names a field twice.")
        for name in fields:
            if name.removeprefix("-") not in allowed:
                raise UnknownOrdering(f"`{name[:80]}` cannot order this list. Allowed: {', '.join(sorted(allowed))}.")
        return list(fields)
