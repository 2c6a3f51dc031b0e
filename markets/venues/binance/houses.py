"""The three houses of Binance: which addresses, which budget (data)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from markets.venues.base import Capabilities
from markets.venues.binance.capabilities import COIN_M, SPOT, USD_M
from markets.venues.budget_rules import Pool, Span
from markets.venues.vocabulary import MarketKind

MINUTE = timedelta(minutes=1)
TEN_SECONDS = timedelta(seconds=10)
SPOT_ORDERS = (Span(TEN_SECONDS, 50), Span(timedelta(days=1), 160_000))
FUTURES_ORDERS = (Span(TEN_SECONDS, 300), Span(MINUTE, 1200))
DATA_REQUESTS = Span(timedelta(minutes=5), 1000)


class Addresses(Protocol):
    """The settings that are read here."""

    BINANCE_SPOT_URL: str
    BINANCE_USDM_URL: str
    BINANCE_COINM_URL: str
    BINANCE_SPOT_STREAM_URL: str
    BINANCE_USDM_STREAM_URL: str
    BINANCE_COINM_STREAM_URL: str
    BINANCE_SPOT_WS_API_URL: str
    BINANCE_SPOT_WEIGHT_LIMIT: int
    BINANCE_FUTURES_WEIGHT_LIMIT: int


@dataclass(frozen=True)
class House:
    """One of Binance's venues. `pools` are the budgets by the name that endpoints use.

    `rest` gives the address of each part of its API; `book_stream`, `mark_stream` and `private_stream` are the
    beginnings of the addresses of streams (empty where there is no such stream).
    """

    slug: str
    kind: MarketKind
    capabilities: Capabilities
    rest: Mapping[str, str]
    pools: Mapping[str, Pool]
    book_stream: str
    mark_stream: str
    private_stream: str
    websocket_api: str = ""


def house(slug: str, settings: Addresses | Any) -> House:
    """Return the house of this slug at the addresses of the settings."""
    return {"binance": _spot, "binanceusdm": _usd_m, "binancecoinm": _coin_m}[slug](settings)


def _pool(name: str, url: str, weight: Span, orders: tuple[Span, ...] = ()) -> Pool:
    # The host is part of the name: the venue's test installation counts on its own.
    return Pool(f"{name}@{urlsplit(url).netloc}", weight, orders)


def _futures_pool(settings: Addresses) -> Pool:
    # Both futures markets are one pool since 2026-06-30.
    return _pool(
        "binance-futures",
        settings.BINANCE_USDM_URL,
        Span(MINUTE, settings.BINANCE_FUTURES_WEIGHT_LIMIT),
        FUTURES_ORDERS,
    )


def _spot(settings: Addresses) -> House:
    url, streams = settings.BINANCE_SPOT_URL, settings.BINANCE_SPOT_STREAM_URL
    return House(
        slug="binance",
        kind=MarketKind.SPOT,
        capabilities=SPOT,
        rest={"public": f"{url}/api/v3", "private": f"{url}/api/v3", "sapi": f"{url}/sapi/v1"},
        pools={"": _pool("binance-spot", url, Span(MINUTE, settings.BINANCE_SPOT_WEIGHT_LIMIT), SPOT_ORDERS)},
        book_stream=f"{streams}/stream?streams=",
        mark_stream="",
        private_stream="",
        websocket_api=settings.BINANCE_SPOT_WS_API_URL,
    )


def _usd_m(settings: Addresses) -> House:
    url, streams = settings.BINANCE_USDM_URL, settings.BINANCE_USDM_STREAM_URL
    return House(
        slug="binanceusdm",
        kind=MarketKind.USD_M,
        capabilities=USD_M,
        rest={
            "fapiPublic": f"{url}/fapi/v1",
            "fapiPrivate": f"{url}/fapi/v1",
            "fapiPrivateV3": f"{url}/fapi/v3",
            "fapiData": f"{url}/futures/data",
            "private": f"{settings.BINANCE_SPOT_URL}/api/v3",
            "sapi": f"{settings.BINANCE_SPOT_URL}/sapi/v1",
        },
        pools={
            "": _futures_pool(settings),
            "data": _pool("binance-data", url, DATA_REQUESTS),
            "spot": _pool("binance-spot", settings.BINANCE_SPOT_URL, Span(MINUTE, settings.BINANCE_SPOT_WEIGHT_LIMIT)),
        },
        book_stream=f"{streams}/public/stream?streams=",
        mark_stream=f"{streams}/market/stream?streams=",
        private_stream=f"{streams}/private/ws/",
    )


def _coin_m(settings: Addresses) -> House:
    url, streams = settings.BINANCE_COINM_URL, settings.BINANCE_COINM_STREAM_URL
    return House(
        slug="binancecoinm",
        kind=MarketKind.COIN_M,
        capabilities=COIN_M,
        rest={
            "dapiPublic": f"{url}/dapi/v1",
            "dapiPrivate": f"{url}/dapi/v1",
            "dapiData": f"{url}/futures/data",
            "private": f"{settings.BINANCE_SPOT_URL}/api/v3",
            "sapi": f"{settings.BINANCE_SPOT_URL}/sapi/v1",
        },
        pools={
            "": _futures_pool(settings),
            "data": _pool("binance-data", url, DATA_REQUESTS),
            "spot": _pool("binance-spot", settings.BINANCE_SPOT_URL, Span(MINUTE, settings.BINANCE_SPOT_WEIGHT_LIMIT)),
        },
        book_stream=f"{streams}/stream?streams=",
        mark_stream=f"{streams}/stream?streams=",
        private_stream=f"{streams}/ws/",
    )
