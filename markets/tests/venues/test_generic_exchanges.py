"""How orders are found at the exchanges of the allow-list, from what they answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from markets.tests.venues.scripted import ScriptedTransport
from markets.venues.base import AccountAccess, Credentials, OrderReference
from markets.venues.errors import Rejected, RejectReason, VenueDown
from markets.venues.generic.adapter import GenericVenue, make
from markets.venues.generic.capabilities import for_exchange
from markets.venues.vocabulary import MarketKind, OrderType, VenueStatus

ACCESS = AccountAccess("one", Credentials("key", "c2VjcmV0", "phrase"))

OKX_SWAP = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "uly": "BTC-USDT",
    "settleCcy": "USDT",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "ctType": "linear",
    "tickSz": "0.1",
    "lotSz": "0.01",
    "minSz": "0.01",
    "maxLmtSz": "100000000",
    "state": "live",
}
OKX_ORDER = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "ordId": "5",
    "clOrdId": "abc",
    "px": "50000",
    "sz": "2",
    "ordType": "limit",
    "side": "buy",
    "state": "partially_filled",
    "accFillSz": "1",
    "avgPx": "50000",
    "cTime": "1700000000000",
    "uTime": "1700000000001",
}
KRAKEN_PAIR = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "base": "XXBT",
    "quote": "ZUSD",
    "cost_decimals": 5,
    "pair_decimals": 1,
    "lot_decimals": 8,
    "fees": [[0, 0.4]],
    "fees_maker": [[0, 0.25]],
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
}
KRAKEN_ORDER = {
    "cl_ord_id": "abc",
    "status": "closed",
    "opentm": 1700000000.1234,
    "closetm": 1700000001.5,
    "descr": {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "price": "50000.0",
        "order": "buy 0.50000000 XBTUSD @ limit 50000.0",
    },
    "vol": "0.50000000",
    "vol_exec": "0.50000000",
    "cost": "25000.0",
    "fee": "40.0",
    "price": "50000.0",
    "oflags": "fciq",
}
BITGET_CONTRACT = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "supportMarginCoins": ["USDT"],
    "minTradeNum": "0.001",
    "priceEndStep": "1",
    "volumePlace": "3",
    "pricePlace": "1",
    "sizeMultiplier": "0.001",
    "symbolType": "perpetual",
    "minTradeUSDT": "5",
    "symbolStatus": "normal",
}
BITGET_ORDER = {
    "symbol": "BTCUSDT",
    "size": "0.01",
    "orderId": "9",
    "clientOid": "abc",
    "baseVolume": "0.01",
    "price": "50000",
    "priceAvg": "50000",
    "state": "filled",
    "side": "buy",
    "force": "gtc",
    "orderType": "limit",
    "posMode": "one_way_mode",
    "cTime": "1700000000000",
    "uTime": "1700000000001",
}


def okx(**replies: Any) -> ScriptedTransport:
    listed = {"SWAP": [OKX_SWAP]}
    return ScriptedTransport(
        {
            "public/instruments": lambda asked: {"code": "0", "data": listed.get(asked["instType"], [])},
            "trade/order": {"code": "0", "data": [OKX_ORDER]},
            **{path.replace("__", "/"): reply for path, reply in replies.items()},
        }
    )


def kraken(*, open_orders: dict[str, Any] | None = None, closed: dict[str, Any] | None = None) -> ScriptedTransport:
    assets = {name: {"aclass": "currency", "altname": name[1:], "decimals": 8} for name in ("XXBT", "ZUSD")}
    return ScriptedTransport(
        {
            "AssetPairs": {"error": [], "result": {"XXBTZUSD": KRAKEN_PAIR}},
            "Assets": {"error": [], "result": assets},
            "OpenOrders": {"error": [], "result": {"open": open_orders or {}}},
            "ClosedOrders": {"error": [], "result": {"closed": closed or {}}},
        }
    )


def bitget(order: Any) -> ScriptedTransport:
    def contracts(asked: dict[str, Any]) -> Any:
        return {"code": "00000", "data": [BITGET_CONTRACT] if asked["productType"] == "USDT-FUTURES" else []}

    return ScriptedTransport(
        {"market/contracts": contracts, "order/detail": order, "": {"code": "00000", "msg": "success", "data": []}}
    )


@pytest.fixture
async def venues() -> AsyncIterator[list[GenericVenue]]:
    made: list[GenericVenue] = []
    yield made
    for venue in made:
        await venue.close()


def venue_of(slug: str, transport: ScriptedTransport, venues: list[GenericVenue]) -> GenericVenue:
    venue = make(slug)
    venue.connection.transport = transport  # type: ignore[assignment]
    venues.append(venue)
    return venue


def at(symbol: str, kind: MarketKind) -> OrderReference:
    return OrderReference(symbol, kind, OrderType.LIMIT, "abc")


async def test_okx_answers_for_one_order_and_counts_contracts(venues):
    transport = okx()
    venue = venue_of("okx", transport, venues)
    report = await venue.query(ACCESS, at("BTC-USDT-SWAP", MarketKind.USD_M))

    assert report is not None
    assert (report.status, report.venue_order_id) == (VenueStatus.PARTIALLY_FILLED, "5")
    assert [str(amount) for amount in (report.quantity, report.filled_quantity, report.filled_quote)] == [
        "2",
        "1",
        "500",
    ]
    assert transport.last("trade/order") == {"instId": "BTC-USDT-SWAP", "clOrdId": "abc"}
    (market,) = await venue.markets()
    assert str(market.contract_size) == str(market.filters.quantity_step) == "0.01"


async def test_okx_has_no_such_order_only_when_it_says_so(venues):
    missing = {"code": "51603", "msg": "Order does not exist", "data": []}
    venue = venue_of("okx", okx(trade__order=missing), venues)
    assert await venue.query(ACCESS, at("BTC-USDT-SWAP", MarketKind.USD_M)) is None

    busy = {"code": "50026", "msg": "System error. Try again later", "data": []}
    venue = venue_of("okx", okx(trade__order=busy), venues)
    with pytest.raises(VenueDown):
        await venue.query(ACCESS, at("BTC-USDT-SWAP", MarketKind.USD_M))


@pytest.mark.parametrize(
    ("granted", "trade", "withdraw"), [("read_only,trade", True, False), ("withdraw", False, True)]
)
async def test_okx_tells_what_a_key_may_do(venues, granted, trade, withdraw):
    reply = {"code": "0", "data": [{"perm": granted, "uid": "1"}]}
    permissions = await venue_of("okx", okx(account__config=reply), venues).permissions(ACCESS)

    assert (permissions.trade, permissions.withdraw) == (trade, withdraw)


async def test_kraken_is_asked_for_open_orders_first_and_then_for_past_ones(venues):
    transport = kraken(closed={"OABC": KRAKEN_ORDER})
    report = await venue_of("kraken", transport, venues).query(ACCESS, at("XXBTZUSD", MarketKind.SPOT))

    assert report is not None
    assert (report.status, report.venue_order_id, report.client_order_id) == (VenueStatus.FILLED, "OABC", "abc")
    assert str(report.filled_quantity) == "0.5"
    assert transport.last("OpenOrders")["cl_ord_id"] == transport.last("ClosedOrders")["cl_ord_id"] == "abc"


async def test_an_order_of_another_client_id_is_not_taken_for_the_one_asked(venues):
    transport = kraken(open_orders={"OXYZ": KRAKEN_ORDER | {"cl_ord_id": "xyz", "status": "open"}})

    assert await venue_of("kraken", transport, venues).query(ACCESS, at("XXBTZUSD", MarketKind.SPOT)) is None


async def test_bitget_answers_for_one_order_of_a_classic_account(venues):
    transport = bitget({"code": "00000", "data": BITGET_ORDER})
    report = await venue_of("bitget", transport, venues).query(ACCESS, at("BTCUSDT", MarketKind.USD_M))

    assert report is not None
    assert (report.status, report.venue_order_id) == (VenueStatus.FILLED, "9")
    assert not any("v3" in asked.path for asked in transport.asked)


async def test_a_market_of_a_kind_that_is_not_offered_is_unknown(venues):
    with pytest.raises(Rejected) as refused:
        await venue_of("kraken", kraken(), venues).query(ACCESS, at("XXBTZUSD", MarketKind.USD_M))
    assert refused.value.reason == RejectReason.UNKNOWN_SYMBOL


async def test_markets_that_could_not_be_loaded_are_loaded_with_the_next_question(venues):
    transport = okx()
    listing, transport.script["public/instruments"] = transport.script["public/instruments"], ConnectionError("reset")
    venue = venue_of("okx", transport, venues)
    with pytest.raises(VenueDown):
        await venue.query(ACCESS, at("BTC-USDT-SWAP", MarketKind.USD_M))
    transport.script["public/instruments"] = listing

    assert await venue.query(ACCESS, at("BTC-USDT-SWAP", MarketKind.USD_M))


@pytest.mark.parametrize("slug", ["bybit", "okx", "bitget", "kraken", "gate"])
def test_our_client_order_ids_fit_everywhere(slug):
    import re

    assert re.fullmatch(for_exchange(slug).client_order_id, "0123456789abcdef" * 2)
