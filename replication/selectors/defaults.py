"""What new copies begin with: as their account, the plan of their owner, and this installation say."""

from django.conf import settings

from copytrade.accounts.models import User
from copytrade.billing.selectors import plan_of
from markets.venues.registry import venues
from markets.venues.vocabulary import MarketKind
from orders.models import TradingAccount
from replication.defaults import Defaults, Source, in_money
from replication.models import CopyDefaults

ONLY_COINS = frozenset({MarketKind.COIN_M})


def copy_defaults_of(*, user: User, venue: str, account: TradingAccount | None) -> list[Defaults]:
    """Return what each says about copies of a user on an account (or on a new one at a venue), the first word first.

    Two statements.
    """
    plan, asset = plan_of(user), limits_asset(venue, account.equity_asset if account else "")
    return [
        Defaults(Source.ACCOUNT, own_limits(account).said if account else {}),
        Defaults(Source.PLAN, in_money(plan.said, plan.currency, asset) if plan else {}),
        Defaults(
            Source.INSTALLATION,
            {
                "max_slippage_percent": settings.COPY_MAX_SLIPPAGE_PERCENT,
                "max_signal_age_seconds": settings.COPY_MAX_SIGNAL_AGE_SECONDS,
            },
        ),
    ]


def own_limits(account: TradingAccount) -> CopyDefaults:
    """Return what an account itself says; an unsaved row without any limit where it says nothing."""
    return CopyDefaults.objects.filter(account=account).first() or CopyDefaults(account=account)


def limits_asset(venue: str, asset: str) -> str:
    """Return what amounts of limits are in: the account's asset, or the dollars of inverse contracts."""
    info = venues().get(venue)
    if info is None:
        return asset
    return "USD" if info.capabilities.kinds == ONLY_COINS else asset or info.equity_asset
