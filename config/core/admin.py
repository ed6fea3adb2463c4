"""The admin's base: add, change, delete and restore go through services; refusals become messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import model_ngettext, unquote
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin
from unfold.enums import ActionVariant
from unfold.views import ChangeList

from config.core.display import QuantityInput, SmallTextarea
from config.core.errors import AppError, PreconditionFailed
from config.core.forms import ServiceForm, service_values
from config.core.quantities import QuantityField
from config.core.row_actions import MOST_ROWS, RowAction, carry_out, refusal, sentence, tell

REVISION = re.compile(r"[0-9]{1,18}")


class PageChangeList(ChangeList):
    """A list whose page of rows is read in two steps: which rows, then those rows with all that is joined.

    Measured with 300,000 movements on SQLite: joined for every row before the page is cut, 8.5 s a page.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        keys = list(self.result_list.values_list("pk", flat=True))
        found = {row.pk: row for row in self.root_queryset.filter(pk__in=keys).order_by()}
        self.result_list: Any = [found[key] for key in keys if key in found]
        self.model_admin.complete_page(self.result_list)


class ServiceModelAdmin(ModelAdmin):
    """Writes nothing itself. Name the services as attributes; without one, that door is closed.

    create_service(actor=…, **values), update_service(row, actor=…, changes=…, expected_revision=…),
    delete_service(row, actor=…), restore_service(row, actor=…); subclasses say who acts in actor_of().
    """

    form = ServiceForm
    create_service: Callable[..., Any] | None = None
    update_service: Callable[..., Any] | None = None
    delete_service: Callable[..., Any] | None = None
    restore_service: Callable[..., Any] | None = None
    row_actions: ClassVar[Sequence[RowAction]] = ()
    has_history = True
    deletion = (
        "It disappears from its device and from lists, with what belongs to it. Nothing is lost: the history stays and "
        "you can restore it under Filters → Deleted only."
    )

    list_per_page = 50
    list_max_show_all = 200
    list_select_related: Any = ()  # joined in get_queryset(), so that pages of one row have it too
    show_full_result_count = False
    list_filter_submit = True
    warn_unsaved_form = True
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        QuantityField: {"widget": QuantityInput},
        models.TextField: {"widget": SmallTextarea},
        models.JSONField: {"widget": SmallTextarea},
    }
    change_form_before_template = "admin/opened_revision.html"
    delete_confirmation_template = "admin/delete_row.html"

    # --- who, and what of it ---
    def actor_of(self, request: HttpRequest) -> Any:
        """Who acts, as services take it."""
        raise NotImplementedError

    def created_in(self, form: Any) -> dict[str, Any]:
        """What create_service needs beside the form's own fields, such as the owner."""
        return {}

    def stale(self, row: Any, opened: int, error: AppError) -> AppError:
        """What to say when the row moved on since the form was opened at revision `opened`."""
        return error

    def complete_page(self, rows: list[Any]) -> None:
        """Add to a page of rows what would otherwise cost a query each."""

    # --- reads ---
    def get_queryset(self, request: HttpRequest) -> Any:
        manager = getattr(self.model, "all_objects", self.model._default_manager)
        return manager.select_related(*self.list_select_related).order_by(*self.get_ordering(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PageChangeList

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[str], dict[str, int], set[str], list]:  # type: ignore[type-arg]  # Django's own shape
        """A soft delete takes no other rows away: there is nothing to collect, or to be protected."""
        return [str(row) for row in objs], {}, set(), []

    # --- permissions: Django's own, and a service behind each ---
    def may(self, request: HttpRequest, verb: str) -> bool:
        """Whether the user holds Django's permission for `verb`."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.create_service is not None and self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.update_service is not None and self.may(request, "change") and not getattr(obj, "deleted_at", None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.delete_service is not None and self.may(request, "delete") and not getattr(obj, "deleted_at", None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view") or self.may(request, "change")

    # --- add and change ---
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """A refusal has rolled everything back; the second try shows the form with the reason."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (AppError, DatabaseError) as error:
            found = refusal(error)
        row = None if object_id is None else self.get_object(request, unquote(object_id))
        if isinstance(found, PreconditionFailed) and row is not None:
            found = self.stale(row, _opened_revision(request) or 0, found)
            request.opened_revision = row.revision  # type: ignore[attr-defined]  # read by render_change_form
        request.refusal = found  # type: ignore[attr-defined]  # read by get_form
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Instead of saving: the service. `obj` becomes the row as the service left it."""
        actor = self.actor_of(request)
        if change:
            changes = service_values(form, form.changed_data)
            expected = self._expected_revision(request)
            written = self._service("update")(obj, actor=actor, changes=changes, **expected)
        else:
            own = [name for name in form.fields if name not in (form._meta.exclude or ())]
            values = service_values(form, own)
            written = self._service("create")(actor=actor, **{**values, **self.created_in(form)})
        obj.__dict__ = written.__dict__

    def _service(self, verb: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self, f"{verb}_service")  # has_…_permission() asks whether there is one
        return found

    def _expected_revision(self, request: HttpRequest) -> dict[str, int]:
        opened = _opened_revision(request)
        if opened is None:
            raise PreconditionFailed("The form does not say which revision it was opened with.")
        return {"expected_revision": opened}

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Inlines are read-only here; other rows have pages and services of their own."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> str:
        """None: nothing is logged by it, and inlines that were never saved could not be told of."""
        return ""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """History is the services' events, not Django's log."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """As log_addition."""

    # --- delete ---
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._service("delete")(obj, actor=self.actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, {"deletion": self.deletion, **(extra_context or {})})
        except (AppError, DatabaseError) as error:
            messages.error(request, sentence(refusal(error)))
        return redirect(self.address("change", object_id))

    def address(self, page: str, *args: Any) -> str:
        """The URL of one of this model's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    # --- actions on rows: on the list for many, on the page for one ---
    def every_row_action(self) -> list[RowAction]:
        """The model's own, and delete and restore where there are services for them."""
        found = list(self.row_actions)
        if self.delete_service is not None:
            run = self.delete_service
            found.append(RowAction("delete_selected", "Delete", self.deletion, run, "delete", danger=True))
        if self.restore_service is not None:
            question = "They come back, together with what was deleted along with them."
            found.append(
                RowAction(
                    "restore", "Restore", question, self.restore_service, "delete", "restore_from_trash", fits=_deleted
                )
            )
        return found

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Bulk actions; each asks first."""
        if "_popup" in request.GET:
            return {}
        return {
            action.name: (partial(_ask_many, action=action), action.name, f"{action.label} …")
            for action in self.every_row_action()
            if action.bulk and self.may(request, action.permission)
        }

    def get_urls(self) -> list[Any]:
        one = path(
            "<path:object_id>/do/<slug:name>/",
            self.admin_site.admin_view(self.row_action_view),
            name=f"{self.opts.app_label}_{self.opts.model_name}_do",
        )
        return [one, *super().get_urls()]

    def row_action_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """One row: ask, then do."""
        action = next((action for action in self.every_row_action() if action.name == name), None)
        row = self.get_object(request, unquote(object_id))
        if action is None or row is None:
            raise Http404
        if not self.may(request, action.permission):
            raise PermissionDenied
        return self.ask(request, action, [row], back=self.address("change", row.pk)) or redirect(
            self.address("change", row.pk)
        )

    def ask(self, request: HttpRequest, action: RowAction, rows: list[Any], *, back: str) -> HttpResponse | None:
        """The page that asks; once confirmed, carry the action out and return None."""
        confirmed = request.method == "POST" and "confirmed" in request.POST
        form = action.answers(request.POST if confirmed else None)
        if confirmed and form.is_valid():
            done, refused = carry_out(action, rows, actor=self.actor_of(request), answers=form.cleaned_data)
            tell(request, action, done, refused, noun=str(model_ngettext(self.opts, done)))
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": action.label,
            "opts": self.opts,
            "media": self.media + form.media,
            "row_action": action,
            "rows": rows,
            "form": form,
            "back": back,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/row_action.html", context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj") or context.get("original")
        context = {**context, "show_history": self.has_history}
        if row is not None:
            context["actions_detail"] = [*(context.get("actions_detail") or ()), *self._buttons(request, row)]
            opened = getattr(request, "opened_revision", _opened_revision(request))
            context["opened_revision"] = getattr(row, "revision", None) if opened is None else opened
        return super().render_change_form(request, context, *args, **kwargs)

    def _buttons(self, request: HttpRequest, row: Any) -> Iterable[dict[str, Any]]:
        for action in self.every_row_action():
            if action.name != "delete_selected" and action.fits(row) and self.may(request, action.permission):
                yield {
                    "title": action.label,
                    "icon": action.icon,
                    "variant": ActionVariant.DANGER if action.danger else ActionVariant.DEFAULT,
                    "path": self.address("do", row.pk, action.name),
                }


def _ask_many(model_admin: Any, request: HttpRequest, queryset: Any, *, action: RowAction) -> HttpResponse | None:
    rows = list(queryset[: MOST_ROWS + 1])
    if len(rows) > MOST_ROWS:
        messages.error(request, f"Choose at most {MOST_ROWS} at a time.")
        return None
    response: HttpResponse | None = model_admin.ask(request, action, rows, back=request.get_full_path())
    return response


def _opened_revision(request: HttpRequest) -> int | None:
    given = request.POST.get("opened_revision", "")
    return int(given) if REVISION.fullmatch(given) else None


def _deleted(row: Any) -> bool:
    return row.deleted_at is not None
