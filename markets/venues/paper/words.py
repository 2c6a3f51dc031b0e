"""Why a paper order ended, and what an account lacks, as people read it (pure)."""

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal

from copytrade.lib.wire import plain_digits
from markets.venues.errors import RejectReason

LIQUIDATION = "LIQUIDATION"  # the reason of what a liquidation ends and of what it places
IOC_REST, FOK_REST = "IOC_REST", "FOK_REST"
SHOWN_STEP = Decimal("1e-8")
ENDED: Mapping[str, str] = {
    LIQUIDATION: "Liquidated: what the account had no longer kept its positions.",
    IOC_REST: "What could not be traded at once within its price expired, as an IOC order does.",
    FOK_REST: "Not all of it could be traded at once within its price, and a FOK order takes all or nothing.",
    RejectReason.INSUFFICIENT_MARGIN: "When its price came, the account's margin was insufficient.",
    RejectReason.INSUFFICIENT_BALANCE: "When its price came, the account's balance was insufficient.",
    RejectReason.REDUCE_ONLY_REFUSED: "When its price came, there was nothing left to reduce.",
    RejectReason.POST_ONLY_WOULD_TAKE: "When its price came, it would have traded at once, and it was post-only.",
}


def told_end(reason: str) -> str:
    """Return the sentence for the reason with which an order ended; one that has none stays as it is."""
    return ENDED.get(reason, reason)


def lacking(amount: Decimal, asset: str) -> str:
    """Return an amount that an account lacks, rounded up, with its asset."""
    return f"{plain_digits(amount.quantize(SHOWN_STEP, ROUND_UP))} {asset}"
