"""How XTS writes: numbers, times, ids, instruments, refusals, frames of its socket."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.filters import Filters
from markets.tests.venues.iifl_kit import order
from markets.venues.errors import (
    AuthFailed,
    OutcomeUnknown,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.iifl.engine_io import Ended, Event, Opened, event_frame, read_frame
from markets.venues.iifl.errors import SessionGoneError, error_of, is_no_data, reason_of, unwrapped
from markets.venues.iifl.house import read_hours
from markets.venues.iifl.listing import built_in, references, share_spec
from markets.venues.iifl.master import Instrument, read_master
from markets.venues.iifl.names import LENGTH, SHORT, unique_identifier
from markets.venues.iifl.numbers import INDIA, amount, moment, optional
from markets.venues.iifl.orders import read_balance, read_fill, read_order, rows_of
from markets.venues.iifl.parameters import protected
from markets.venues.iifl.simulated import WIDEST, simulated_price
from markets.venues.vocabulary import OrderType, Side, VenueStatus

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
MASTER = """NSECM|2885|8|RELIANCE|RELIANCE-EQ|EQ|RELIANCE-EQ|1|2695.55|2205.45|100000|0.05|1|1|RELIANCE|ISIN|1|1
NSECM|17999|8|RELIANCE|RELIANCE-N1|N1|RELIANCE-N1|1|0|0|1|0.01|1|1|RELIANCE N1|ISIN|1|1
NSEFO|48186|1|NIFTY|NIFTY26NOVFUT|FUTIDX|NIFTY|1|0|0|1800|0.05|75|1|x|y|z|w
broken|line
"""
# A trade as a live socket told it.
TRADE: dict[str, Any] = {
    "AppOrderID": 1110027235,
    "ExchangeSegment": "NSECM",
    "ExchangeInstrumentID": 335,
    "OrderSide": "Sell",
    "OrderType": "Market",
    "TimeInForce": "DAY",
    "OrderPrice": 0,
    "OrderQuantity": 3,
    "OrderStopPrice": 0,
    "OrderStatus": "Filled",
    "OrderAverageTradedPrice": "2,853.50",
    "CumulativeQuantity": 3,
    "ExchangeTransactTime": "2024-12-27T11:22:47+05:30",
    "LastUpdateDateTime": "2024-12-27T11:22:47.5972834",
    "CancelRejectReason": "",
    "OrderUniqueIdentifier": "9NcLerkS",
    "LastTradedPrice": 2853.5,
    "LastTradedQuantity": 3,
    "LastExecutionTransactTime": "2024-12-27T11:22:47",
    "ExecutionID": "2177829",
}


@pytest.mark.parametrize(
    ("text", "number"),
    [("2,853.50", "2853.50"), (254.55, "254.55"), ("-7.99", "-7.99"), ("0", "0"), (15, "15"), ("1,00,000", "100000")],
)
def test_numbers_are_read_however_they_are_written(text: Any, number: str) -> None:
    assert amount(text) == Decimal(number)


@pytest.mark.parametrize("empty", ["", "NaN", None, "nan", " "])
def test_what_is_not_known_is_no_zero(empty: Any) -> None:
    assert optional(empty) is None
    with pytest.raises(ValueError, match="missing"):
        amount(empty)


@pytest.mark.parametrize("nonsense", ["abc", "Infinity", "1.2.3"])
def test_what_is_no_number_is_not_guessed(nonsense: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        optional(nonsense)


@pytest.mark.parametrize(
    "text", ["2024-12-27T11:22:47.5972834", "2024-12-27T11:22:47+05:30", "27-12-2024 11:22:47", "2024-12-27T05:52:47Z"]
)
def test_the_ways_to_write_a_time_mean_the_same_second(text: str) -> None:
    told = moment(text)

    assert told is not None
    assert told.replace(microsecond=0) == datetime(2024, 12, 27, 5, 52, 47, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", None, "01-01-1980 00:00:00", "0001-01-01T00:00:00"])
def test_an_empty_time_is_none(text: Any) -> None:
    assert moment(text) is None


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.text(min_size=1, max_size=36))
def test_identifiers_fit_and_follow_from_the_id_alone(ours: str, any_id: str) -> None:
    for client_order_id in (ours, any_id):
        assert SHORT.fullmatch(unique_identifier(client_order_id))
        assert unique_identifier(client_order_id) == unique_identifier(client_order_id)
    assert len(unique_identifier(ours)) == LENGTH


@given(st.sets(st.uuids(version=4), min_size=2, max_size=50))
def test_identifiers_of_different_orders_differ(ids: set[Any]) -> None:
    assert len({unique_identifier(each.hex) for each in ids}) == len(ids)


def test_an_order_that_is_filled_has_filled_whole_whatever_was_counted_by_then() -> None:
    """As a socket told it: the trade itself comes after the order."""
    row = {**TRADE, "LeavesQuantity": 0, "CumulativeQuantity": 0, "OrderAverageTradedPrice": ""}

    told = read_order(row, client_order_id="mine", symbol="BALKRISIND", now=NOW)

    assert (told.status, told.filled_quantity, told.average_price) == (VenueStatus.FILLED, Decimal(3), None)


def test_a_live_trade_is_an_order_and_a_fill() -> None:
    told = read_order(TRADE, client_order_id="mine", symbol="BALKRISIND", now=NOW)
    fill = read_fill(TRADE, client_order_id="mine", symbol="BALKRISIND")

    assert (told.status, told.side, told.average_price) == (VenueStatus.FILLED, Side.SELL, Decimal("2853.50"))
    assert (fill.venue_trade_id, fill.quote_quantity) == ("1110027235-2177829", Decimal("8560.5"))
    assert fill.time == datetime(2024, 12, 27, 5, 52, 47, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "filled", "validity", "status"),
    [
        ("PendingNew", 0, "DAY", VenueStatus.NEW),
        ("Trigger Pending", 0, "DAY", VenueStatus.NEW),
        ("Replaced", 0, "DAY", VenueStatus.NEW),
        ("Replaced", 1, "DAY", VenueStatus.PARTIALLY_FILLED),
        ("PendingCancel", 1, "DAY", VenueStatus.PARTIALLY_FILLED),
        ("Cancelled", 1, "DAY", VenueStatus.CANCELED),
        ("Cancelled", 1, "IOC", VenueStatus.EXPIRED),
        ("Rejected", 0, "DAY", VenueStatus.REJECTED),
        (50, 3, "DAY", VenueStatus.FILLED),
    ],
)
def test_states_are_told_in_our_words(word: Any, filled: int, validity: str, status: VenueStatus) -> None:
    row = {**TRADE, "OrderStatus": word, "CumulativeQuantity": filled, "TimeInForce": validity}

    assert read_order(row, client_order_id="", symbol="X", now=NOW).status == status


def test_a_state_that_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(LookupError):
        read_order({**TRADE, "OrderStatus": "Frozen"}, client_order_id="", symbol="X", now=NOW)


def test_a_balance_is_chosen_by_its_header() -> None:
    rows = [
        {"limitHeader": header, "limitObject": {"RMSSubLimits": {"netMarginAvailable": free, "marginUtilized": used}}}
        for header, free, used in [("CASH|NSE|MTF", "0", "0"), ("ALL|ALL|ALL", "1,267.20", "NaN")]
    ]

    assert read_balance({"BalanceList": rows}).free == Decimal("1267.20")
    assert read_balance({"BalanceList": rows[1]}).total == Decimal("1267.20")


def test_what_is_no_list_is_not_an_empty_one() -> None:
    with pytest.raises(TypeError):
        rows_of({"something": []}, "positionList")


@pytest.mark.parametrize(
    ("status", "code", "description", "kind"),
    [
        (200, "e-apirl-0004", "Rate Limit reached", Retryable),
        (429, "", "Too many", Retryable),
        (400, "e-session-0002", "Invalid Token", AuthFailed),
        (401, "e-token-0002", "Please Provide token to Authenticate", AuthFailed),
        (400, "e-orders-0002", "Market order Or Price 0 is not allowed for ALGO enabled orders", Rejected),
        (400, "e-orders-0001", "Order not found", Rejected),
        (502, "e-gateway-0001", "Bad Gateway", OutcomeUnknown),
    ],
)
def test_refusals_are_judged_by_their_code(status: int, code: str, description: str, kind: type[VenueError]) -> None:
    body = {"type": "error", "code": code, "description": description, "result": {}}

    assert isinstance(error_of(status, body, writes=True), kind)


def test_an_order_that_a_book_does_not_know_yet_is_asked_for_again() -> None:
    body = {"type": "error", "code": "e-orders-0001", "description": "Order not found"}

    assert isinstance(error_of(400, body, writes=False), Retryable)


@pytest.mark.parametrize("page", [None, "<html>", [], {"type": "else"}])
def test_a_page_says_nothing_of_what_was_written(page: Any) -> None:
    assert isinstance(error_of(502, page, writes=True), OutcomeUnknown)
    assert isinstance(error_of(502, page, writes=False), VenueDown)


@pytest.mark.parametrize("writes", [True, False])
def test_a_page_with_401_is_about_the_token_where_there_was_one(writes: bool) -> None:
    assert isinstance(error_of(401, None, writes=writes), SessionGoneError)
    assert isinstance(error_of(401, None, writes=False, by_token=False), VenueDown)


def test_no_data_is_no_refusal_and_a_second_envelope_is_taken_off() -> None:
    body = {"type": "error", "code": "e-tradebook-0005", "description": "Data Not Available", "result": {}}

    assert is_no_data(body)
    assert not is_no_data({**body, "code": "e-orders-0002", "description": "Refused"})
    assert unwrapped({"data": body}) == body


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("RMS:Margin Exceeds, Required:3818.25, Available:267.20", RejectReason.INSUFFICIENT_MARGIN),
        ("Price is outside the circuit limits", RejectReason.PRICE_BAND),
        ("Quantity is above the freeze quantity", RejectReason.LOT_SIZE),
        ("Price is not a multiple of the tick size", RejectReason.PRICE_FILTER),
        ("The market is closed", RejectReason.MARKET_CLOSED),
        ("Whatever", RejectReason.REFUSED),
    ],
)
def test_the_words_of_risk_management_become_reasons(words: str, reason: RejectReason) -> None:
    assert reason_of(words) == reason


def test_a_malformed_request_is_told_with_its_fields() -> None:
    errors = [{"field": ["orderQuantity"], "messages": ['"orderQuantity" must be a number']}]
    body = {
        "type": "error",
        "code": "e-property-validation-failed",
        "description": "Bad Request",
        "result": {"errors": errors},
    }
    error = error_of(400, body, writes=True)

    assert isinstance(error, Rejected)
    assert (error.reason, '"orderQuantity" must be a number' in error.message) == (RejectReason.BAD_PARAMETERS, True)


def test_the_master_is_read_for_shares_only() -> None:
    master = read_master(MASTER)

    assert set(master.by_symbol) == {"RELIANCE"}
    rules = master.by_id[2885].spec.filters
    assert (rules.price_tick, rules.price_max) == (Decimal("0.05"), Decimal("2695.55"))
    assert rules.quantity_max == 100_000


@given(
    st.decimals("2210", "2690", places=2),
    st.decimals("0.1", "20", places=1),
    st.sampled_from(Side),
)
def test_a_protected_order_is_on_the_tick_within_the_band_and_never_worse_than_asked(
    last: Decimal, percent: Decimal, side: Side
) -> None:
    spec = share_spec("RELIANCE", status="EQ", bounds=(Decimal("2205.45"), Decimal("2695.55")))
    sent = protected(order(side=side), Instrument(2885, spec), percent=percent, last=last)
    tick = Decimal("0.05")

    assert sent.type is OrderType.LIMIT
    assert sent.price is not None
    assert sent.price % tick == 0
    assert Decimal("2205.45") <= sent.price <= Decimal("2695.55")
    edge = last * (1 + percent / 100) if side is Side.BUY else last * (1 - percent / 100)
    assert sent.price <= edge + tick if side is Side.BUY else sent.price >= edge - tick


@given(st.sampled_from(sorted(references())), st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))
def test_simulated_prices_stay_around_their_reference_on_the_tick_and_the_same_for_all(
    symbol: str, time: datetime
) -> None:
    spec = next(each for each in built_in() if each.symbol == symbol)
    reference, now = references()[symbol], time.replace(tzinfo=UTC)
    price = simulated_price(spec, reference, now)

    assert price == simulated_price(spec, reference, now)
    assert price.last
    assert price.bid
    assert price.ask
    assert abs(price.last - reference) <= reference * WIDEST + Decimal("0.05")
    assert price.bid < price.last < price.ask
    assert all(each % Decimal("0.05") == 0 for each in (price.bid, price.last, price.ask))
    later = simulated_price(spec, reference, now + timedelta(seconds=1))
    assert later.last
    assert abs(later.last - price.last) <= reference * Decimal("0.0005") + Decimal("0.05")


def test_the_built_in_listing_has_the_large_shares_and_rules_that_orders_can_meet() -> None:
    assert references()["RELIANCE"] == Decimal("2450.50")
    assert len(built_in()) == len(references()) >= 50
    for spec in built_in():
        assert isinstance(spec.filters, Filters)
        assert (spec.filters.price_tick, spec.filters.quantity_step) == (Decimal("0.05"), Decimal(1))
        assert references()[spec.symbol] % Decimal("0.05") == 0


@pytest.mark.parametrize(
    ("there", "is_open"),
    [
        ("2026-11-20T09:14:59", False),
        ("2026-11-20T09:15:00", True),
        ("2026-11-20T15:29:59", True),
        ("2026-11-20T15:30:00", False),
        ("2026-11-21T11:00:00", False),
    ],
)
def test_the_exchange_is_open_on_weekdays_by_the_clock_of_india(there: str, is_open: bool) -> None:
    hours = read_hours("09:15-15:30")

    assert hours is not None
    assert hours.contain(datetime.fromisoformat(there).replace(tzinfo=INDIA)) is is_open
    assert read_hours("always") is None


def test_frames_of_the_socket() -> None:
    assert read_frame('0{"sid":"x","pingInterval":25000,"pingTimeout":60000}') == Opened(25.0)
    assert read_frame("40") is None
    assert read_frame("3") is None
    assert read_frame(event_frame("order", json.dumps({"AppOrderID": 1}))) == Event("order", {"AppOrderID": 1})
    assert read_frame('42["joined","welcome"]') == Event("joined", "welcome")
    assert read_frame('44"Invalid namespace"') == Ended('"Invalid namespace"')
    assert isinstance(read_frame("41"), Ended)


@pytest.mark.parametrize("broken", ["42", "42{}", "42[]", "0x", '42["order","{broken"]'])
def test_a_frame_that_cannot_be_read_is_told(broken: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_frame(broken)


@given(st.text())
def test_whatever_comes_is_a_frame_nothing_or_a_value_error(text: str) -> None:
    try:
        frame = read_frame(text)
    except ValueError:
        return
    assert frame is None or isinstance(frame, Opened | Event | Ended)
