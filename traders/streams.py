"""The live streams of leaders: everything, one leader, one symbol; and a leader's present state on request."""

from collections.abc import Mapping
from typing import Any

from copytrade.lib.errors import InvalidInput
from copytrade.realtime.registry import Caller, Stream, register_request, register_stream
from traders.selectors.leaders import leader_get
from traders.selectors.state import leader_state
from traders.selectors.symbols import symbol_known
from traders.stream_names import ALL, symbol_stream, trader_stream


def name_of_all(data: Any) -> str:
    """Return the stream that carries everything."""
    return ALL


def name_of_trader(data: Any) -> str:
    """Return the stream of a leader."""
    return trader_stream(*_trader(data))


def name_of_symbol(data: Any) -> str:
    """Return the stream of a symbol."""
    return symbol_stream(_symbol(data))


def check_anybody(caller: Caller, data: Any) -> None:
    """Let everybody in."""


def check_trader(caller: Caller, data: Any) -> None:
    """Refuse a leader that is not known, or not public."""
    leader_get(*_trader(data))


def check_symbol(caller: Caller, data: Any) -> None:
    """Refuse a symbol that is not known."""
    symbol_known(_symbol(data))


def sync_trader(caller: Caller, data: Any) -> Mapping[str, Any]:
    """Return what a leader holds and is worth now."""
    return leader_state(leader_get(*_trader(data)))


def _trader(data: Any) -> tuple[str, str]:
    platform = data.get("platform", "binance") if isinstance(data, dict) else "binance"
    if not isinstance(platform, str):
        raise InvalidInput([{"path": "data.platform", "message": "must be a text"}])
    return platform, _text(data, "traderId", "leadId")


def _symbol(data: Any) -> str:
    return _text(data, "symbol").upper()


def _text(data: Any, *names: str) -> str:
    value = next((data[name] for name in names if name in data), None) if isinstance(data, dict) else data
    if not isinstance(value, str) or not value or "\0" in value:
        raise InvalidInput([{"path": "data", "message": f"must be the {names[0]} as a text"}])
    return value


register_stream("all", Stream(name_of_all, check_anybody))
register_stream("trader", Stream(name_of_trader, check_trader))
register_stream("symbol", Stream(name_of_symbol, check_symbol))
register_request("request:sync", sync_trader)
