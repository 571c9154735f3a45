"""Makes the database and its users, then serves the site."""

import os

import django
from django.core.management import call_command

PASSWORD = "correct horse battery"

django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth.models import User  # noqa: E402 - needs django.setup()

for name, more in (
    ("ada", {}),
    ("brian", {}),
    ("carol", {}),
    ("retired", {"is_active": False}),
    ("root", {"is_staff": True, "is_superuser": True}),
):
    User.objects.create_user(name, f"{name}@example.com", PASSWORD, **more)

call_command("runserver", f"127.0.0.1:{os.environ['PORT']}", use_reloader=False, skip_checks=True)
