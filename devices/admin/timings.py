"""Timings that schedules use: intervals, crontabs and moments."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule

from devices.admin.server_rows import ServerRowAdmin
from devices.services.schedules import create_timing, delete_timing, update_timing

for model in (IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)


class TimingAdmin(ServerRowAdmin):
    """Made from the schedule's own page, mostly."""

    update_service = staticmethod(update_timing)
    delete_service = staticmethod(delete_timing)
    deletion = "It is gone for good. Refused while a schedule uses it."


@admin.register(IntervalSchedule)
class IntervalAdmin(TimingAdmin):
    """Every so often."""

    create_service = staticmethod(partial(create_timing, IntervalSchedule))
    list_display = ("__str__", "every", "period")
    ordering = ("period", "every")
    fields = (("every", "period"),)


@admin.register(CrontabSchedule)
class CrontabAdmin(TimingAdmin):
    """At these times."""

    create_service = staticmethod(partial(create_timing, CrontabSchedule))
    list_display = ("__str__", "minute", "hour", "day_of_week", "day_of_month", "month_of_year", "timezone")
    ordering = ("id",)
    fields = (("minute", "hour"), ("day_of_week", "day_of_month"), ("month_of_year", "timezone"))


@admin.register(ClockedSchedule)
class ClockedAdmin(TimingAdmin):
    """Once."""

    create_service = staticmethod(partial(create_timing, ClockedSchedule))
    list_display = ("__str__", "clocked_time")
    ordering = ("clocked_time",)
    fields = ("clocked_time",)
