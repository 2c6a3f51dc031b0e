"""App configuration."""

from django.apps import AppConfig


class TradersConfig(AppConfig):
    """Leaders, what they do and how good they are."""

    name = "traders"

    def ready(self) -> None:
        """Register this app's live streams."""
        from traders import streams  # noqa: F401  (registers by being imported)
