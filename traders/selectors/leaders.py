"""Leaders and their ranking."""

from django.db.models import QuerySet

from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from traders.models import LeaderStatus, LeadTrader, Score


def leaders_public() -> QuerySet[LeadTrader]:
    """Return the leaders that everybody may see: all but the blocked."""
    return LeadTrader.objects.exclude(status=LeaderStatus.BLOCKED)


def leader_get(platform: str, external_id: str) -> LeadTrader:
    """Return a public leader with its scores and sources; raises `NotFound`."""
    leader = (
        leaders_public()
        .filter(platform=platform, external_id=external_id)
        .prefetch_related("scores", "sources")
        .first()
    )
    if leader is None:
        raise NotFound(f"No leader {external_id[:64]} is known at {platform}.")
    return leader


def leaders_ranked(*, platform: str, window: int, page: Page) -> tuple[list[Score], int]:
    """Return a page of the ranking by score of a window, best first, and how many are ranked."""
    ranked = Score.objects.filter(window=window, trader__platform=platform).exclude(trader__status=LeaderStatus.BLOCKED)
    scores = (
        ranked.select_related("trader")
        .prefetch_related("trader__scores", "trader__sources")
        .order_by("-score", "trader__external_id")[page.offset : page.offset + page.limit]
    )
    return list(scores), ranked.count()
