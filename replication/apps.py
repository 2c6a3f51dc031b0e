"""The app of copies."""

from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    """Turns what leaders do into orders of those who copy them."""

    name = "replication"
