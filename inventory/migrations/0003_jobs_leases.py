"""Jobs count the workers they lost, are rung for again in time, and may be unique by name."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0002_guards"),
        ("inventory", "0002_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="lost",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="job",
            name="once",
            field=models.CharField(blank=True, editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name="job",
            name="ring_at",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["finished_at"], name="job_finished"),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("once", ""), _negated=True), fields=("kind", "once"), name="job_once"
            ),
        ),
    ]
