"""The Celery application; the apps' `jobs` packages are found by name."""

from __future__ import annotations

import os

from celery import Celery

from config.broker import register_transport
from config.pool_watch import PoolWatch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
register_transport()

app = Celery("countonme")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(PoolWatch)
app.autodiscover_tasks(related_name="jobs")
