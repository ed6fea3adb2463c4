"""Filters, search and ordering that refuse what they do not know instead of ignoring it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django_filters import rest_framework as filters
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request

from config.core.errors import BadText, FieldProblem, InvalidFilter, ReferenceNotFound, UnknownFilter, UnknownOrdering
from config.core.quantities import QuantityField

RESERVED = {"limit", "offset", "skip", "cursor", "search", "ordering", "fields"}
MAX_SEARCH = 200


class ReferenceFilter(filters.UUIDFilter):
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


class DeviceFilterSet(filters.FilterSet):
    """Base of every FilterSet; quantities filter as numbers."""

    class Meta:
        filter_overrides = {QuantityField: {"filter_class": filters.NumberFilter}}


def known_parameters(view: Any) -> set[str]:
    """What a list of this view understands."""
    filterset = getattr(view, "filterset_class", None)
    return RESERVED | set(filterset.base_filters if filterset else ()) | set(getattr(view, "own_parameters", ()))


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
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            problems = [
                FieldProblem(name, "invalid_filter", str(messages[0])) for name, messages in filterset.errors.items()
            ]
            raise InvalidFilter(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
        found: models.QuerySet[Any] = filterset.qs
        return found


class StrictSearchFilter(SearchFilter):
    """`search=`: every word must occur in one of the view's search_fields."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet[Any], view: Any) -> models.QuerySet[Any]:
        asked = request.query_params.get("search", "")
        if len(asked) > MAX_SEARCH or "\x00" in asked:
            raise BadText(f"`search` takes at most {MAX_SEARCH} characters and no NUL.")
        found: models.QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return found


class StrictOrderingFilter(OrderingFilter):
    """`ordering=a,-b` over the view's ordering_fields; the id makes every order total."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet[Any], view: Any) -> models.QuerySet[Any]:
        ordering = self.get_ordering(request, queryset, view) or ["id"]
        return queryset.order_by(*ordering, *([] if {"id", "-id"} & set(ordering) else ["id"]))

    def remove_invalid_fields(self, queryset: Any, fields: Any, view: Any, request: Any) -> list[str]:
        allowed = set(getattr(view, "ordering_fields", None) or ())
        for name in fields:
            if name.removeprefix("-") not in allowed:
                raise UnknownOrdering(f"`{name[:80]}` cannot order this list. Allowed: {', '.join(sorted(allowed))}.")
        return list(fields)
