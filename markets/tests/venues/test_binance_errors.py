"""What Binance's refusals mean: by status, code, text and market."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.venues.binance.errors import Failure, error_of, failure
from markets.venues.errors import (
    AuthFailed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.vocabulary import MarketKind
from tests.simulators.exchange.symbols import load

NOW = datetime(2026, 9, 15, 12, 0, tzinfo=UTC)
SAMPLES = load("errors")
SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M
KINDS = (SPOT, USD_M, COIN_M)


def told(
    code: int | None,
    message: str = "",
    *,
    status: int = 400,
    kind: MarketKind = USD_M,
    writes: bool = True,
    **more: Any,
) -> VenueError:
    return error_of(Failure(status, code, message, **more), kind=kind, writes=writes, now=NOW)


REJECTIONS = [
    (SPOT, -1013, "Filter failure: LOT_SIZE", RejectReason.LOT_SIZE),
    (SPOT, -1013, "Filter failure: MARKET_LOT_SIZE", RejectReason.LOT_SIZE),
    (SPOT, -1013, "Filter failure: PRICE_FILTER", RejectReason.PRICE_FILTER),
    (SPOT, -1013, "Filter failure: NOTIONAL", RejectReason.MIN_NOTIONAL),
    (SPOT, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE", RejectReason.PRICE_BAND),
    (SPOT, -1013, "Filter failure: MAX_NUM_ALGO_ORDERS", RejectReason.TOO_MANY_OPEN_ORDERS),
    (SPOT, -1013, "Filter failure: SOMETHING_NEW", RejectReason.BAD_PARAMETERS),
    (SPOT, -2010, "Account has insufficient balance for requested action.", RejectReason.INSUFFICIENT_BALANCE),
    (SPOT, -2010, "Market is closed.", RejectReason.MARKET_CLOSED),
    (SPOT, -2010, "Order would trigger immediately.", RejectReason.WOULD_TRIGGER),
    (SPOT, -2010, "Order would immediately match and take.", RejectReason.POST_ONLY_WOULD_TAKE),
    (SPOT, -2010, "This symbol is not permitted for this account.", RejectReason.ACCOUNT_RESTRICTED),
    (SPOT, -2010, "A text that nobody has seen yet.", RejectReason.REFUSED),
    (SPOT, -2011, "Unknown order sent.", RejectReason.UNKNOWN_ORDER),
    (SPOT, -2026, "Order was canceled or expired with no executed qty over 90 days ago.", RejectReason.UNKNOWN_ORDER),
    (SPOT, -2022, "Order cancel-replace failed.", RejectReason.REFUSED),
    (USD_M, -2022, "ReduceOnly Order is rejected.", RejectReason.REDUCE_ONLY_REFUSED),
    (USD_M, -2021, "Order would immediately trigger.", RejectReason.WOULD_TRIGGER),
    (USD_M, -2019, "Margin is insufficient.", RejectReason.INSUFFICIENT_MARGIN),
    (USD_M, -2018, "Balance is insufficient.", RejectReason.INSUFFICIENT_BALANCE),
    (USD_M, -4003, "Quantity less than or equal to zero.", RejectReason.LOT_SIZE),
    (USD_M, -4014, "Price not increased by tick size.", RejectReason.PRICE_FILTER),
    (USD_M, -4023, "Qty not increased by step size.", RejectReason.LOT_SIZE),
    (
        USD_M,
        -4131,
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
        RejectReason.PRICE_BAND,
    ),
    (
        USD_M,
        -4164,
        "Order's notional must be no smaller than 5 (unless you choose reduce only).",
        RejectReason.MIN_NOTIONAL,
    ),
    (USD_M, -4061, "Order's position side does not match user's setting.", RejectReason.POSITION_SIDE_MISMATCH),
    (USD_M, -4118, "ReduceOnly Order Failed.", RejectReason.REDUCE_ONLY_REFUSED),
    (USD_M, -4120, "Order type not supported for this endpoint.", RejectReason.BAD_PARAMETERS),
    (USD_M, -4059, "No need to change position side.", RejectReason.UNCHANGED),
    (
        USD_M,
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected.",
        RejectReason.NOT_FILLED,
    ),
    (USD_M, -5022, "Due to the order could not be executed as maker.", RejectReason.POST_ONLY_WOULD_TAKE),
    (COIN_M, -2019, "Margin is insufficient.", RejectReason.INSUFFICIENT_MARGIN),
    (COIN_M, -1121, "Invalid symbol.", RejectReason.UNKNOWN_SYMBOL),
    (COIN_M, -1102, "Mandatory parameter 'quantity' was not sent.", RejectReason.BAD_PARAMETERS),
    (COIN_M, -9999, "A code that nobody has seen yet.", RejectReason.REFUSED),
]


@pytest.mark.parametrize(("kind", "code", "message", "reason"), REJECTIONS)
def test_a_refusal_has_a_reason_of_ours_and_the_words_of_the_venue(
    kind: MarketKind, code: int, message: str, reason: RejectReason
) -> None:
    error = told(code, message, kind=kind)

    assert isinstance(error, Rejected)
    assert (error.reason, error.code, error.message, error.status) == (reason, str(code), message, 400)


@pytest.mark.parametrize("code", [-1002, -1022, -2014, -2015, -4109])
def test_a_key_that_is_no_good_is_the_business_of_its_owner(code: int) -> None:
    assert isinstance(told(code, status=401), AuthFailed)


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [(USD_M, -4116, "ClientOrderId is duplicated."), (SPOT, -2010, "Duplicate order sent.")],
)
def test_a_client_id_that_is_taken_may_be_our_own_order(kind: MarketKind, code: int, message: str) -> None:
    error = told(code, message, kind=kind)

    assert isinstance(error, OutcomeUnknown)
    assert error.code == str(code)


@pytest.mark.parametrize("code", [-1021, -5028, -4188])
def test_a_request_that_came_too_late_did_nothing(code: int) -> None:
    error = told(code)

    assert isinstance(error, Retryable)
    assert error.after == timedelta(0)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (503, None, "Service Unavailable.", USD_M),
        (503, -1000, "Service Unavailable.", COIN_M),
        (503, -1008, "Request throttled by system-level protection.", USD_M),
        (429, -1008, "Server is currently overloaded.", SPOT),
        (503, -1001, "Internal error; unable to process your request. Please try again.", USD_M),
    ],
)
def test_definite_refusals_by_a_venue_in_trouble_may_be_sent_again(
    status: int, code: int | None, message: str, kind: MarketKind
) -> None:
    assert isinstance(told(code, message, status=status, kind=kind), Retryable | RateLimited)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (503, -1000, "Unknown error, please check your request or try again later.", USD_M),
        (408, -1007, "Timeout waiting for response from backend server.", USD_M),
        (504, -1007, "Timeout waiting for response from backend server.", SPOT),
        (400, -1006, "An unexpected response was received from the message bus.", SPOT),
        (500, -1001, "Internal error; unable to process your request. Please try again.", SPOT),
        (502, None, "", SPOT),
        (408, None, "", USD_M),
        (400, None, "", USD_M),
        (200, None, "", USD_M),
    ],
)
def test_what_may_have_happened_is_unknown_for_orders_and_asked_again_for_reads(
    status: int, code: int | None, message: str, kind: MarketKind
) -> None:
    assert isinstance(told(code, message, status=status, kind=kind), OutcomeUnknown)
    assert isinstance(told(code, message, status=status, kind=kind, writes=False), Retryable | VenueDown)


def test_the_pause_that_the_venue_asks_for_is_kept() -> None:
    error = told(-1003, "Too much request weight used.", status=429, retry_after=720)

    assert isinstance(error, RateLimited)
    assert error.until == NOW + timedelta(seconds=720)


def test_a_ban_ends_when_the_message_says() -> None:
    message = "Way too much request weight used; IP banned until 1789480000000. Please use WebSocket Streams."
    error = told(-1003, message, status=418)

    assert isinstance(error, RateLimited)
    assert error.until == datetime(2026, 9, 15, 13, 46, 40, tzinfo=UTC)


def test_the_later_of_two_ends_of_a_ban_counts() -> None:
    message = "Way too much request weight used; IP banned until 1789480000000."
    error = told(-1003, message, status=418, retry_after=86_400)

    assert isinstance(error, RateLimited)
    assert error.until == NOW + timedelta(days=1)


@pytest.mark.parametrize(("status", "least"), [(429, timedelta(minutes=1)), (418, timedelta(minutes=2))])
def test_a_pause_without_an_end_lasts_a_while(status: int, least: timedelta) -> None:
    error = told(None, status=status)

    assert isinstance(error, RateLimited)
    assert error.until >= NOW + least


def test_the_firewall_stops_everyone_on_the_address() -> None:
    what = failure(403, {"Content-Type": "text/html"}, "<html>403 Forbidden</html>")
    error = error_of(what, kind=SPOT, writes=True, now=NOW)

    assert isinstance(error, RateLimited)
    assert "<html>" not in error.message


def test_too_many_orders_of_one_account_do_not_stop_the_others() -> None:
    error = told(-1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", status=429, retry_after=7)

    assert isinstance(error, Retryable)
    assert error.after == timedelta(seconds=7)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_recorded_errors_are_understood(name: str) -> None:
    sample = SAMPLES[name]
    what = failure(sample["http"], {}, sample["body"])
    kind = SPOT if name.startswith("spot") else USD_M
    error = error_of(what, kind=kind, writes=True, now=NOW)

    assert error.message == sample["body"]["msg"]
    if isinstance(error, Rejected):
        assert error.reason != RejectReason.REFUSED


@given(
    st.integers(300, 599),
    st.none() | st.integers(-6000, -1),
    st.text(max_size=40),
    st.sampled_from(KINDS),
    st.none() | st.integers(0, 10**6),
)
def test_no_failed_order_of_a_venue_in_trouble_passes_for_refused(
    status: int, code: int | None, message: str, kind: MarketKind, wait: int | None
) -> None:
    error = told(code, message, status=status, kind=kind, retry_after=wait)

    assert isinstance(error, VenueError)
    if status >= 500:
        assert not isinstance(error, Rejected | VenueDown)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.from_type(object) | st.text())
def test_any_body_is_a_failure_that_can_be_told(headers: dict[str, str], body: object) -> None:
    assert error_of(failure(400, headers, body), kind=SPOT, writes=True, now=NOW).message
