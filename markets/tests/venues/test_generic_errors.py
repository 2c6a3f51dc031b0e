"""What ccxt's exceptions mean for us: rejected needs proof, everything else is unknown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt
import pytest

from markets.venues.errors import (
    AuthFailed,
    NotSupported,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.generic.errors import Told, error_of
from markets.venues.generic.exchanges import BITGET, BYBIT, KRAKEN, OKX, Exchange
from markets.venues.http import NoAnswerError, NotSentError, UnreadableError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def meaning(error: Exception, told: Told | None = None, *, writes: bool = True, **more: Any) -> VenueError:
    facts: dict[str, Any] = {"exchange": Exchange(), "contract": False, "signed": True, "now": NOW, **more}
    return error_of(error, told, writes=writes, **facts)


@pytest.mark.parametrize(
    "error",
    [
        ccxt.RequestTimeout("504"),
        ccxt.ExchangeNotAvailable("502"),
        ccxt.NetworkError("reset"),
        ccxt.ExchangeError("unknown code"),
        ccxt.BadResponse("garbage"),
        ccxt.NullResponse("nothing"),
        ccxt.OperationFailed("?"),
        ccxt.DuplicateOrderId("there already"),
        ccxt.InvalidOrder("OrderLinkedID is duplicate"),
        ccxt.BadRequest("Duplicate clientOrderId."),
        NoAnswerError("ServerDisconnectedError"),
        UnreadableError("HTTP 200 with a body that is not JSON"),
        KeyError("what ccxt did not expect"),
    ],
)
def test_what_proves_nothing_leaves_the_outcome_of_an_order_unknown(error):
    assert type(meaning(error)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ccxt.InsufficientFunds("no money"), RejectReason.INSUFFICIENT_BALANCE),
        (ccxt.BadSymbol("what?"), RejectReason.UNKNOWN_SYMBOL),
        (ccxt.OrderNotFound("gone"), RejectReason.UNKNOWN_ORDER),
        (ccxt.OrderImmediatelyFillable("would take"), RejectReason.POST_ONLY_WOULD_TAKE),
        (ccxt.OrderNotFillable("killed"), RejectReason.NOT_FILLED),
        (ccxt.MarketClosed("closed"), RejectReason.MARKET_CLOSED),
        (ccxt.RestrictedLocation("not here"), RejectReason.ACCOUNT_RESTRICTED),
        (ccxt.InvalidOrder("Reduce-only rule not satisfied"), RejectReason.REDUCE_ONLY_REFUSED),
        (ccxt.InvalidOrder("order notional below the minimum"), RejectReason.MIN_NOTIONAL),
        (ccxt.InvalidOrder("Qty invalid"), RejectReason.LOT_SIZE),
        (ccxt.InvalidOrder("Order price is out of permissible range"), RejectReason.PRICE_FILTER),
        (ccxt.InvalidOrder("no"), RejectReason.REFUSED),
        (ccxt.BadRequest("no"), RejectReason.BAD_PARAMETERS),
        (ccxt.ArgumentsRequired("no"), RejectReason.BAD_PARAMETERS),
        (ccxt.OperationRejected("no"), RejectReason.REFUSED),
    ],
)
def test_a_refusal_has_a_reason(error, reason):
    refused = meaning(error)

    assert isinstance(refused, Rejected)
    assert refused.reason == reason


def test_a_contract_lacks_margin_where_spot_lacks_coins():
    refused = meaning(ccxt.InsufficientFunds("no money"), contract=True)

    assert isinstance(refused, Rejected)
    assert refused.reason == RejectReason.INSUFFICIENT_MARGIN


def test_the_exchanges_own_code_tells_more_than_its_words():
    told = Told(200, body={"retCode": 110094, "retMsg": "Order does not meet minimum order value"})
    refused = meaning(ccxt.InvalidOrder("x"), told, exchange=BYBIT)

    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.code) == (RejectReason.MIN_NOTIONAL, "110094")
    assert refused.message == "Order does not meet minimum order value"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.AuthenticationError("key"), AuthFailed),
        (ccxt.PermissionDenied("ip"), AuthFailed),
        (ccxt.AccountSuspended("you"), AuthFailed),
        (ccxt.InvalidNonce("too old"), Retryable),
        (ccxt.OnMaintenance("later"), VenueDown),
        (ccxt.NotSupported("no such call"), NotSupported),
        (NotSentError("ClientConnectorError"), VenueDown),
    ],
)
def test_what_is_certain_says_what_to_do(error, kind):
    assert type(meaning(error)) is kind


@pytest.mark.parametrize(
    "error",
    [NoAnswerError("reset"), ccxt.RequestTimeout("504"), ccxt.ExchangeError("?"), ccxt.ExchangeNotAvailable("502")],
)
def test_a_question_that_got_no_answer_was_just_not_answered(error):
    assert type(meaning(error, writes=False)) is VenueDown


@pytest.mark.parametrize(
    ("error", "told", "wait"),
    [
        (ccxt.RateLimitExceeded("slow"), Told(429, {"Retry-After": "720"}), timedelta(seconds=720)),
        (ccxt.RateLimitExceeded("slow"), Told(429), timedelta(minutes=1)),
        (ccxt.DDoSProtection("stop"), Told(418), timedelta(minutes=10)),
        (ccxt.ExchangeNotAvailable("403"), Told(403, body="access too frequent"), timedelta(minutes=10)),
        (ccxt.RateLimitExceeded("slow"), None, timedelta(minutes=1)),
    ],
)
def test_a_pause_that_an_exchange_asks_for_holds_for_all(error, told, wait):
    limited = meaning(error, told)

    assert isinstance(limited, RateLimited)
    assert limited.until == NOW + wait


def test_bybit_tells_when_its_limit_ends():
    ends = NOW + timedelta(seconds=3)
    told = Told(200, {"X-Bapi-Limit-Reset-Timestamp": str(int(ends.timestamp() * 1000))}, {"retCode": 10018})
    limited = meaning(ccxt.RateLimitExceeded("slow"), told, exchange=BYBIT)

    assert isinstance(limited, RateLimited)
    assert limited.until == ends


def test_an_error_never_shows_the_address_that_was_signed():
    error = ccxt.ExchangeNotAvailable("kraken GET https://api/private?apiKey=secret&signature=abc 502")

    assert "secret" not in meaning(error, Told(502, body="<html>")).message
    assert meaning(error, Told(502, body="<html>")).status == 502


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"retCode": 1, "retMsg": "bybit"}, "bybit", "1"),
        ({"code": "1", "msg": "all failed", "data": [{"sCode": "51008", "sMsg": "okx"}]}, "okx", "51008"),
        ({"code": "40034", "msg": "bitget"}, "bitget", "40034"),
        ({"error": ["EOrder:Insufficient funds"]}, "EOrder:Insufficient funds", "EOrder:Insufficient funds"),
    ],
)
def test_the_words_and_codes_of_exchanges_are_found(body, message, code):
    refused = meaning(ccxt.InsufficientFunds("x"), Told(200, body=body))

    assert (refused.message, refused.code) == (message, code)


def test_our_own_errors_pass_as_they_are():
    own = RateLimited("later", until=NOW)

    assert meaning(own) is own


def coded(code: str) -> Told:
    """An answer with a code, as each of the exchanges writes it."""
    if code.startswith("E"):
        return Told(200, body={"error": [code]})
    if code.startswith("51"):
        return Told(200, body={"code": "1", "msg": "All operations failed", "data": [{"sCode": code, "sMsg": "no"}]})
    return Told(200, body={"retCode": code, "retMsg": "no", "code": code, "msg": "no"})


@pytest.mark.parametrize(
    ("exchange", "code", "reason"),
    [
        (BYBIT, "110094", RejectReason.MIN_NOTIONAL),
        (OKX, "51169", RejectReason.REDUCE_ONLY_REFUSED),
        (OKX, "51121", RejectReason.LOT_SIZE),
        (BITGET, "22002", RejectReason.REDUCE_ONLY_REFUSED),
        (BITGET, "40774", RejectReason.POSITION_SIDE_MISMATCH),
        (BITGET, "45115", RejectReason.PRICE_FILTER),
        (KRAKEN, "EOrder:Cost minimum not met", RejectReason.MIN_NOTIONAL),
        (KRAKEN, "EOrder:Post only order", RejectReason.POST_ONLY_WOULD_TAKE),
    ],
)
def test_a_code_of_the_exchange_proves_a_refusal_that_ccxt_does_not_know(exchange, code, reason):
    refused = meaning(ccxt.ExchangeError("no"), coded(code), exchange=exchange)

    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.code) == (reason, code)


@pytest.mark.parametrize(
    ("exchange", "code", "error"),
    [
        (OKX, "51016", ccxt.InvalidOrder("Client order ID already exists.")),
        (BITGET, "40786", ccxt.ExchangeError("Duplicate clientOid")),
        (KRAKEN, "EOrder:cl_ord_id already in use", ccxt.InvalidOrder("x")),
        (BITGET, "40010", ccxt.AuthenticationError("Request timed out")),
        (Exchange(), "7", ccxt.InvalidOrder("Client order ID already exists.")),
    ],
)
def test_a_taken_client_id_and_a_time_out_prove_nothing_whatever_ccxt_takes_them_for(exchange, code, error):
    told = Told(200, body={"code": code, "msg": str(error)}) if not code.startswith("E") else coded(code)

    assert type(meaning(error, told, exchange=exchange)) is OutcomeUnknown
    assert type(meaning(error, told, exchange=exchange, writes=False)) is VenueDown


@pytest.mark.parametrize(
    ("exchange", "code"),
    [(BYBIT, "10006"), (OKX, "50011"), (OKX, "50061"), (BITGET, "40918"), (KRAKEN, "EAPI:Rate limit exceeded")],
)
def test_the_limit_of_one_account_stops_that_account_alone(exchange, code):
    limited = meaning(ccxt.RateLimitExceeded("slow"), coded(code), exchange=exchange)

    assert type(limited) is Retryable
    assert timedelta(seconds=1) <= limited.after <= timedelta(seconds=10)
    assert type(meaning(ccxt.RateLimitExceeded("slow"), coded(code), exchange=exchange, signed=False)) is RateLimited


def test_an_exchange_that_answers_429_has_done_nothing_whatever_ccxt_takes_it_for():
    told = Told(429, {"Retry-After": "30"}, "error code: 1015")
    limited = meaning(ccxt.ExchangeNotAvailable("429"), told, exchange=OKX)

    assert isinstance(limited, RateLimited)
    assert limited.until == NOW + timedelta(seconds=30)


def test_a_wrong_signature_at_kraken_is_the_keys_fault():
    assert type(meaning(ccxt.ExchangeError("?"), coded("EAPI:Invalid signature"), exchange=KRAKEN)) is AuthFailed


def test_what_kraken_did_not_do_in_time_may_be_sent_again():
    late = coded("EService:Deadline elapsed")

    assert type(meaning(ccxt.ExchangeError("?"), late, exchange=KRAKEN)) is Retryable


def test_a_side_that_an_account_lacks_is_told_as_such():
    told = Told(200, body={"code": "1", "data": [{"sCode": "51000", "sMsg": "Parameter posSide error"}]})
    refused = meaning(ccxt.BadRequest("x"), told, exchange=OKX)

    assert isinstance(refused, Rejected)
    assert refused.reason == RejectReason.POSITION_SIDE_MISMATCH
