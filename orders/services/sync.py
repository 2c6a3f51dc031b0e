"""What accounts have, as their venues say: balances, equity, and the venue's figures of what is held."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from copytrade.lib import loop
from copytrade.lib.sql import json_rows, run, update_rows
from markets.venues.base import AccountAccess, AccountReport, Permissions, Venue
from markets.venues.errors import AuthFailed, NotSupported, VenueError
from markets.venues.registry import venues
from orders.access import accesses_of, is_paper, venue_of
from orders.models import AccountState, Credential, TradingAccount
from orders.services.accounts import UNCHECKED
from orders.services.credentials import permission_problem, venue_account_told

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 50
LONGEST_TEXT = 500
PERMISSIONS_HOLD_FOR = timedelta(days=1)
NO_KEY = "This account has no venue key that can be read: save one."
NO_VENUE = "This installation no longer knows the venue of this account."

SYNCED_COLUMNS = {
    "state": "text",
    "state_reason": "text",
    "hedge_mode": "boolean",
    "equity": "numeric",
    "equity_asset": "text",
    "synced_at": "timestamptz",
    "sync_error": "text",
    "venue_account": "text",
}
REMOVE_VANISHED = """
    DELETE FROM orders_balance AS b USING json_to_recordset(%s) AS n(account_id bigint, assets text[])
    WHERE b.account_id = n.account_id AND b.asset <> ALL (n.assets)
"""
UPSERT_BALANCES = """
    INSERT INTO orders_balance AS b (account_id, asset, total, free, updated_at)
    SELECT account_id, asset, total, free, updated_at FROM json_to_recordset(%s)
        AS n(account_id bigint, asset text, total numeric, free numeric, updated_at timestamptz)
    ORDER BY account_id, asset
    ON CONFLICT (account_id, asset) DO UPDATE
        SET total = excluded.total, free = excluded.free, updated_at = excluded.updated_at
"""
LOCK_HOLDINGS = "SELECT id FROM orders_holding WHERE account_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
# Spot has no positions, and several markets may share a coin: the venue has no figure for one of them. Of leverage
# venues tell while something is held only; it is one for both sides of a contract, and holds until they tell another.
UPDATE_HOLDINGS = """
    UPDATE orders_holding AS h SET venue_quantity = n.quantity, mark_price = n.mark_price,
        leverage = coalesce(n.leverage, h.leverage), liquidation_price = n.liquidation_price, venue_at = n.time
    FROM (
        SELECT old.id, a.time, coalesce(p.quantity, 0) AS quantity, p.mark_price, p.liquidation_price,
            coalesce(p.leverage, max(p.leverage) OVER (PARTITION BY old.account_id, old.market_id)) AS leverage
        FROM json_to_recordset(%(accounts)s) AS a(account_id bigint, time timestamptz, complete boolean)
        JOIN orders_holding AS old ON old.account_id = a.account_id
        JOIN markets_market AS m ON m.id = old.market_id AND m.kind <> 'spot'
        LEFT JOIN json_to_recordset(%(positions)s) AS p(account_id bigint, symbol text, kind text, side text,
            quantity numeric, mark_price numeric, leverage numeric, liquidation_price numeric)
            ON (p.account_id, p.symbol, p.kind, p.side) = (old.account_id, m.symbol, m.kind, old.side)
        WHERE p.account_id IS NOT NULL OR a.complete
    ) AS n
    WHERE h.id = n.id
"""


@dataclass(frozen=True, slots=True)
class Key:
    """When an account's venue key was saved, and when the venue was last asked what it may do."""

    saved_at: datetime
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue said of one account: a report, an error, and its key's rights where they were asked for."""

    report: AccountReport | None = None
    error: str = ""
    refused: bool = False
    permissions: Permissions | None = None
    asked_permissions: bool = False


