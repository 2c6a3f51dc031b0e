"""The Django app."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    """Markets and venues."""

    name = "markets"
