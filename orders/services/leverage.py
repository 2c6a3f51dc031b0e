"""Leverage of contracts."""

from django.conf import settings
from django.db import transaction

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.lib.errors import LiveTradingOff, VenueAuthFailed
from copytrade.lib.loop import run
from markets.models import Market
from markets.venues.errors import VenueError
from markets.venues.vocabulary import MarketKind, PositionSide
from orders.access import accesses_of, is_paper, venue_of
from orders.failures import presented
from orders.models import AccountState, Holding, TradingAccount
from orders.services.accounts import AccountConflict, account_target
from orders.services.booking import HoldingKey, holdings_lock


def account_set_leverage(*, account: TradingAccount, market: Market, leverage: int, actor: User) -> None:
    """Set the leverage of a contract at the account's venue. Must not run inside a transaction.

    `LiveTradingOff` for a live account that may not trade, `AccountConflict` for one that is closed, on spot and
    elsewhere what the venue says (see `presented`).
    """
    if account.state == AccountState.CLOSED:
        raise AccountConflict("This account is closed: open a new one.")
    if not is_paper(account) and not (settings.LIVE_TRADING and account.live_enabled):
        raise LiveTradingOff("Live trading is switched off, for this installation or this account.")
    access = accesses_of([account]).get(account.pk)
    if access is None:
        raise VenueAuthFailed("This account has no venue key that can be read: save one.")
    asking = venue_of(account).set_leverage(access, market.symbol, MarketKind(market.kind), leverage)
    try:
        run(asking, timeout=settings.VENUE_TIMEOUT_SECONDS * 2)
    except (VenueError, TimeoutError) as error:
        raise presented(error, account.venue) from error
    _note(account, market, leverage)
    audit_record(
        actor=actor,
        action="account.leverage",
        target=account_target(account)[:160],
        changes={"symbol": market.symbol, "leverage": leverage},
    )


@transaction.atomic
def _note(account: TradingAccount, market: Market, leverage: int) -> None:
    """Keep what was set, also where nothing is held yet: of such contracts venues tell nothing."""
    holdings = Holding.objects.filter(account=account, market=market)
    sides = {PositionSide.BOTH.value, *holdings.values_list("side", flat=True)}
    holdings_lock(HoldingKey(account.pk, market.pk, side) for side in sides)
    holdings.update(leverage=leverage)
