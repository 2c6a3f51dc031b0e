"""The desk's pages of copies, signals and decisions."""

from replication.admin import copies, decisions, leading, people, signals

__all__ = ["copies", "decisions", "leading", "people", "signals"]
