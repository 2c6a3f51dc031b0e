"""The desk's pages of copies, signals and decisions."""

from replication.admin import asides, copies, decisions, defaults, leading, people, signals

__all__ = ["asides", "copies", "decisions", "defaults", "leading", "people", "signals"]
