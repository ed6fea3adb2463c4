"""The device's feed: one counter under one lock; feed order = commit order."""

from __future__ import annotations

from django.db import models

from devices.models.devices import Device


class Feed(models.Model):
    """head = the last revision given out; floor = the oldest a cursor may have; epoch grows at a restore.

    A table of its own, so that foreign-key inserts and presence never wait for its lock.
    """

    device = models.OneToOneField(Device, on_delete=models.PROTECT, primary_key=True, related_name="feed")
    head = models.BigIntegerField(default=1)
    floor = models.BigIntegerField(default=0)
    epoch = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.epoch}.{self.head}"
