"""The app of copies."""

from django.apps import AppConfig
from django.core.checks import register


class ReplicationConfig(AppConfig):
    """Turns what leaders do into orders of those who copy them."""

    name = "replication"

    def ready(self) -> None:
        """Register the checks of the settings."""
        from replication.checks import check_people

        register(check_people)
