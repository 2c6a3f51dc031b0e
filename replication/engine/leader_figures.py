"""What is read out of a leader's own report (pure)."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from replication.engine.instruments import Instrument

# Longest first, so that BTCFDUSD is not taken for BTCF in USD.
QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "USD", "INR", "BTC", "ETH")
LARGEST = Decimal(10) ** 30  # more is no money
LONGEST_ASSET = 32
MARGIN_FIELDS = ("marginBalance", "margin_balance", "leaderMarginBalance")


def leader_margin(raw: Mapping[str, Any]) -> Decimal | None:
    """Return the leader's margin balance as the newest report tells it, wherever in it, None where it does not."""
    for value in _objects(raw):
        for name in MARGIN_FIELDS:
            amount = _amount(value.get(name))
            if amount is not None and 0 < amount < LARGEST:
                return amount
    return None


def split_symbol(symbol: str, base_asset: str = "") -> Instrument:
    """Return the assets of a symbol that no venue of this installation lists, by its ending."""
    if base_asset and symbol.startswith(base_asset):
        return _instrument(symbol, base_asset, symbol.removeprefix(base_asset).partition("_")[0])
    name = symbol.partition("_")[0]
    quote = next((quote for quote in QUOTES if name.endswith(quote) and name != quote), "")
    return _instrument(symbol, name.removesuffix(quote) if quote else name, quote)


def _instrument(symbol: str, base_asset: str, quote_asset: str) -> Instrument:
    """Cut what no asset is called: it stands for nothing anywhere, and must not hold up the leader's other trades."""
    return Instrument(symbol, base_asset[:LONGEST_ASSET], quote_asset[:LONGEST_ASSET])


def _objects(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, Mapping):
        return []
    return [value, *(inner for each in value.values() for inner in _objects(each))]


def _amount(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
