"""System checks of the settings about people."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

from markets.venues.registry import venues


def check_people(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report a venue of paper accounts that is none: nobody could register."""
    if settings.PAPER_VENUE in venues():
        return []
    hint = f"Write one of {', '.join(sorted(venues()))}."
    return [Error(f"PAPER_VENUE is {settings.PAPER_VENUE!r}, which is no venue.", hint=hint, id="replication.E001")]
