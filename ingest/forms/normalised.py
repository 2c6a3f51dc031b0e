"""The form that the seed's scraper posts: positions and events with names of their own."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from copytrade.lib.structs import Problems, RowReader
from copytrade.lib.wire import to_milliseconds
from ingest.event_time import resolve_event_time
from ingest.forms.amounts import Amount, EventKey, ShortText, Symbol, check_amount
from ingest.forms.body import Head, IsoTimeOrMilliseconds, LeadId, ParseOptions, read_moment, read_rows
from ingest.identity import canonical_key, exact_key, same_spelling
from ingest.report import BINANCE, Form, LeaderProfile, Report
from traders.fills import NewFill
from traders.positions import HeldPosition

Kind = Literal["OPEN_LONG", "CLOSE_LONG", "OPEN_SHORT", "CLOSE_SHORT", "UNKNOWN"]
Alike = dict[tuple[object, ...], list[str]]
BOUGHT = frozenset({"OPEN_LONG", "CLOSE_SHORT"})
KNOWN_KEYS = frozenset({"leadId", "fetchedAt", "positions", "events"})


class PositionRow(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A position as it is pushed."""

    symbol: Symbol
    side: Literal["LONG", "SHORT", "BOTH"]
    size: Amount
    entry_price: Amount
    platform: str = BINANCE
    lead_id: str | None = None
    contract_type: ShortText | None = None
    leverage: Amount | None = None
    size_asset: ShortText | None = None
    mark_price: Amount | None = None
    margin_usdt: Amount | None = msgspec.field(default=None, name="marginUSDT")
    margin_type: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    pnl_usdt: Amount | None = msgspec.field(default=None, name="pnlUSDT")
    roe_pct: Amount | None = None
    fetched_at: IsoTimeOrMilliseconds | None = None


