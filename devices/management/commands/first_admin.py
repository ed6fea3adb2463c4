"""Creates the first administrator and shows the password once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from devices.services.accounts import create_first_admin


class Command(BaseCommand):
    """`manage.py first_admin`: safe to run at every start."""

    help = "Create the user `admin` if there is no administrator yet, and print its password once."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        password = create_first_admin()
        if password is not None:
            self.stdout.write(f"First administrator: admin   password: {password}\n")
            self.stdout.write("It is shown only now; change it in the admin.\n")
