"""The policy of a count as fields of a form, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from config.core.quantities import PLACES, plain
from inventory.models import CountPolicy, read_policy
from inventory.models.count_policy import MOST_PASSES

DEFAULT = CountPolicy()
RECOUNTS = (("required", "By somebody else before it is accepted"), ("optional", "Where staff ask for it"))
NOT_COUNTED = (
    ("leave", "The book is kept"),
    ("recount", "It is counted in the next pass"),
    ("zero_with_approval", "It is nothing, once staff accept that"),
)


def _amount(label: str, help_text: str, **kwargs: Any) -> forms.DecimalField:
    widget = UnfoldAdminDecimalFieldWidget()
    return forms.DecimalField(
        label=label, help_text=help_text, min_value=0, decimal_places=PLACES, max_digits=15, widget=widget, **kwargs
    )


class PolicyFields(forms.Form):
    """One field for each part of a policy."""

    tolerance = _amount("Tolerance", "Units. A variance up to this matches by itself.", initial=0)
    tolerance_percent = _amount("Tolerance in per cent", "Of what was expected; either is enough.", initial=0)
    recount = forms.ChoiceField(
        label="Above tolerance, a second count",
        choices=RECOUNTS,
        initial=DEFAULT.recount,
        widget=UnfoldAdminSelectWidget(),
    )
    not_counted = forms.ChoiceField(
        label="What nobody counts", choices=NOT_COUNTED, initial=DEFAULT.not_counted, widget=UnfoldAdminSelectWidget()
    )
    case_over = _amount("A case above", "Units. Larger variances open a case; empty: none do.", required=False)
    passes = forms.IntegerField(
        label="Passes at most",
        min_value=1,
        max_value=MOST_PASSES,
        initial=DEFAULT.passes,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    blind = forms.BooleanField(
        label="Blind",
        help_text="Counters are shown neither expected quantities nor levels.",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
    )
    independent_counter = forms.BooleanField(
        label="Independent counters",
        help_text="A count by a handset that moved the same stock itself is flagged.",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
    )


POLICY_FIELDS = tuple(PolicyFields.base_fields)


def policy_of(form: Any) -> dict[str, Any]:
    """The policy that the fields of a form describe."""
    values = {name: form.cleaned_data[name] for name in POLICY_FIELDS}
    return {name: value for name, value in values.items() if name != "case_over" or value is not None}


def in_words(policy: Mapping[str, Any]) -> list[str]:
    """A stored policy, a sentence a line."""
    rules = read_policy(policy)
    percent = f" or {plain(rules.tolerance_percent)} %" if rules.tolerance_percent else ""
    again = "must be counted again by somebody else" if rules.recount == "required" else "may be accepted at once"
    found = [
        f"Up to {plain(rules.tolerance)} units{percent} match by themselves.",
        f"What is above {again}; {rules.passes} passes at most.",
        f"What nobody counts: {dict(NOT_COUNTED)[rules.not_counted].lower()}.",
    ]
    if rules.case_over is not None:
        found.append(f"Above {plain(rules.case_over)} units a case is opened.")
    if rules.blind:
        found.append("Blind: counters are shown no expected quantities and no levels.")
    if rules.independent_counter:
        found.append("A count by a handset that moved the stock itself is flagged.")
    return found
