"""App configuration."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages that show several apps at once."""

    name = "copytrade.web"
