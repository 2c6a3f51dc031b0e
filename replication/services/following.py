"""Which account of a follower suits a leader."""

from copytrade.accounts.models import User
from markets.venues.registry import venues
from orders.models import AccountState, Mode, TradingAccount
from orders.services.accounts import account_create
from replication.models import LeaderAccount
from replication.vocabulary import CopyState
from traders.models import LeadTrader

# Where the leaders of a platform trade; a paper account there follows them without a key.
VENUES = {"binance": "binanceusdm"}


def account_for(*, user: User, trader: LeadTrader) -> TradingAccount:
    """Return the user's paper account that suits a leader, opened where there is none. Needs a transaction.

    It is one at the leader's own venue that does not lead itself; of several the oldest that does not copy this leader
    yet. Real money is not put at work unless its account is named.
    """
    venue = leader_venue(trader)
    paper = TradingAccount.objects.filter(user=user, venue=venue, mode=Mode.PAPER)
    mine = paper.exclude(state=AccountState.CLOSED).order_by("pk")
    leading = LeaderAccount.objects.filter(account__user=user).values("account")
    suiting = list(mine.exclude(pk__in=leading))
    copying = set(
        trader.copies.exclude(state=CopyState.ENDED).filter(account__in=suiting).values_list("account", flat=True)
    )
    free = [account for account in suiting if account.pk not in copying] or suiting
    if free:
        return free[0]
    return account_create(user=user, name=_name(user, venue), venue=venue, actor=user)


def leader_venue(trader: LeadTrader) -> str:
    """Return the venue that a leader trades at."""
    own = LeaderAccount.objects.filter(trader=trader).order_by("pk").values_list("account__venue", flat=True).first()
    return own or VENUES.get(trader.platform, "binanceusdm")


def _name(user: User, venue: str) -> str:
    wanted = f"Paper at {venues()[venue].name}"
    taken = set(TradingAccount.objects.filter(user=user, name__startswith=wanted).values_list("name", flat=True))
    return next(name for number in range(1, len(taken) + 2) if (name := _numbered(wanted, number)) not in taken)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"
