"""The raw form: what the source's own pages answer, put together by the scraper.

The rows are those of Binance's copy-trading pages: positions per symbol and position side (mostly empty ones),
and the "latest records", which have neither an id nor a leverage.
"""

from collections import Counter
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Annotated, Literal

import msgspec

from copytrade.lib.structs import Problems, RowReader, describe
from copytrade.lib.wire import from_milliseconds
from ingest.event_time import event_time_text
from ingest.forms.amounts import Amount, ShortText, Symbol, check_amount, fits
from ingest.forms.body import EARLIEST, LATEST, Head, IsoTimeOrMilliseconds, LeadId, ParseOptions, read_rows
from ingest.forms.normalised import keep_one
from ingest.identity import exact_key, seed_event_key
from ingest.report import Form, LeaderProfile, OneWayFill, Report
from traders.fills import NewFill
from traders.positions import HeldPosition

PositionSide = Literal["LONG", "SHORT", "BOTH"]
Milliseconds = Annotated[int, msgspec.Meta(ge=int(EARLIEST.timestamp() * 1000), le=int(LATEST.timestamp() * 1000))]
KINDS = {
    ("BUY", "LONG"): "OPEN_LONG",
    ("SELL", "LONG"): "CLOSE_LONG",
    ("SELL", "SHORT"): "OPEN_SHORT",
    ("BUY", "SHORT"): "CLOSE_SHORT",
}
QUOTIENT_PLACES = Decimal("0.00000001")


