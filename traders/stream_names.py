"""The names of this app's live streams."""

ALL = "all"


def trader_stream(platform: str, external_id: str) -> str:
    """Return the stream of a leader."""
    return f"trader:{platform}:{external_id}"


def symbol_stream(symbol: str) -> str:
    """Return the stream of a symbol."""
    return f"symbol:{symbol}"
