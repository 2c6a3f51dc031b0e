"""What owners do by hand beside their copies, where the venue would let both trade more than is held."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q

from markets.venues.registry import capabilities, venues
from markets.venues.vocabulary import MarketKind
from orders.models import Order, Origin
from orders.states import OrderState


class Locked(NamedTuple):
    """A copy whose account is locked."""

    copy_id: int
    account_id: int
    venue: str
    live: bool


def closed_by_hand(locked: Sequence[Locked]) -> set[tuple[int, int]]:
    """Return account and market of each close by hand that is under way, in one statement at most.

    None is asked for where the venue has reduce-only, or nobody can sell what is not there. Whoever closes by hand
    locks the account as well.
    """
    open_ended = {where for where in {(row.venue, row.live) for row in locked} if not _keeps_to_held(*where)}
    accounts = {row.account_id for row in locked if (row.venue, row.live) in open_ended}
    if not accounts:
        return set()
    under_way = Q(state=OrderState.PENDING) | Q(check_at__isnull=False)
    closes = Order.objects.filter(under_way, closes=True, account__in=accounts).exclude(origin=Origin.COPY)
    return set(closes.values_list("account_id", "market_id"))


def _keeps_to_held(venue: str, live: bool) -> bool:  # noqa: FBT001
    if venue not in venues():
        return True  # nothing is sent there
    can = capabilities(venue, paper=not live)
    return can.reduce_only or can.kinds == {MarketKind.SPOT}
