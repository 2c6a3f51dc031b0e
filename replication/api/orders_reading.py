"""What requests about orders say: the body of a new one, amounts from their own digits, and query parameters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from drf_spectacular.utils import OpenApiParameter

from copytrade.lib.api.paging import EARLIEST, LATEST
from copytrade.lib.errors import InvalidInput
from copytrade.lib.structs import Problems
from copytrade.lib.wire import from_milliseconds, to_milliseconds
from copytrade.lib.wording import pattern_told
from markets.venues.vocabulary import OrderType, PositionSide, Side, TimeInForce
from orders.api.reading import (
    ACCOUNT_PARAMETER,
    LARGEST_ID,
    SYMBOL_PARAMETER,
    SYMBOL_PATTERN,
    read_account,
    read_symbol,
)
from orders.api.shapes import KindWord
from replication.selectors.orders import STATUSES, OrderFilter
from replication.services.placing_checks import OrderWish

CLIENT_ID_PATTERN = pattern_told(r"^[A-Za-z0-9._:/-]{1,36}$(?!\n)", "1 to 36 letters, digits or any of . _ : / and -")
WHOLE_DIGITS = DECIMAL_PLACES = 30  # those of `copytrade.lib.fields.amount_field`
Query = Mapping[str, str]

# A JSON number, or a text of its digits: both are read from these digits.
NumberText = Annotated[Decimal, msgspec.Meta(examples=["0.5"])]
OrderTypeText = Literal["MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT", "TAKE_PROFIT_MARKET", "TAKE_PROFIT_LIMIT"]


class NewOrderBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An order to place, `quantity` in the venue's unit.

    `price` is the order's own on LIMIT, STOP_LIMIT and TAKE_PROFIT_LIMIT orders. On MARKET orders it is only the
    caller's idea of the market, and not read. Without `account` the order goes to the account of the caller whose venue
    has the symbol: to one that leads before one that does not, then to the oldest.
    """

    symbol: Annotated[str, msgspec.Meta(pattern=SYMBOL_PATTERN, examples=["RELIANCE"])]
    side: Literal["BUY", "SELL"]
    quantity: NumberText
    order_type: OrderTypeText = "MARKET"
    price: NumberText | None = None
    stop_price: NumberText | None = None
    time_in_force: Literal["GTC", "IOC", "FOK", "GTX"] | None = None
    position_side: Literal["BOTH", "LONG", "SHORT"] = "BOTH"
    reduce_only: bool = False
    account: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)] | None = None
    market_type: KindWord | None = None
    client_order_id: Annotated[str, msgspec.Meta(pattern=CLIENT_ID_PATTERN)] | None = None


def wish_of(body: NewOrderBody) -> OrderWish:
    """Return the order that a body asks for; amounts that are no amounts are `InvalidInput`."""
    kind = OrderType(body.order_type)
    price = None if kind == OrderType.MARKET else body.price
    problems = Problems()
    check_amounts({"quantity": body.quantity, "price": price, "stop_price": body.stop_price}, problems)
    problems.refuse_if_any()
    return OrderWish(
        symbol=body.symbol,
        side=Side(body.side),
        type=kind,
        quantity=body.quantity,
        price=price,
        stop_price=body.stop_price,
        time_in_force=TimeInForce(body.time_in_force) if body.time_in_force else None,
        position_side=PositionSide(body.position_side),
        reduce_only=body.reduce_only,
        account_id=body.account,
        market_type=body.market_type or "",
        client_order_id=body.client_order_id or "",
    )


def check_amounts(amounts: Mapping[str, Decimal | None], problems: Problems) -> None:
    """Note amounts that are not above 0, or have more digits than can be stored; None is not there."""
    for path, value in amounts.items():
        if value is not None and (message := _wrong_amount(value)):
            problems.add(path, message)


STATUS_PARAMETER = OpenApiParameter("status", str, enum=list(STATUSES), description="Only orders that stand so.")
SIDE_PARAMETER = OpenApiParameter("side", str, enum=["BUY", "SELL"], description="Only this side.")
MASTER_PARAMETER = OpenApiParameter(
    "is_master_order", str, enum=["true", "false"], description="Only orders that followers copy, or only others."
)
ROLE_PARAMETER = OpenApiParameter(
    "role", str, enum=["master", "copy"], description="Only orders placed as a master, or only copies of others'."
)
MOMENT: dict[str, Any] = {"type": "string", "maxLength": 40}
FROM_PARAMETER = OpenApiParameter(
    "from", MOMENT, description="Placed since then: ISO 8601 (UTC unless it says), or milliseconds since the epoch."
)
TO_PARAMETER = OpenApiParameter("to", MOMENT, description="Placed before then.")
ORDER_FILTERS = [
    SYMBOL_PARAMETER,
    STATUS_PARAMETER,
    SIDE_PARAMETER,
    ACCOUNT_PARAMETER,
    MASTER_PARAMETER,
    ROLE_PARAMETER,
    FROM_PARAMETER,
    TO_PARAMETER,
]


def read_order_filter(query: Query) -> OrderFilter:
    """Read which orders are asked for."""
    master = read_choice(query, "is_master_order", ["true", "false"])
    return OrderFilter(
        symbol=read_symbol(query),
        status=read_choice(query, "status", list(STATUSES)),
        side=read_choice(query, "side", ["BUY", "SELL"]),
        account_id=read_account(query),
        is_master_order=None if not master else master == "true",
        role=read_choice(query, "role", ["master", "copy"]) or None,  # type: ignore[arg-type]  # one of these
        since=read_moment(query, "from"),
        until=read_moment(query, "to"),
    )


def read_choice(query: Query, name: str, choices: list[str]) -> str:
    """Read a parameter that is one of these words, empty where it is absent."""
    text = query.get(name)
    if text is not None and text not in choices:
        raise InvalidInput([{"path": name, "message": f"write one of {', '.join(choices)}"}])
    return text or ""


def read_moment(query: Query, name: str) -> datetime | None:
    """Read a time, None where it is absent."""
    text = query.get(name)
    if text is None:
        return None
    moment = _milliseconds(text) if text.isdigit() else _iso(text)
    if moment is None or not EARLIEST <= moment <= LATEST:
        raise InvalidInput([{"path": name, "message": "write a time such as 2026-02-05T00:05:00Z"}])
    return moment


def _milliseconds(text: str) -> datetime | None:
    if not text.isascii() or len(text) > 15 or int(text) > to_milliseconds(LATEST):
        return None
    return from_milliseconds(int(text))


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _wrong_amount(value: Decimal) -> str:
    if not value.is_finite() or value <= 0:
        return "must be above 0"
    exponent = value.normalize().as_tuple().exponent
    if value.adjusted() >= WHOLE_DIGITS or not isinstance(exponent, int) or -exponent > DECIMAL_PLACES:
        return f"has more than {WHOLE_DIGITS} digits before the point or {DECIMAL_PLACES} behind it"
    return ""
