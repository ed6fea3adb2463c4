"""What every stored thing has: a wire id, a revision, its times, and a soft delete."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from uuid_utils.compat import uuid7


class AliveQuerySet(models.QuerySet[Any]):
    """Rows that are soft-deleted, never removed: a hard delete has to be asked for by name."""

    def alive(self) -> Self:
        """Rows that are not deleted."""
        return self.filter(deleted_at__isnull=True)

    def deleted(self) -> Self:
        """Tombstones only."""
        return self.filter(deleted_at__isnull=False)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Rows are soft-deleted by a service; retention alone calls purge().")

    delete.alters_data = True  # type: ignore[attr-defined]  # Django's mark: templates must not call it

    def purge(self) -> int:
        """Remove rows for good (retention only). Returns how many."""
        return super().delete()[0]


class AliveManager(models.Manager[Any]):
    """Hides tombstones."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at__isnull=True)


def alive(queryset: type[AliveQuerySet]) -> Any:
    """The `objects` manager of a model: live rows, with the queryset's methods. Declare it first."""
    return AliveManager.from_queryset(queryset)()


def with_tombstones(queryset: type[AliveQuerySet]) -> Any:
    """The `all_objects` manager: tombstones too."""
    return models.Manager.from_queryset(queryset)()


class RecordModel(models.Model):
    """uuid = the id on the wire; revision = ETag, optimistic lock and sync cursor; deletes are soft.

    `objects` sees live rows, `all_objects` (the base manager) sees tombstones too. Services stamp
    `revision` from the device's feed; nothing else may write it.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False)
    revision = models.BigIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[Any] = alive(AliveQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(AliveQuerySet)

    class Meta:
        abstract = True
        base_manager_name = "all_objects"

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Rows are soft-deleted by a service.")
