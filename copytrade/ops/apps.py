"""App configurations."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class OpsConfig(AppConfig):
    """Health, commands and what runs the installation."""

    name = "copytrade.ops"

    def ready(self) -> None:
        """Bind tasks to the Celery application and listen to its signs of life."""
        from copytrade.celery import app  # noqa: F401  (the app that shared tasks find)
        from copytrade.ops import checks, signs_of_life  # noqa: F401  (they register by being imported)


class CopyTradeAdminConfig(AdminConfig):
    """The admin with the desk's own start page."""

    default_site = "copytrade.ops.admin_site.CopyTradeAdminSite"