def account_sync(*, account: TradingAccount) -> TradingAccount:
    """Ask the venue what an account has and store it; return the account as it is then, with its `sync_error`."""
    accounts_sync(accounts=[account])
    return TradingAccount.objects.select_related("credential").get(pk=account.pk)


def accounts_sync(*, accounts: Sequence[TradingAccount]) -> int:
    """Ask the venues what accounts have, all at once, and store it; return how many answered.

    Must not run inside a transaction. Keys whose rights were last asked for more than a day ago are asked about too:
    one that may withdraw, or not trade, ends the account's trading. The statements do not grow with accounts.
    """
    if not accounts:
        return 0
    now = timezone.now()
    keys = _keys(accounts)
    accesses = accesses_of(accounts)
    questions = [
        (account.pk, venue_of(account), accesses[account.pk], _is_doubted(keys.get(account.pk), now))
        for account in accounts
        if account.pk in accesses and account.venue in venues()
    ]
    answers = {account.pk: _unasked(account) for account in accounts} | loop.run(_ask_all(questions))
    _store(answers, keys, timezone.now())
    return sum(answer.report is not None for answer in answers.values())


def _unasked(account: TradingAccount) -> Answer:
    return Answer(error=NO_KEY if account.venue in venues() else NO_VENUE)


def _keys(accounts: Iterable[TradingAccount]) -> dict[int, Key]:
    live = [account.pk for account in accounts if not is_paper(account)]
    rows = Credential.objects.filter(account__in=live).values_list("account_id", "updated_at", "checked_at")
    return {account_id: Key(saved, checked) for account_id, saved, checked in rows}


def _is_doubted(key: Key | None, now: datetime) -> bool:
    """Whether the venue is to be asked what a key may do: it never was, or its owner may have changed it since."""
    return key is not None and (key.checked_at is None or now - key.checked_at > PERMISSIONS_HOLD_FOR)


async def _ask_all(questions: Sequence[tuple[int, Venue, AccountAccess, bool]]) -> dict[int, Answer]:
    room = asyncio.Semaphore(MOST_AT_ONCE)
    answers = await asyncio.gather(*(_ask(room, venue, access, rights) for _, venue, access, rights in questions))
    return {question[0]: answer for question, answer in zip(questions, answers, strict=True)}


async def _ask(room: asyncio.Semaphore, venue: Venue, access: AccountAccess, rights: bool) -> Answer:  # noqa: FBT001
    async with room:
        try:
            async with asyncio.timeout(settings.VENUE_TIMEOUT_SECONDS * 2):
                permissions = await _permissions(venue, access) if rights else None
                report = await venue.account(access)
        except TimeoutError:
            return Answer(error="The venue did not answer in time.")
        except VenueError as error:
            return Answer(error=error.message or type(error).__name__, refused=isinstance(error, AuthFailed))
        except Exception:
            logger.exception("The account of %s at %s could not be read", access.id, venue.slug)
            return Answer(error="The venue's answer could not be read.")
        return Answer(report, permissions=permissions, asked_permissions=rights)


async def _permissions(venue: Venue, access: AccountAccess) -> Permissions | None:
    try:
        return await venue.permissions(access)
    except NotSupported:
        return None


@transaction.atomic
def _store(answers: Mapping[int, Answer], keys: Mapping[int, Key], now: datetime) -> None:
    locked = list(TradingAccount.objects.select_for_update(no_key=True).filter(pk__in=answers).order_by("pk"))
    current = _keys(locked)
    accounts = [
        account
        for account in locked
        # What the venue said of a key that was replaced meanwhile says nothing of the new one.
        if account.state != AccountState.CLOSED and _same(keys.get(account.pk), current.get(account.pk))
    ]
    _store_permissions([(account, answers[account.pk]) for account in accounts], now)
    reports = {}
    for account in accounts:
        report = _take(account, answers[account.pk])
        if report is not None:
            reports[account.pk] = report
    update_rows("orders_tradingaccount", SYNCED_COLUMNS, [_row(account) for account in accounts])
    _store_balances(reports)
    _store_positions(reports)


