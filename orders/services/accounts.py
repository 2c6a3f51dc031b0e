"""Accounts: opened, named, paused, resumed, closed, and switched to live; each step is audited."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypedDict

from django.db import IntegrityError, transaction
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput
from copytrade.lib.sql import run
from copytrade.lib.wire import plain_digits
from markets.services.refresh import market_venue_want
from markets.venues.paper.accounts import paper_account_open
from markets.venues.registry import venue_info
from orders.models import AccountState, Balance, Credential, Mode, Order, TradingAccount
from orders.states import FINAL

LONGEST_NAME = 80
PAPER_AMOUNTS = {"BTC": Decimal(1)}
PAPER_AMOUNT = Decimal(10_000)
UNCHECKED = "Its key has not been checked with the venue yet"
CLOSED = "This account is closed: open a new one."
HOLD = "SELECT state FROM orders_tradingaccount WHERE id = %s FOR KEY SHARE"
CloseCheck = Callable[[TradingAccount], None]
_close_checks: list[CloseCheck] = []


class AccountChanges(TypedDict, total=False):
    """What may be changed of an account."""

    name: str
    max_worth: Decimal | None


class AccountConflict(ApplicationError):
    """The account is in a state in which this cannot be done."""

    code = ErrorCode.CONFLICT
    status = 409


def account_create(
    *,
    user: User,
    name: str,
    venue: str,
    mode: Mode = Mode.PAPER,
    actor: User | None,
    paper_balance: Decimal | None = None,
) -> TradingAccount:
    """Open an account of a user; a paper one begins with `paper_balance` (10,000 of the venue's asset, or 1 BTC).

    An unknown venue, a name that is empty, too long or taken by another account of the user is `InvalidInput`.
    """
    info = venue_info(venue)
    if mode == Mode.LIVE and paper_balance is not None:
        raise InvalidInput([{"path": "paper_balance", "message": "a live account has what it has at the venue"}])
    asset = info.paper_balance_asset
    amount = paper_balance if paper_balance is not None else opening_balance(venue)
    with transaction.atomic():
        account = _insert(TradingAccount(user=user, name=_checked_name(name), venue=venue, mode=mode))
        if mode == Mode.PAPER:
            paper_account_open(key=str(account.key), venue=venue, asset=asset, amount=amount)
            _note_opening(account, asset, amount)
        _audit(account, actor, "create", {"venue": venue, "mode": mode.value})
        market_venue_want(venue)
    return account


def opening_balance(venue: str) -> Decimal:
    """Return what a paper account at a venue begins with where nobody says otherwise, in the venue's asset."""
    return PAPER_AMOUNTS.get(venue_info(venue).paper_balance_asset, PAPER_AMOUNT)


@transaction.atomic
def account_change(*, account: TradingAccount, changes: AccountChanges, actor: User) -> TradingAccount:
    """Change name and limit of an account; what is left out stays. The rules of names are those of `account_create`.

    `max_worth`: the most that all its positions may be worth when a copy opens one; None for no limit.
    """
    locked = account_lock(account)
    if "name" in changes:
        before, locked.name = locked.name, _checked_name(changes["name"])
        if before != locked.name:
            _save_name(locked)
            _audit(locked, actor, "rename", {"name": [before, locked.name]})
    if "max_worth" in changes and changes["max_worth"] != locked.max_worth:
        told = [None if worth is None else plain_digits(worth) for worth in (locked.max_worth, changes["max_worth"])]
        locked.max_worth = changes["max_worth"]
        locked.save(update_fields=["max_worth"])
        _audit(locked, actor, "limit", {"max_worth": told})
    return locked


@transaction.atomic
def account_pause(*, account: TradingAccount, actor: User, reason: str = "") -> TradingAccount:
    """Stop an account from trading until it is resumed; pausing it again changes nothing."""
    locked = account_lock(account)
    _refuse_closed(locked)
    if locked.state != AccountState.PAUSED:
        _set_state(locked, AccountState.PAUSED, reason or "Paused by its owner", actor, "pause")
    return locked


@transaction.atomic
def account_resume(*, account: TradingAccount, actor: User) -> TradingAccount:
    """Let an account trade again. `AccountConflict` where its key may not trade, or was not checked yet."""
    locked = account_lock(account)
    _refuse_closed(locked)
    credential = Credential.objects.filter(account=locked).only("can_trade").first()
    if locked.mode == Mode.LIVE and credential is not None and not credential.can_trade:
        raise AccountConflict(f"This account cannot trade: {locked.state_reason or UNCHECKED}. Save another key.")
    if locked.state != AccountState.ACTIVE:
        _set_state(locked, AccountState.ACTIVE, "", actor, "resume")
    return locked


@transaction.atomic
def account_close(*, account: TradingAccount, actor: User) -> TradingAccount:
    """End an account: its key is deleted, it never trades again, and what it did stays readable.

    `AccountConflict` while it has orders that are not final, or somebody needs it (`account_close_check`). Closing it
    again changes nothing.
    """
    locked = account_lock_alone(account)
    if locked.state == AccountState.CLOSED:
        return locked
    if waiting := Order.objects.filter(account=locked).exclude(state__in=FINAL).count():
        raise AccountConflict(
            f"This account has {waiting} open order{'' if waiting == 1 else 's'}: cancel first, then close it.",
            details={"open_orders": waiting},
        )
    for check in _close_checks:
        check(locked)
    Credential.objects.filter(account=locked).delete()
    locked.live_enabled = False
    _set_state(locked, AccountState.CLOSED, "", actor, "close", "live_enabled")
    return locked


def account_close_check(check: CloseCheck) -> None:
    """Ask this too before an account, whose row is locked, is closed: it raises `AccountConflict` to keep it."""
    _close_checks.append(check)


@transaction.atomic
def account_enable_live(*, account: TradingAccount, enabled: bool, actor: User | None) -> TradingAccount:
    """Set an account's own switch for live trading; without `LIVE_TRADING` of the installation nothing is sent anyway.

    A paper account has no such switch (`AccountConflict`).
    """
    locked = account_lock(account)
    _refuse_closed(locked)
    if locked.mode != Mode.LIVE:
        raise AccountConflict("This is a paper account: open a live one to trade at the venue.")
    if locked.live_enabled != enabled:
        locked.live_enabled = enabled
        locked.save(update_fields=["live_enabled"])
        _audit(locked, actor, "live", {"live_enabled": [not enabled, enabled]})
    return locked


def account_lock(account: TradingAccount) -> TradingAccount:
    """Return the account as it is now, its row locked until the transaction ends."""
    return TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)


