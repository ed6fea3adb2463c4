"""People: they sign in with JWT or to the admin, and own devices."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from uuid_utils.compat import uuid7


class User(AbstractUser):
    """A person. Staff oversee every device; others act in the devices they own."""

    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="user_email", condition=~models.Q(email=""), violation_error_code="email_taken"
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username
