"""The desk's pages of leaders."""

from traders.admin import facts, leaders

__all__ = ["facts", "leaders"]
