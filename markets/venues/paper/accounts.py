"""Opening paper accounts, adding and removing their funds, and telling what they are worth."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from copytrade.lib.errors import InvalidInput, NotFound
from copytrade.lib.wire import plain_digits
from markets.models import Market, PaperAccount, PaperPosition, PaperTransfer, TransferReason
from markets.venues.base import AccountAccess, AccountReport
from markets.venues.errors import Rejected, RejectReason
from markets.venues.paper.books import known_whole, locked
from markets.venues.paper.facts import Ledger, MarketKey
from markets.venues.paper.numbers import ZERO
from markets.venues.paper.reports import balance_reports, coin_equity, contract_equity, position_reports
from markets.venues.paper.rows import Account, Changes, changes_write
from markets.venues.paper.scene import FeedPrices, Prices, scene_of
from markets.venues.paper.terms import terms_of
from markets.venues.paper.words import lacking
from markets.venues.registry import venue_info
from markets.venues.vocabulary import MarketKind, PositionSide

OPENING_AMOUNT = Decimal(10_000)
HIGHEST_LEVERAGE = 125


def paper_account_open(
    *,
    key: str,
    venue: str,
    asset: str = "",
    amount: Decimal = OPENING_AMOUNT,
    leverage: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> PaperAccount:
    """Open the books of an account with money in them; one that is open already is returned as it is.

    `asset` is the venue's own paper currency unless given, as are `leverage` and `settings`: the `Terms`, by name;
    wrong ones are `InvalidInput`.
    """
    info = venue_info(venue)
    asset = asset or info.paper_balance_asset
    leverage = info.paper_leverage if leverage is None else leverage
    settings = {**info.paper_settings, **(settings or {})}
    _refuse_bad_terms(settings, amount, leverage)
    values = {"venue": venue, "currency": asset, "leverage": leverage, "settings": settings}
    with transaction.atomic():
        account, is_new = PaperAccount.objects.get_or_create(
            key=key, defaults=values | {"balances": {asset: {"total": plain_digits(amount), "locked": "0"}}}
        )
        if is_new and amount:
            account.transfers.create(asset=asset, amount=amount, reason=TransferReason.OPENING)
    return account


def paper_funds_move(
    *, key: str, asset: str, amount: Decimal, reference: str | None = None, source: Prices | None = None
) -> PaperTransfer:
    """Add funds, or remove them where the amount is negative; the same reference counts once.

    Only what neither orders nor positions need can be removed: more is `InvalidInput`.
    """
    row = PaperAccount.objects.filter(key=key).first()
    if row is None:
        raise NotFound("There is no such paper account.")
    if not amount.is_finite() or not amount:
        raise InvalidInput([{"path": "amount", "message": "must be more or less than 0"}])
    if reference and (known_transfer := row.transfers.filter(reference=reference).first()):
        return known_transfer
    held = [MarketKey(MarketKind(kind), symbol) for kind, symbol in row.positions.values_list("kind", "symbol")]
    scene = scene_of(row.venue, held, source=source or FeedPrices(), now=timezone.now())
    try:
        with transaction.atomic():
            account = locked(row.venue, [key])[key]
            after = account.ledger.copy()
            after.add(asset, amount)
            if amount < 0 and min(after.balance(asset).free, after.available(asset, scene.marks)) < 0:
                raise InvalidInput([{"path": "amount", "message": f"must leave what is in use: {asset} is not free"}])
            _books_write(account, after)
            reason = TransferReason.DEPOSIT if amount > 0 else TransferReason.WITHDRAWAL
            return row.transfers.create(asset=asset, amount=amount, reason=reason, reference=reference)
    except IntegrityError:
        # Somebody else with the same reference was first.
        return row.transfers.get(reference=reference)


def leverage_set(
    venue: str, access: AccountAccess, symbol: str, kind: MarketKind, leverage: int, source: Prices
) -> None:
    """Set the leverage of a contract; open positions in it take it too, if the margin allows."""
    if not 1 <= leverage <= HIGHEST_LEVERAGE or kind is MarketKind.SPOT:
        raise Rejected(f"Leverage {leverage} is not valid.", reason=RejectReason.LEVERAGE_REFUSED, code="-4028")
    scene = scene_of(venue, _held(venue, access) | {MarketKey(kind, symbol)}, source=source, now=timezone.now())
    if scene.view(MarketKey(kind, symbol)) is None:
        raise Rejected("Invalid symbol.", reason=RejectReason.UNKNOWN_SYMBOL, code="-1121")
    with transaction.atomic():
        account = locked(venue, [access.id])[access.id]
        after = account.ledger.copy()
        for held in account.ledger.positions.values():
            if (held.kind, held.symbol) == (kind, symbol):
                after.positions[held.key] = replace(held, leverage=leverage)
                needs_more = leverage < held.leverage
                if needs_more and (free := after.available(held.margin_asset, scene.marks)) < 0:
                    message = f"Margin is insufficient: the account lacks {lacking(-free, held.margin_asset)} for that."
                    raise Rejected(message, reason=RejectReason.INSUFFICIENT_MARGIN, code="-2019")
        PaperAccount.objects.filter(pk=account.id).update(leverages=dict(account.ledger.leverages) | {symbol: leverage})
        PaperPosition.objects.filter(account_id=account.id, kind=kind, symbol=symbol).update(leverage=leverage)


def account_report(venue: str, access: AccountAccess, source: Prices) -> AccountReport:
    """Return balances, positions and equity, at the last known prices."""
    account = known_whole(venue, access)
    ledger, now = account.ledger, timezone.now()
    rates = _rate_markets(account)
    held = {MarketKey(position.kind, position.symbol) for position in ledger.positions.values()}
    scene = scene_of(venue, held | set(rates.values()), source=source, now=now)
    sides = {key.position_side for key in ledger.positions}
    return AccountReport(
        time=now,
        balances=balance_reports(ledger, scene.marks),
        positions=position_reports(ledger, scene.marks),
        hedge_mode=bool(sides - {PositionSide.BOTH}) if sides else access.hedge_mode,
        equity=_equity(
            account, {asset: scene.marks[key] for asset, key in rates.items() if key in scene.marks}, scene.marks
        ),
        equity_asset=account.currency,
    )


def _equity(account: Account, rates: Mapping[str, Decimal], marks: Mapping[MarketKey, Decimal]) -> Decimal | None:
    """Return the worth of all coins in the currency, and of the contracts that are settled in it or in one of them."""
    coins = coin_equity(account.ledger, account.currency, rates)
    for asset in {held.margin_asset for held in account.ledger.positions.values()}:
        with_contracts = contract_equity(account.ledger, asset, marks)
        rate = Decimal(1) if asset == account.currency else rates.get(asset)
        if coins is None or with_contracts is None or rate is None:
            return None
        coins += (with_contracts - account.ledger.balance(asset).total) * rate
    return coins


def _rate_markets(account: Account) -> dict[str, MarketKey]:
    """Return the market that tells the price of each asset in the account's currency."""
    assets = {asset for asset, owned in account.ledger.balances.items() if owned.total and asset != account.currency}
    assets |= {held.margin_asset for held in account.ledger.positions.values()} - {account.currency}
    if not assets:
        return {}
    rows = Market.objects.filter(
        venue=account.venue, kind=MarketKind.SPOT, base_asset__in=assets, quote_asset=account.currency
    ).values_list("base_asset", "symbol")
    return {asset: MarketKey(MarketKind.SPOT, symbol) for asset, symbol in rows}


def _held(venue: str, access: AccountAccess) -> set[MarketKey]:
    return {MarketKey(held.kind, held.symbol) for held in known_whole(venue, access).ledger.positions.values()}


def _books_write(account: Account, after: Ledger) -> None:
    changes = Changes(account.venue, timezone.now())
    changes.note(account, after, (), ())
    changes_write(changes)


def _refuse_bad_terms(settings: Mapping[str, Any], amount: Decimal, leverage: int) -> None:
    problems = []
    if not amount.is_finite() or amount < ZERO:
        problems.append({"path": "amount", "message": "must be 0 or more"})
    if not 1 <= leverage <= HIGHEST_LEVERAGE:
        problems.append({"path": "leverage", "message": f"must be from 1 to {HIGHEST_LEVERAGE}"})
    try:
        terms_of(settings)
    except ValueError as error:
        name, _, message = str(error).partition(": ")
        problems.append({"path": f"settings.{name}", "message": message})
    if problems:
        raise InvalidInput(problems)
