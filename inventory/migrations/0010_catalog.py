"""A catalogue that all devices share."""

import django.core.serializers.json
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_imports"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogSource",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60, unique=True)),
                ("url", models.TextField(blank=True)),
                ("etag", models.CharField(blank=True, max_length=200)),
                ("last_modified", models.CharField(blank=True, max_length=100)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("refreshed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "catalog_sources",
            },
        ),
        migrations.CreateModel(
            name="CatalogProduct",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("gtin", models.CharField(max_length=14, unique=True, verbose_name="GTIN")),
                ("name", models.CharField(max_length=200)),
                ("brand", models.CharField(blank=True, max_length=200)),
                ("quantity", models.CharField(blank=True, max_length=100)),
                ("category", models.CharField(blank=True, max_length=200)),
                (
                    "attributes",
                    models.JSONField(blank=True, default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="inventory.catalogsource"
                    ),
                ),
            ],
            options={
                "db_table": "catalog_products",
                "indexes": [models.Index(fields=["name"], name="catalog_name")],
            },
        ),
    ]
