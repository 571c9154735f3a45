"""Makes the database and its users, then serves the site."""

import os

import django
from django.core.management import call_command

PASSWORD = "correct horse battery"

django.setup()
call_command("migrate", verbosity=0)

from allauth.account.models import EmailAddress  # noqa: E402 - needs django.setup()
from django.contrib.auth.models import User  # noqa: E402 - needs django.setup()


def add(name: str, *, verified: bool = True, password: str | None = PASSWORD, **more: bool) -> None:
    """Add a user."""
    user = User(username=name, email=f"{name}@example.com", **more)
    user.set_password(password)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)


for name in ("ada", "brian", "carol", "dora"):
    add(name)

call_command("runserver", f"127.0.0.1:{os.environ['PORT']}", use_reloader=False, skip_checks=True)
