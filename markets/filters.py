"""What a market allows: steps, ticks, bounds and the smallest order (pure)."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Filters:
    """The rules of one market. Quantities are in the venue's unit (base asset; contracts where inverse).

    A rule that the venue does not have is None. The `market_` ones hold for MARKET orders, on top of the others.
    """

    price_tick: Decimal | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    quantity_step: Decimal | None = None
    quantity_min: Decimal | None = None
    quantity_max: Decimal | None = None
    market_quantity_step: Decimal | None = None
    market_quantity_min: Decimal | None = None
    market_quantity_max: Decimal | None = None
    notional_min: Decimal | None = None
    notional_max: Decimal | None = None
    notional_min_on_market: bool = True
    notional_max_on_market: bool = False
    price_factor_up: Decimal | None = None
    price_factor_down: Decimal | None = None
    trigger_protect: Decimal | None = None
