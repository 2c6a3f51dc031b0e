"""The Django app."""

from django.apps import AppConfig
from django.core.checks import register


class MarketsConfig(AppConfig):
    """Markets and venues."""

    name = "markets"

    def ready(self) -> None:
        """Register the checks of the settings."""
        from markets.checks import check_markets

        register(check_markets)