def account_lock_alone(account: TradingAccount) -> TradingAccount:
    """Do as `account_lock` does, and let nobody write an order for the account meanwhile: all there are can be seen."""
    return TradingAccount.objects.select_for_update().get(pk=account.pk)


def account_hold(account_id: int) -> None:
    """Keep an account open, with the key that it has, until the transaction ends; `AccountConflict` if it is closed.

    For those who write orders: they wait neither for each other nor for whoever plans for the account.
    """
    if run(HOLD, [account_id]) == [(AccountState.CLOSED,)]:
        raise AccountConflict(CLOSED)


def account_target(account: TradingAccount) -> str:
    """Return how the audit trail names an account."""
    return f"account:{account.pk} {account.name}"


def _note_opening(account: TradingAccount, asset: str, amount: Decimal) -> None:
    """Store what a sync would find now, so that a new account is worth its money before the first one."""
    account.equity, account.equity_asset, account.synced_at = amount, asset, timezone.now()
    account.save(update_fields=["equity", "equity_asset", "synced_at"])
    if amount:
        Balance.objects.create(account=account, asset=asset, total=amount, free=amount, updated_at=account.synced_at)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput([{"path": "name", "message": f"write 1 to {LONGEST_NAME} visible characters"}])
    return name


def _insert(account: TradingAccount) -> TradingAccount:
    _save_name(account)
    return account


def _save_name(account: TradingAccount) -> None:
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        if "orders_account_name" not in str(error):
            raise
        message = "another account of this user has this name (perhaps a closed one)"
        raise InvalidInput([{"path": "name", "message": message}]) from None


def _refuse_closed(account: TradingAccount) -> None:
    if account.state == AccountState.CLOSED:
        raise AccountConflict(CLOSED)


def _set_state(
    account: TradingAccount, state: AccountState, reason: str, actor: User | None, action: str, *columns: str
) -> None:
    before = account.state
    account.state, account.state_reason = state, reason
    account.save(update_fields=["state", "state_reason", *columns])
    _audit(account, actor, action, {"state": [before, state.value]}, reason)


def _audit(account: TradingAccount, actor: User | None, action: str, changes: dict[str, Any], reason: str = "") -> None:
    audit_record(
        actor=actor,
        action=f"account.{action}",
        target=account_target(account)[:160],
        changes=changes,
        reason=reason,
    )