class RawPositionRow(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A row of the source's positions; `positionAmount` is signed."""

    symbol: Symbol
    position_amount: Amount
    entry_price: Amount
    mark_price: Amount | None = None
    leverage: Amount | None = None
    isolated: bool | None = None
    position_side: PositionSide = "BOTH"
    collateral: ShortText | None = None
    unrealized_profit: Amount | None = None
    notional_value: Amount | None = None


class RawOrderRow(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A row of the source's latest records; times are milliseconds since the epoch."""

    symbol: Symbol
    side: Literal["BUY", "SELL"]
    position_side: PositionSide
    executed_qty: Amount
    avg_price: Amount
    order_time: Milliseconds
    order_update_time: Milliseconds
    total_pnl: Amount | None = None
    type: str = ""
    base_asset: ShortText | None = None


class RawOrderHistory(msgspec.Struct, rename="camel", kw_only=True):
    """The latest records."""

    all_orders: list[RawOrderRow]
    total: int | None = None


class RawProfile(msgspec.Struct, rename="camel"):
    """What is read of the leader's page; the rest is kept as it is."""

    nickname: str | None = None
    avatar_url: str | None = None
    position_show: bool | None = None


class RawScrapeBody(msgspec.Struct, rename="camel", kw_only=True):
    """One push in the raw form. Further members (`roiSeries`, `assetPreferences`, …) are kept, not refused."""

    lead_id: LeadId
    fetched_at: IsoTimeOrMilliseconds
    active_positions: list[RawPositionRow] | None = None
    order_history: RawOrderHistory | None = None
    portfolio_detail: RawProfile | None = None


class UndecodedHistory(msgspec.Struct, rename="camel"):
    """The order history with its rows as they are."""

    all_orders: list[msgspec.Raw]


POSITIONS = RowReader(RawPositionRow)
ORDERS = RowReader(RawOrderRow)
PROFILE = RowReader(RawProfile)
KNOWN_KEYS = frozenset({"leadId", "fetchedAt", "activePositions", "orderHistory"})


def parse_raw_scrape(top: dict[str, msgspec.Raw], head: Head, options: ParseOptions, problems: Problems) -> Report:
    """Return the report; raises `InvalidInput` with all problems. Times are exact, so no option is needed."""
    profile = _profile(top, problems)
    position_rows = read_rows(top.get("activePositions"), "activePositions", problems)
    positions = None if position_rows is None else _positions(position_rows, problems)
    events = _events(_order_rows(top, problems), head, problems)
    problems.refuse_if_any()
    if profile.positions_visible is False:
        positions = None  # a leader who hides positions looks flat without being flat
    return Report(Form.RAW, head.lead_id, head.fetched_at, positions, events, profile)


def _profile(top: dict[str, msgspec.Raw], problems: Problems) -> LeaderProfile:
    extras = {name: value for name, value in top.items() if name not in KNOWN_KEYS}
    raw = msgspec.json.encode(extras).decode()
    detail = top.get("portfolioDetail")
    row = PROFILE.read(detail, "portfolioDetail", problems) if detail is not None and bytes(detail) != b"null" else None
    if row is None:
        return LeaderProfile(raw=raw)
    avatar = row.avatar_url or ""
    safe = avatar.startswith(("https://", "http://")) and len(avatar) <= 500
    return LeaderProfile((row.nickname or "")[:128], avatar if safe else "", row.position_show, raw)


def _order_rows(top: dict[str, msgspec.Raw], problems: Problems) -> list[msgspec.Raw]:
    value = top.get("orderHistory")
    if value is None or bytes(value) == b"null":
        return []
    try:
        return msgspec.json.decode(value, type=UndecodedHistory).all_orders
    except msgspec.ValidationError as error:
        problems.add("orderHistory.allOrders", describe(error))
        return []


def _positions(rows: list[msgspec.Raw], problems: Problems) -> list[HeldPosition]:
    found: dict[tuple[str, str], tuple[str, HeldPosition]] = {}
    for path, row, raw in POSITIONS.read_all(rows, "activePositions", problems):
        amounts = (
            ("positionAmount", row.position_amount, "any"),
            ("entryPrice", row.entry_price, "zero"),
            ("markPrice", row.mark_price, "zero"),
            ("leverage", row.leverage, "above zero"),
            ("unrealizedProfit", row.unrealized_profit, "any"),
            ("notionalValue", row.notional_value, "any"),
        )
        good = [check_amount(value, f"{path}.{name}", problems, least=least) for name, value, least in amounts]
        if all(good) and row.position_amount != 0:
            keep_one(found, path, _position(row, raw), problems)
    return [position for _, position in found.values()]


def _position(row: RawPositionRow, raw: msgspec.Raw) -> HeldPosition:
    short = row.position_side == "SHORT" or (row.position_side == "BOTH" and row.position_amount < 0)
    margin = _margin(row)
    return HeldPosition(
        symbol=row.symbol.upper(),
        side="SHORT" if short else "LONG",
        size=-abs(row.position_amount) if short else abs(row.position_amount),
        entry_price=row.entry_price,
        mark_price=row.mark_price,
        leverage=row.leverage,
        margin_usdt=margin,
        margin_type="" if row.isolated is None else "ISOLATED" if row.isolated else "CROSS",
        pnl_usdt=row.unrealized_profit,
        roe_pct=_return_on_margin(row.unrealized_profit, margin),
        contract_type="" if "_" in row.symbol else "PERP",  # delivery contracts are named SYMBOL_DATE
        size_asset=_size_asset(row),
        raw=raw,
    )


def _size_asset(row: RawPositionRow) -> str:
    """Return the symbol without the asset that it is quoted in."""
    asset = row.symbol.upper().removesuffix((row.collateral or "").upper())
    return asset if asset != row.symbol.upper() and len(asset) <= 32 else ""


def _margin(row: RawPositionRow) -> Decimal | None:
    """Return notional / leverage: the source has no margin of its own."""
    return None if row.notional_value is None else _ratio(abs(row.notional_value), row.leverage)


def _return_on_margin(pnl: Decimal | None, margin: Decimal | None) -> Decimal | None:
    return None if pnl is None else _ratio(pnl * 100, margin)


def _ratio(numerator: Decimal, denominator: Decimal | None) -> Decimal | None:
    """Return the quotient to eight places, None where there is none that can be stored."""
    if not denominator or not denominator.is_finite() or not numerator.is_finite():
        return None
    with localcontext(prec=120):
        quotient = (numerator / denominator).quantize(QUOTIENT_PLACES)
    return quotient if fits(quotient) else None


def _events(rows: list[msgspec.Raw], head: Head, problems: Problems) -> list[NewFill | OneWayFill]:
    alike: Counter[tuple[object, ...]] = Counter()
    events = []
    for path, row, raw in ORDERS.read_all(rows, "orderHistory.allOrders", problems):
        good = [
            check_amount(row.avg_price, f"{path}.avgPrice", problems, least="zero"),
            check_amount(row.executed_qty, f"{path}.executedQty", problems, least="zero"),
            check_amount(row.total_pnl, f"{path}.totalPnl", problems),
        ]
        if not all(good) or row.executed_qty == 0:
            continue  # an order that was never filled is no trade
        events.append(_event(row, raw, _key(row, alike), head))
    return events


def _key(row: RawOrderRow, alike: "Counter[tuple[object, ...]]") -> str:
    """Return our key of a record. Its result is no part of it, since the source corrects that later."""
    symbol = row.symbol.upper()
    identity = (symbol, row.side, row.order_update_time, row.executed_qty, row.avg_price)
    alike[identity] += 1
    return exact_key(
        symbol=symbol,
        bought=row.side == "BUY",
        milliseconds=row.order_update_time,
        amount=row.executed_qty,
        price=row.avg_price,
        ordinal=alike[identity],
    )


def _event(row: RawOrderRow, raw: msgspec.Raw, key: str, head: Head) -> NewFill | OneWayFill:
    moment = from_milliseconds(row.order_update_time)
    kind = KINDS.get((row.side, row.position_side), "UNKNOWN")
    closes = kind.startswith("CLOSE")
    event = NewFill(
        event_key="",
        canonical_key=key,
        kind=kind,
        symbol=row.symbol.upper(),
        price=row.avg_price,
        amount=row.executed_qty,
        amount_asset=row.base_asset or "",
        realized_pnl=row.total_pnl if closes else row.total_pnl or None,  # the source writes 0 on opens
        event_time=moment,
        event_time_text=event_time_text(moment),
        time_is_exact=True,
        raw=raw,
    )
    if kind == "UNKNOWN":
        return OneWayFill(event, row.executed_qty if row.side == "BUY" else -row.executed_qty)
    return with_seed_key(event, head.lead_id)


def with_seed_key(event: NewFill, lead_id: str) -> NewFill:
    """Return the event under the key that scrapers of the normalised form give it."""
    key = seed_event_key(
        lead_id=lead_id,
        kind=event.kind,
        symbol=event.symbol,
        time_text=event.event_time_text,
        amount=event.amount,
        price=event.price,
    )
    return replace(event, event_key=key)
