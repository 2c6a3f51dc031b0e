"""Leaders and their ranking."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from traders.freshness import Freshness
from traders.models import LeaderStatus, LeadTrader, Score
from traders.selectors.freshness import freshness_by_leader


def leaders_public() -> QuerySet[LeadTrader]:
    """Return the leaders that everybody may see: all but the blocked."""
    return LeadTrader.objects.exclude(status=LeaderStatus.BLOCKED)


def leader_get(platform: str, external_id: str) -> LeadTrader:
    """Return a public leader with its scores and sources; raises `NotFound`."""
    if "\0" in external_id:
        raise NotFound("No leader has such an id.")
    leader = (
        leaders_public()
        .filter(platform=platform, external_id=external_id)
        .prefetch_related("scores", "sources")
        .first()
    )
    if leader is None:
        raise NotFound(f"No leader {external_id[:64]} is known at {platform}.")
    return leader


@dataclass(frozen=True, slots=True)
class RankedScore:
    """A place in the ranking; `scores` are those of all windows."""

    score: Score
    scores: dict[int, Decimal]
    freshness: Freshness


def leaders_ranked(*, platform: str, window: int, page: Page) -> tuple[list[RankedScore], int]:
    """Return a page of the ranking by score of a window, best first, and how many are ranked."""
    ranked = Score.objects.filter(window=window, trader__platform=platform).exclude(trader__status=LeaderStatus.BLOCKED)
    ordered = ranked.select_related("trader").defer("trader__raw").order_by("-score", "trader__external_id")
    places = list(ordered[page.offset : page.offset + page.limit])
    ids = [place.trader_id for place in places]
    scores, freshness = scores_by_leader(ids), freshness_by_leader(ids)
    return [RankedScore(place, scores[place.trader_id], freshness[place.trader_id]) for place in places], ranked.count()


def scores_by_leader(ids: Iterable[int]) -> dict[int, dict[int, Decimal]]:
    """Return the scores of leaders by their id and by window, in one statement."""
    found: dict[int, dict[int, Decimal]] = {identifier: {} for identifier in ids}
    for trader_id, window, score in Score.objects.filter(trader__in=found).values_list("trader_id", "window", "score"):
        found[trader_id][window] = score
    return found
