"""Files that jobs make and read, and jobs whose effect was undone."""

import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models

from config.core.guards import ScopedReference


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0003_sync"),
        ("inventory", "0004_sync"),
    ]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("succeeded", "Succeeded"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                    ("reverted", "Reverted"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="Artifact",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "uuid",
                    models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True, verbose_name="id"),
                ),
                ("name", models.CharField(max_length=200)),
                ("media_type", models.CharField(max_length=100)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("path", models.CharField(editable=False, max_length=200)),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "device",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="artifacts", to="inventory.job"
                    ),
                ),
            ],
            options={
                "db_table": "artifacts",
                "indexes": [
                    models.Index(fields=["expires_at"], name="artifact_expires"),
                    models.Index(fields=["path"], name="artifact_path"),
                ],
                "constraints": [models.UniqueConstraint(fields=("job", "name"), name="artifact_job_name")],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "uuid",
                    models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True, verbose_name="id"),
                ),
                ("name", models.CharField(max_length=200)),
                ("media_type", models.CharField(max_length=100)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("path", models.CharField(editable=False, max_length=200)),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "device",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "db_table": "uploads",
                "indexes": [
                    models.Index(fields=["expires_at"], name="upload_expires"),
                    models.Index(fields=["path"], name="upload_path"),
                ],
            },
        ),
        ScopedReference("artifacts", "job_id", "jobs"),
    ]
