"""django-celery-beat in our look; what staff never need is not shown."""

from __future__ import annotations

from django.contrib import admin
from django_celery_beat.admin import ClockedScheduleAdmin as TheirClockedAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as TheirCrontabAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as TheirPeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)
# A refresh token is a secret: no page may show it. Signing out and rotation keep these tables.
for model in (BlacklistedToken, OutstandingToken):
    admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The registered tasks, in our look."""


class ScheduleForm(PeriodicTaskForm):
    """Their form with our widgets."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class ScheduleAdmin(TheirPeriodicTaskAdmin, ModelAdmin):
    """What runs when."""

    form = ScheduleForm
    list_select_related = ("interval", "crontab", "solar", "clocked")


@admin.register(IntervalSchedule)
class IntervalAdmin(ModelAdmin):
    """Every so often."""


@admin.register(CrontabSchedule)
class CrontabAdmin(TheirCrontabAdmin, ModelAdmin):
    """At these times."""


@admin.register(ClockedSchedule)
class ClockedAdmin(TheirClockedAdmin, ModelAdmin):
    """Once."""
