"""App configuration."""

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """Live streams over one WebSocket."""

    name = "copytrade.realtime"
