"""The app of copies."""

from django.apps import AppConfig
from django.core.checks import register


class ReplicationConfig(AppConfig):
    """Turns what leaders do into orders of those who copy them."""

    name = "replication"

    def ready(self) -> None:
        """Register the checks of the settings, and of accounts that are to be closed."""
        from orders.services.accounts import account_close_check
        from replication.checks import check_people
        from replication.services.closing import copies_keep_open

        register(check_people)
        account_close_check(copies_keep_open)
