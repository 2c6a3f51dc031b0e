"""The events of Binance's user data streams as ours (pure). Source: the user data pages of the three APIs."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from markets.venues.base import AccountReport, BalanceReport, FillReport, OrderReport, PositionReport, PrivateEvent
from markets.venues.binance.conditional import NO_ORDER
from markets.venues.binance.conditional import STATUSES as CONDITIONAL_STATUSES
from markets.venues.binance.numbers import ZERO, amount, first_moment, moment, positive
from markets.venues.binance.orders import STATUSES, order_type
from markets.venues.vocabulary import WAITING_STOP, MarketKind, PositionSide, Side, VenueStatus

Event = Mapping[str, Any]
SizeOf = Callable[[str], Awaitable[Decimal]]
# The other events say the same in short, or nothing about orders and money.
ORDER, CONDITIONAL, ACCOUNT = "ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE"
SPOT_ORDER, SPOT_ACCOUNT = "executionReport", "outboundAccountPosition"
KEY_EXPIRED, TERMINATED = "listenKeyExpired", "eventStreamTerminated"
ENDS = frozenset({KEY_EXPIRED, TERMINATED})


class Reader:
    """Reads the events of one connection.

    It remembers which conditional order became which order: from then on both are one, under our client id.
    """

    def __init__(self, kind: MarketKind, size_of: SizeOf) -> None:
        self._kind = kind
        self._size_of = size_of
        self._became: dict[str, str] = {}

    async def read(self, event: Event) -> list[PrivateEvent]:
        """Return what an event tells, in order; nothing where it is about something else."""
        name = event.get("e")
        if name == ORDER:
            return self._futures_order(event, await self._size_of(event["o"]["s"]))
        if name == CONDITIONAL:
            return self._conditional(event)
        if name == ACCOUNT:
            return [_futures_account(event, self._kind)]
        if name == SPOT_ORDER:
            return _spot_order(event)
        return [_spot_account(event)] if name == SPOT_ACCOUNT else []

    def _futures_order(self, event: Event, size: Decimal) -> list[PrivateEvent]:
        order = event["o"]
        client_id = self._became.get(str(order["i"]), str(order["c"]))
        filled, average = amount(order["z"]), positive(order, "ap")
        inverse = self._kind is MarketKind.COIN_M
        report = OrderReport(
            client_id,
            str(order["i"]),
            str(order["s"]),
            self._kind,
            STATUSES[order["X"]],
            amount(order["q"]),
            filled,
            moment(event["T"]),
            side=Side(order["S"]),
            position_side=PositionSide(order["ps"]),
            type=order_type(self._kind, str(order.get("ot") or order["o"])),
            price=positive(order, "p"),
            stop_price=positive(order, "sp"),
            reduce_only=bool(order["R"]),
            filled_quote=filled * size if inverse else None,
            average_price=average,
            raw=event,
        )
        return [report, *_futures_fill(order, report, size)]

    def _conditional(self, event: Event) -> list[PrivateEvent]:
        order = event["o"]
        actual = str(order.get("ai") or "")
        if actual not in NO_ORDER:
            # The order that it has become speaks for itself from here on.
            self._became[actual] = str(order["caid"])
            return []
        status = CONDITIONAL_STATUSES.get(order["X"])
        if status is None:
            return []
        return [
            OrderReport(
                str(order["caid"]),
                f"{WAITING_STOP}{order['aid']}",
                str(order["s"]),
                self._kind,
                status,
                amount(order["q"]),
                ZERO,
                moment(event["T"]),
                side=Side(order["S"]),
                position_side=PositionSide(order["ps"]),
                type=order_type(self._kind, str(order["o"])),
                price=positive(order, "p"),
                stop_price=positive(order, "tp"),
                reduce_only=bool(order["R"]),
                reason=str(order.get("rm") or "") if status is VenueStatus.REJECTED else "",
                raw=event,
            )
        ]


def _futures_fill(order: Event, report: OrderReport, size: Decimal) -> list[FillReport]:
    price, quantity = amount(order["L"]), amount(order["l"])
    if not quantity:
        return []
    inverse = report.kind is MarketKind.COIN_M
    return [
        FillReport(
            venue_trade_id=str(order["t"]),
            venue_order_id=report.venue_order_id,
            client_order_id=report.client_order_id,
            symbol=report.symbol,
            kind=report.kind,
            side=report.side,
            position_side=report.position_side,
            price=price,
            quantity=quantity,
            quote_quantity=quantity * size if inverse else quantity * price,
            fee=amount(order.get("n") or 0),
            fee_asset=str(order.get("N") or ""),
            is_maker=bool(order["m"]),
            time=moment(order["T"]),
            realized_pnl=amount(order.get("rp") or 0),
        )
    ]


def _futures_account(event: Event, kind: MarketKind) -> AccountReport:
    """Return the positions that changed. Of balances it names the wallet's, not what is free: they are left out."""
    rows = event["a"].get("P", ())
    return AccountReport(
        time=moment(event["T"]),
        balances=(),
        positions=tuple(_position(row, kind) for row in rows),
        hedge_mode=any(row["ps"] != PositionSide.BOTH for row in rows),
        complete=False,
    )


def _position(row: Event, kind: MarketKind) -> PositionReport:
    quantity = amount(row["pa"])
    return PositionReport(
        symbol=str(row["s"]),
        kind=kind,
        position_side=PositionSide(row["ps"]),
        quantity=-abs(quantity) if row["ps"] == PositionSide.SHORT else quantity,
        entry_price=amount(row["ep"]),
        unrealized_pnl=amount(row["up"]),
    )


def _spot_order(event: Event) -> list[PrivateEvent]:
    filled, worth = amount(event["z"]), amount(event["Z"])
    report = OrderReport(
        # On a cancel `c` is the cancel's own id, and `C` is ours.
        str(event.get("C") or event["c"]),
        str(event["i"]),
        str(event["s"]),
        MarketKind.SPOT,
        STATUSES[event["X"]],
        amount(event["q"]),
        filled,
        moment(event["T"]),
        side=Side(event["S"]),
        type=order_type(MarketKind.SPOT, str(event["o"])),
        price=positive(event, "p"),
        stop_price=positive(event, "P"),
        filled_quote=worth if worth >= ZERO else None,
        average_price=worth / filled if filled and worth > ZERO else None,
        reason="" if event["r"] == "NONE" else str(event["r"]),
        raw=event,
    )
    return [report, *_spot_fill(event, report)]


def _spot_fill(event: Event, report: OrderReport) -> list[FillReport]:
    price, quantity = amount(event["L"]), amount(event["l"])
    if event["x"] != "TRADE" or not quantity:
        return []
    return [
        FillReport(
            venue_trade_id=str(event["t"]),
            venue_order_id=report.venue_order_id,
            client_order_id=report.client_order_id,
            symbol=report.symbol,
            kind=MarketKind.SPOT,
            side=report.side,
            position_side=PositionSide.BOTH,
            price=price,
            quantity=quantity,
            quote_quantity=amount(event.get("Y") or price * quantity),
            fee=amount(event["n"]),
            fee_asset=str(event["N"] or ""),
            is_maker=bool(event["m"]),
            time=moment(event["T"]),
        )
    ]


def _spot_account(event: Event) -> AccountReport:
    rows = [(str(row["a"]), amount(row["f"]), amount(row["l"])) for row in event["B"]]
    return AccountReport(
        time=first_moment(event, "u", "E"),
        balances=tuple(BalanceReport(asset, free + locked, free) for asset, free, locked in rows),
        positions=(),
        complete=False,
    )
