"""App configuration."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """How facts about leaders arrive."""

    name = "ingest"
