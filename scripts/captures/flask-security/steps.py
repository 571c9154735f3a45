"""Drives flask-security/app.py: every way in and out, and every way to fail."""

from __future__ import annotations

from accounts import accounts
from oauth import oauth
from passkeys import passkeys
from passwords import passwords
from program import Program
from second_factor import second_factor
from sessions import sessions
from unified import unified

PACKS = ["flask_security"]


def drive(program: Program) -> None:
    """Make all requests."""
    sessions(program)
    passwords(program)
    accounts(program)
    second_factor(program)
    unified(program)
    oauth(program)
    passkeys(program)
