"""Imports keep what was found out about their files: line ends, and types of columns."""

from django.db import migrations, models

import inventory.models.imports


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0018_cases_name_products"),
    ]

    operations = [
        migrations.AddField(
            model_name="importsession",
            name="detected",
            field=models.JSONField(default=inventory.models.imports.nothing_detected),
        ),
    ]
