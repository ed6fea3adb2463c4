"""Events are append-only in the database itself."""

from django.db import migrations

from config.core.guards import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("devices", "0001_initial")]

    operations = [AppendOnly("devices_event")]
