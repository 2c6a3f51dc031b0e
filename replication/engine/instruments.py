"""What leaders trade, whatever it is called where it is traded (pure)."""

import re
from dataclasses import dataclass
from functools import lru_cache

# Quotes that are worth the same: a trade in one of them may be copied in another.
SAME_WORTH = (frozenset({"USDT", "USDC", "FDUSD", "BUSD", "TUSD", "DAI", "USD"}),)
_thousands = re.compile(r"^(1(?:000)+)([A-Z].*)$")


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol, and what is exchanged for what."""

    symbol: str
    base_asset: str
    quote_asset: str


def plain_base(asset: str) -> tuple[str, int]:
    """Return the coin itself and how many of it the name stands for: `1000SHIB` is a thousand SHIB."""
    match = _thousands.match(asset)
    return (match[2], int(match[1])) if match else (asset, 1)


@lru_cache(maxsize=256)
def quotes_like(quote: str) -> frozenset[str]:
    """Return the quotes that are worth the same as this one, itself included."""
    return frozenset({quote}.union(*(group for group in SAME_WORTH if quote in group)))
