"""The desk's pages of copies, signals and decisions."""

from replication.admin import asides, copies, decisions, leading, people, signals

__all__ = ["asides", "copies", "decisions", "leading", "people", "signals"]