def _same(asked: Key | None, current: Key | None) -> bool:
    return (asked and asked.saved_at) == (current and current.saved_at)


def _take(account: TradingAccount, answer: Answer) -> AccountReport | None:
    """Bring an account up to an answer; return its report unless a newer one is stored already."""
    account.sync_error = answer.error[:LONGEST_TEXT]
    if answer.refused and account.state == AccountState.ACTIVE:
        account.state, account.state_reason = AccountState.AUTH_FAILED, answer.error[:LONGEST_TEXT]
    report = answer.report
    if report is None or (account.synced_at is not None and report.time < account.synced_at):
        return None
    account.hedge_mode, account.synced_at = report.hedge_mode, report.time
    account.equity, account.equity_asset = report.equity, report.equity_asset
    return report


def _store_permissions(answers: Sequence[tuple[TradingAccount, Answer]], now: datetime) -> None:
    rows = []
    for account, answer in answers:
        if answer.asked_permissions:
            problem = _rights_problem(account, answer.permissions)
            _judge(account, problem)
            account.venue_account = venue_account_told(answer.permissions) or account.venue_account
            rows.append({"account_id": account.pk, "can_trade": problem is None, "checked_at": now})
    if rows:
        run(
            "UPDATE orders_credential AS c SET can_trade = n.can_trade, checked_at = n.checked_at FROM "
            "json_to_recordset(%s) AS n(account_id bigint, can_trade boolean, checked_at timestamptz) "
            "WHERE c.account_id = n.account_id",
            [json_rows(rows)],
        )


def _rights_problem(account: TradingAccount, permissions: Permissions | None) -> str | None:
    if permissions is None:
        return "the venue does not tell what a key may do, so nobody can see that this one may not withdraw"
    return permission_problem(permissions, account.venue)


def _judge(account: TradingAccount, problem: str | None) -> None:
    waiting = account.state == AccountState.PAUSED and account.state_reason == UNCHECKED
    if problem is not None and (waiting or account.state == AccountState.ACTIVE):
        account.state, account.state_reason = AccountState.AUTH_FAILED, problem[:LONGEST_TEXT]
    elif problem is None and waiting:
        account.state, account.state_reason = AccountState.ACTIVE, ""


def _row(account: TradingAccount) -> dict[str, Any]:
    return {"id": account.pk, **{name: getattr(account, name) for name in SYNCED_COLUMNS}}


def _store_balances(reports: Mapping[int, AccountReport]) -> None:
    complete = {pk: report for pk, report in reports.items() if report.complete}
    kept = [
        {"account_id": pk, "assets": [balance.asset for balance in report.balances]} for pk, report in complete.items()
    ]
    rows = [
        {
            "account_id": pk,
            "asset": balance.asset,
            "total": balance.total,
            "free": balance.free,
            "updated_at": report.time,
        }
        for pk, report in reports.items()
        for balance in report.balances
    ]
    run(REMOVE_VANISHED, [json_rows(kept)])
    run(UPSERT_BALANCES, [json_rows(rows)])


def _store_positions(reports: Mapping[int, AccountReport]) -> None:
    accounts = [{"account_id": pk, "time": report.time, "complete": report.complete} for pk, report in reports.items()]
    positions = [
        {
            "account_id": pk,
            "symbol": position.symbol,
            "kind": position.kind,
            "side": position.position_side,
            "quantity": position.quantity,
            "mark_price": position.mark_price,
            "leverage": position.leverage,
            "liquidation_price": position.liquidation_price,
        }
        for pk, report in reports.items()
        for position in report.positions
    ]
    run(LOCK_HOLDINGS, [list(reports)])
    run(UPDATE_HOLDINGS, {"accounts": json_rows(accounts), "positions": json_rows(positions)})
