"""What owners do by hand beside their copies, where the venue would let both trade more than is held."""

from collections.abc import Mapping, Sequence

from django.db.models import Q

from markets.models import Market
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind
from orders.models import Order, Origin
from orders.states import OrderState
from replication.engine.loading import Follower


def closed_by_hand(followers: Sequence[Follower], markets: Mapping[int, Market]) -> set[tuple[int, int]]:
    """Return account and market of each close by hand that is under way, in one statement at most.

    None is asked for where the venue has reduce-only, or nobody can sell what is not there. The accounts have to be
    locked: whoever closes by hand locks them as well.
    """
    traded = {(each.market_id, each.live) for each in followers if each.market_id is not None}
    open_ended = {(pk, live) for pk, live in traded if pk in markets and not _keeps_to_held(markets[pk], live=live)}
    accounts = {each.account_id for each in followers if (each.market_id, each.live) in open_ended}
    if not accounts:
        return set()
    under_way = Q(state=OrderState.PENDING) | Q(check_at__isnull=False)
    closes = Order.objects.filter(under_way, closes=True, account__in=accounts).exclude(origin=Origin.COPY)
    return set(closes.values_list("account_id", "market_id"))


def _keeps_to_held(market: Market, *, live: bool) -> bool:
    return market.kind == MarketKind.SPOT or capabilities(market.venue, paper=not live).reduce_only
