"""The desk's pages of copies, signals and decisions."""

from replication.admin import people

__all__ = ["people"]
