"""Accounts and what they have. Nothing here reads a venue key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Max, QuerySet
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from markets.models import Market, PaperAccount
from markets.venues.registry import venues
from markets.venues.vocabulary import MarketKind
from orders.executor.permits import Applicant, Halt, Refusal, refuse
from orders.executor.rows import halts_read
from orders.models import AccountState, Balance, Holding, Mode, TradingAccount


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account, and why it would send no new order now (None: it would)."""

    account: TradingAccount
    stopped: Refusal | None


def accounts_described() -> "QuerySet[TradingAccount]":
    """Return accounts with what may be shown of their keys; the ciphertext stays in the database."""
    rows = TradingAccount.objects.select_related("user", "credential")
    return rows.defer("credential__ciphertext", "credential__key_id")


def accounts_list(user: User, *, page: Page) -> tuple[list[AccountView], int]:
    """Return a page of a user's accounts, the closed ones too, newest first, and how many there are."""
    rows = accounts_described().filter(user=user)
    return account_views(rows[page.offset : page.offset + page.limit]), rows.count()


def account_get(user: User, pk: int) -> TradingAccount:
    """Return an account of the user; anybody else's is `NotFound`, as if it were not there."""
    account = accounts_described().filter(user=user, pk=pk).first()
    if account is None:
        raise NotFound("You have no such account.")
    return account


def account_view(account: TradingAccount) -> AccountView:
    """Return an account with what stops it."""
    return account_views([account])[0]


def account_views(accounts: "Sequence[TradingAccount] | QuerySet[TradingAccount]") -> list[AccountView]:
    """Return accounts with what stops them; the halts are read once for all."""
    halts = halts_read()
    return [AccountView(account, _stopped(account, halts)) for account in accounts]


def balances_list(account: TradingAccount) -> list[Balance]:
    """Return what an account has, by asset, as of its last sync."""
    return list(Balance.objects.filter(account=account))


def account_market(account: TradingAccount, symbol: str, kind: str = "") -> Market:
    """Return a market of the account's venue; `kind` is needed only where several have the symbol. Or `NotFound`."""
    rows = Market.objects.filter(venue=account.venue, symbol=symbol)
    found = list(rows.filter(kind=kind) if kind else rows[:2])
    if len(found) != 1:
        why = "has several markets of this symbol: say which market_type" if found else "has no such market"
        raise NotFound(f"{account.venue} {why}.")
    return found[0]


def leverage_in(account: TradingAccount, market: Market) -> Decimal | None:
    """Return what an account trades a contract with, None on spot and where nobody told."""
    if market.kind == MarketKind.SPOT:
        return None
    told: Decimal | None = Holding.objects.filter(account=account, market=market).aggregate(told=Max("leverage"))[
        "told"
    ]
    return told or paper_leverage(account)


def paper_leverage(account: TradingAccount) -> Decimal | None:
    """Return what a paper account trades contracts with that have no leverage of their own, None of a live one."""
    if account.mode != Mode.PAPER:
        return None
    leverage = PaperAccount.objects.filter(key=str(account.key)).values_list("leverage", flat=True).first()
    return None if leverage is None else Decimal(leverage)


def _stopped(account: TradingAccount, halts: Sequence[Halt]) -> Refusal | None:
    now = timezone.now()
    newcomer = Applicant(
        account_id=account.pk,
        venue=account.venue,
        venue_known=account.venue in venues(),
        live=account.mode == Mode.LIVE,
        live_enabled=account.live_enabled,
        account_active=account.state == AccountState.ACTIVE,
        account_reason=account.state_reason or account.get_state_display(),
        is_exit=False,
        send_before=now + timedelta(minutes=1),
    )
    return refuse(newcomer, halts, live_trading=settings.LIVE_TRADING, now=now)
