"""What taking funds from a copy leaves of the peak below which its fall is counted (pure)."""

from decimal import ROUND_CEILING, Decimal, localcontext

from copytrade.lib.fields import DECIMAL_PLACES
from orders.accounting import EXACT

SMALLEST = Decimal(1).scaleb(-DECIMAL_PLACES)


def peak_left(*, peak: Decimal, worth: Decimal, taken: Decimal) -> Decimal:
    """Return the peak from which a copy has fallen by as many percent as before, once less than its worth is taken.

    What is worth more than its peak is at a new one. It is rounded up: the fall does not become less.
    """
    with localcontext(EXACT, rounding=ROUND_CEILING):
        return (max(peak, worth) * (worth - taken) / worth).quantize(SMALLEST)
