"""What is done with django-allauth: its HTML pages, then its headless API."""

from __future__ import annotations

from typing import Any

import site_factors
import site_headless
import site_headless_factors
import site_html
from oidc_provider import OidcProvider

PROVIDER = OidcProvider()
PACKS = ["django_allauth"]
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "settings", "OIDC_URL": PROVIDER.url}


def drive(program: Any) -> None:
    """Do everything."""
    site_html.drive(program)
    site_factors.drive(program)
    site_headless.drive(program)
    site_headless_factors.drive(program)
