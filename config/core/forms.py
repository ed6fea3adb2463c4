"""Forms whose values go to services, and which show what a service refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.db import models

from config.core.errors import AppError
from config.core.row_actions import sentence


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    """A form whose second try shows what the service refused, with everything that was typed."""

    refusal: ClassVar[AppError | None] = None

    def _get_validation_exclusions(self) -> set[str]:
        """Every field: the form checks shape; a service may yet fill in what constraints ask for,
        and whether a name is taken is the database's to judge, under the lock that the service holds.
        """
        return {field.name for field in self._meta.model._meta.fields}

    def clean(self) -> dict[str, Any]:
        found = dict(super().clean() or {})
        if self.refusal is not None:
            named = {problem.field.removesuffix("_id"): problem.detail for problem in self.refusal.errors}
            for name in named.keys() & self.fields.keys():
                self.add_error(name, named[name])
            if not named.keys() & self.fields.keys():
                self.add_error(None, sentence(self.refusal))
        return found


def service_values(form: Any, names: Iterable[str]) -> dict[str, Any]:
    """The form's values as services take them.

    A reference to a row that has a wire id becomes `<name>_id`; other rows, one or many, are passed as they are.
    """
    meta = form._meta.model._meta
    fields = {field.name: field for field in (*meta.concrete_fields, *meta.many_to_many)}
    found: dict[str, Any] = {}
    for name in names:
        field = fields.get(name)
        if field is None:  # the form's own; created_in() knows what to make of it
            continue
        value = form.cleaned_data[name]
        if isinstance(field, models.ManyToManyField):
            found[name] = list(value)
        elif isinstance(field, models.ForeignKey) and hasattr(field.related_model, "uuid"):
            found[f"{name}_id"] = None if value is None else value.uuid
        else:
            found[name] = value
    return found
