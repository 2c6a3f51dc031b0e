"""What a market's filters say to an order, by the names of the caller's parameters (pure)."""

from decimal import Decimal

from copytrade.lib.structs import Problems
from markets.filters import Filters
from markets.rounding import check_order
from markets.venues.vocabulary import PRICED_TYPES, MarketKind, Side
from orders.proxy.reading import Given
from orders.proxy.rules import RULES, only_closes

# The first number behind a problem tells what it is about.
PARAMETERS = {"quantity": "quantity", "price": "price", "stop_price": "stopPrice"}


def check_filters(
    given: Given,
    kind: MarketKind,
    filters: Filters,
    *,
    contract_size: Decimal,
    problems: Problems,
    reference_price: Decimal | None = None,
    mark_price: Decimal | None = None,
) -> None:
    """Note every filter that an order breaks, with the numbers; worth and band are checked where prices are known.

    The parameters may have problems already: what could not be read is not checked.
    """
    rule = RULES[given.family].get(given.text("type"))
    found = check_order(
        filters,
        kind=kind,
        side=Side.SELL if given.text("side") == Side.SELL else Side.BUY,
        market_order=rule is not None and rule.house not in PRICED_TYPES,
        quantity=given.amount("quantity"),
        quote_quantity=given.amount("quoteOrderQty"),
        price=given.amount("price"),
        stop_price=given.amount("stopPrice"),
        reference_price=reference_price,
        mark_price=mark_price,
        reduce_only=only_closes(given),
        contract_size=contract_size,
    )
    worth = "quantity" if given.has("quantity") else "quoteOrderQty"
    for problem in found:
        problems.add(given.path(PARAMETERS.get(next(iter(problem.numbers)), worth)), problem.message)
    for problem in check_order(
        filters, kind=kind, side=Side.BUY, market_order=False, stop_price=given.amount("activationPrice")
    ):
        problems.add(given.path("activationPrice"), problem.message)
    for problem in check_order(
        filters, kind=kind, side=Side.BUY, market_order=False, quantity=given.amount("icebergQty")
    ):
        problems.add(given.path("icebergQty"), problem.message)
