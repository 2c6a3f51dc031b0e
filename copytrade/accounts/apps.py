"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, API keys and the audit trail."""

    name = "copytrade.accounts"
    verbose_name = "People and keys"

    def ready(self) -> None:
        """Register how the schema describes tokens and API keys."""
        from copytrade.accounts import schema  # noqa: F401  (registers by being imported)
