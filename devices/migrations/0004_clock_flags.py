from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0003_sync")]

    operations = [
        migrations.AddField(model_name="presence", name="clock_flagged", field=models.BooleanField(default=False)),
    ]