class EventRow(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A fill as it is pushed. `eventTime`, where given, is preferred to the text."""

    event_key: EventKey = msgspec.field(name="event_key")
    event_type: Kind
    symbol: Symbol
    price: Amount
    amount: Amount
    event_time_text: Annotated[str, msgspec.Meta(max_length=64, examples=["02-04, 22:52:35"])] | None = None
    event_time: IsoTimeOrMilliseconds | None = None
    platform: str = BINANCE
    lead_id: str | None = None
    amount_asset: ShortText | None = None
    realized_pnl: Amount | None = None
    fetched_at: IsoTimeOrMilliseconds | None = None


class NormalisedBody(msgspec.Struct, rename="camel", kw_only=True):
    """One push in the normalised form. Further members are kept, not refused."""

    lead_id: LeadId
    fetched_at: IsoTimeOrMilliseconds
    positions: list[PositionRow] | None = None
    events: list[EventRow] | None = None


POSITIONS = RowReader(PositionRow)
EVENTS = RowReader(EventRow)


def parse_normalised(top: dict[str, msgspec.Raw], head: Head, options: ParseOptions, problems: Problems) -> Report:
    """Return the report; raises `InvalidInput` with all problems."""
    position_rows = read_rows(top.get("positions"), "positions", problems)
    event_rows = read_rows(top.get("events"), "events", problems) or []
    positions = None if position_rows is None else _positions(position_rows, head, problems)
    alike: Alike = {}
    events = [
        event
        for path, row, raw in EVENTS.read_all(event_rows, "events", problems)
        if (event := _event(path, row, raw, head, options, problems, alike))
    ]
    problems.refuse_if_any()
    extras = {name: value for name, value in top.items() if name not in KNOWN_KEYS}
    profile = LeaderProfile(raw=msgspec.json.encode(extras).decode())
    return Report(Form.NORMALISED, head.lead_id, head.fetched_at, positions, list(events), profile)


def _positions(rows: list[msgspec.Raw], head: Head, problems: Problems) -> list[HeldPosition]:
    found: dict[tuple[str, str], tuple[str, HeldPosition]] = {}
    for path, row, raw in POSITIONS.read_all(rows, "positions", problems):
        position = _position(path, row, raw, head, problems)
        if position is not None:
            keep_one(found, path, position, problems)
    return [position for _, position in found.values()]


def keep_one(
    found: dict[tuple[str, str], tuple[str, HeldPosition]],
    path: str,
    position: HeldPosition,
    problems: Problems,
) -> None:
    """Keep a position, unless the report lists another one of the same symbol and side."""
    first = found.setdefault((position.symbol, position.side), (path, position))
    if first[1].shown != position.shown:
        problems.add(path, f"lists {position.side} {position.symbol} again, unlike {first[0]}")


def _position(path: str, row: PositionRow, raw: msgspec.Raw, head: Head, problems: Problems) -> HeldPosition | None:
    _check_owner(path, row.platform, row.lead_id, head, problems)
    amounts = (
        ("size", row.size, "any"),
        ("entryPrice", row.entry_price, "zero"),
        ("markPrice", row.mark_price, "zero"),
        ("leverage", row.leverage, "above zero"),
        ("marginUSDT", row.margin_usdt, "any"),
        ("pnlUSDT", row.pnl_usdt, "any"),
        ("roePct", row.roe_pct, "any"),
    )
    good = [check_amount(value, f"{path}.{name}", problems, least=least) for name, value, least in amounts]
    if row.fetched_at is not None:
        read_moment(row.fetched_at, f"{path}.fetchedAt", problems)
    side, size = _side_and_size(row)
    if not all(good) or size == 0:
        return None
    if side == "LONG" and size < 0:
        problems.add(f"{path}.size", "is negative, but the side is LONG")
    return HeldPosition(
        symbol=row.symbol.upper(),
        side=side,
        size=size,
        entry_price=row.entry_price,
        mark_price=row.mark_price,
        leverage=row.leverage,
        margin_usdt=row.margin_usdt,
        margin_type=row.margin_type or "",
        pnl_usdt=row.pnl_usdt,
        roe_pct=row.roe_pct,
        contract_type=row.contract_type or "",
        size_asset=row.size_asset or "",
        raw=raw,
    )


def _side_and_size(row: PositionRow) -> tuple[str, Decimal]:
    """Return LONG or SHORT and the signed size: one-way mode tells by the sign, some senders drop a short's sign."""
    if row.side == "BOTH":
        return ("SHORT" if row.size.is_signed() else "LONG"), row.size
    return row.side, -abs(row.size) if row.side == "SHORT" else row.size


def _event(
    path: str, row: EventRow, raw: msgspec.Raw, head: Head, options: ParseOptions, problems: Problems, alike: Alike
) -> NewFill | None:
    _check_owner(path, row.platform, row.lead_id, head, problems)
    good = [
        check_amount(row.price, f"{path}.price", problems, least="above zero"),
        check_amount(row.amount, f"{path}.amount", problems, least="above zero"),
        check_amount(row.realized_pnl, f"{path}.realizedPnl", problems),
    ]
    if row.fetched_at is not None:
        read_moment(row.fetched_at, f"{path}.fetchedAt", problems)
    moment = _event_time(path, row, head, options, problems)
    if moment is None or not all(good):
        return None
    exact = row.event_time is not None and moment.microsecond != 0
    return NewFill(
        event_key=row.event_key,
        canonical_key=_key(row, moment, alike)
        if exact
        else canonical_key(moment.isoformat(), same_spelling(row.event_key)),
        kind=row.event_type,
        symbol=row.symbol.upper(),
        price=row.price,
        amount=row.amount,
        amount_asset=row.amount_asset or "",
        realized_pnl=row.realized_pnl,
        event_time=moment,
        event_time_text=row.event_time_text or "",
        time_is_exact=exact,
        raw=raw,
    )


def _text_key(row: EventRow, moment: datetime) -> str:
    return canonical_key(moment.isoformat(), same_spelling(row.event_key))


def _key(row: EventRow, moment: datetime, alike: Alike) -> str:
    """Return our key of a fill with an exact time; fills that are alike are told apart by the sender's keys."""
    identity = (row.symbol.upper(), row.event_type, moment, row.amount, row.price)
    keys = alike.setdefault(identity, [])
    if row.event_key not in keys:
        keys.append(row.event_key)
    return exact_key(
        symbol=row.symbol.upper(),
        bought=row.event_type in BOUGHT,
        milliseconds=to_milliseconds(moment),
        amount=row.amount,
        price=row.price,
        ordinal=keys.index(row.event_key) + 1,
    )


def _event_time(path: str, row: EventRow, head: Head, options: ParseOptions, problems: Problems) -> datetime | None:
    if row.event_time is not None:
        return read_moment(row.event_time, f"{path}.eventTime", problems)
    if row.event_time_text is None:
        problems.add(f"{path}.eventTimeText", "is missing")
        return None
    try:
        return resolve_event_time(
            row.event_time_text, fetched_at=head.fetched_at, zone=options.zone, tolerance=options.tolerance
        )
    except ValueError as error:
        problems.add(f"{path}.eventTimeText", str(error))
        return None


def _check_owner(path: str, platform: str, lead_id: str | None, head: Head, problems: Problems) -> None:
    if platform != BINANCE:
        problems.add(f"{path}.platform", f"must be {BINANCE} here, not {platform[:40]}")
    if lead_id is not None and lead_id != head.lead_id:
        problems.add(f"{path}.leadId", f"is {lead_id[:64]}, but the body is about {head.lead_id}")
