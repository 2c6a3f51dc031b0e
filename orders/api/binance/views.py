"""Placing, listing, reading and cancelling orders in Binance's words."""

from collections.abc import Callable

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.accounts.permissions import MayRead, MayReadOrTrade, MayTrade
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.paging import read_page
from copytrade.lib.api.parsers import UndecodedJson
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle
from copytrade.lib.errors import MalformedJson
from copytrade.lib.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from orders.api.binance.examples import FUTURES_EXAMPLES, LIST, ONE, SPOT_EXAMPLES
from orders.api.binance.queries import list_parameters, order_parameters, read_list_query, read_order_query
from orders.api.binance.shapes import (
    MESSAGES,
    PageMeta,
    PlacedAnswer,
    PlacedMeta,
    ProxyOrderAnswer,
    ProxyOrdersAnswer,
    proxy_order,
)
from orders.models import Order
from orders.proxy.parameters import Family, body_schema
from orders.selectors.recent import proxy_order_get, recent_orders
from orders.services.placing import order_cancel, order_refresh
from orders.services.proxy import Placed, proxy_order_place
from orders.states import FINAL, OrderState

TAGS = ["Binance order proxy"]
EXAMPLES = {Family.SPOT: SPOT_EXAMPLES, Family.FUTURES: FUTURES_EXAMPLES}
PLACING = (
    "Takes Binance's own parameter names, or snake_case. All of it is checked before Binance is called: the order "
    "type's parameters, the account's position mode, the market's filters. The order is then written, sent once, and "
    "answered with Binance's own response in `binance_response`.\n\n"
    "**201** it was placed. **200** this key and body placed it before; nothing was placed now. **202** Binance did "
    "not say what became of it: it is being resolved by asking Binance; never place it again. **4xx, 503** it was "
    "not placed; `details` names the order's row and Binance's code and message.\n\n"
    "A request is known by its `Idempotency-Key`, else by its client order id."
)
Method = Callable[..., Response]


class ProxyView(APIView):
    """What the proxy's endpoints share."""

    family = Family.SPOT
    failures = ("404",)

    def user(self, request: Request) -> User:
        """Return who asks."""
        assert isinstance(request.user, User)
        return request.user


class OrderView(ProxyView):
    """One order: placed, read, cancelled."""

    permission_classes = [MayReadOrTrade]
    parser_classes = [UndecodedJson]

    def get_throttles(self) -> list[BaseThrottle]:
        """Orders have a budget of their own; cancelling takes risk away, and never waits for that of orders."""
        return [ApiThrottle(), WriteThrottle()] if self.request.method == "POST" else [ApiThrottle()]

    def place(self, request: Request) -> Response:
        """Place the order of the body."""
        body = request.data
        if not isinstance(body, bytes) or not body:
            raise MalformedJson("The body is empty: send a JSON object.")
        placed = proxy_order_place(
            user=self.user(request), family=self.family, body=body, idempotency_key=read_idempotency_key(request)
        )
        return _placed(placed)

    def find(self, request: Request) -> Order:
        """Return the order that the query names."""
        query = read_order_query(request.query_params, self.family)
        return proxy_order_get(
            user=self.user(request),
            kind=query.kind,
            symbol=query.symbol,
            venue_order_id=query.venue_order_id,
            client_order_id=query.client_order_id,
            account_id=query.account_id,
        )

    def read(self, request: Request) -> Response:
        """Return the order as the venue has it now, or as it was last known where the venue does not answer."""
        order = self.find(request)
        if order.state not in FINAL:
            order = order_refresh(order=order)
        return success(proxy_order(order))

    def cancel(self, request: Request) -> Response:
        """Cancel the order; while the venue has not confirmed it, the answer is 202 and it is asked again."""
        order = order_cancel(order=self.find(request))
        response = success(proxy_order(order))
        response.status_code = 200 if order.state in FINAL else 202
        return response


class OrdersView(ProxyView):
    """Recent orders."""

    permission_classes = [MayRead]

    def recent(self, request: Request) -> Response:
        """Return the caller's recent orders."""
        query, page = read_list_query(request.query_params, self.family), read_page(request.query_params)
        orders, total = recent_orders(
            user=self.user(request),
            kinds=query.kinds,
            symbol=query.symbol,
            account_id=query.account_id,
            page=page,
        )
        return success([proxy_order(order) for order in orders], meta=PageMeta(total, page.limit, page.offset))


def describes_placing(family: Family, operation_id: str, summary: str) -> Callable[[Method], Method]:
    """Describe a placing for the schema."""
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=PLACING,
        tags=TAGS,
        parameters=[IDEMPOTENCY_PARAMETER],
        request={"application/json": body_schema(family)},
        responses={200: PlacedAnswer, 201: PlacedAnswer, 202: PlacedAnswer},
        examples=EXAMPLES[family],
    )


def describes_reading(family: Family, operation_id: str, summary: str) -> Callable[[Method], Method]:
    """Describe the reading of one order for the schema."""
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description="Asks Binance where the order is not final; answers what is known where Binance does not.",
        tags=TAGS,
        parameters=order_parameters(family),
        responses=ProxyOrderAnswer,
        examples=ONE,
    )


def describes_cancelling(family: Family, operation_id: str, summary: str) -> Callable[[Method], Method]:
    """Describe a cancel for the schema."""
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=(
            "Answers the order as it is then: one that had filled stays filled. **202** where Binance has not "
            "confirmed it yet; it is asked again until it has."
        ),
        tags=TAGS,
        parameters=order_parameters(family),
        responses={200: ProxyOrderAnswer, 202: ProxyOrderAnswer},
        examples=ONE,
    )


def describes_list(family: Family, operation_id: str, summary: str) -> Callable[[Method], Method]:
    """Describe a list for the schema."""
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=(
            "Orders that were placed through the proxy: all that are open, and the last three that are finished of "
            "each account and market."
        ),
        tags=TAGS,
        parameters=list_parameters(family),
        responses=ProxyOrdersAnswer,
        examples=LIST,
    )


class SpotOrderView(OrderView):
    """A spot order."""

    family = Family.SPOT

    @describes_placing(Family.SPOT, "binance_spot_order_place", "Place a spot order")
    def post(self, request: Request) -> Response:
        """Place a spot order."""
        return self.place(request)

    @describes_reading(Family.SPOT, "binance_spot_order_get", "A spot order")
    def get(self, request: Request) -> Response:
        """Return a spot order."""
        return self.read(request)

    @describes_cancelling(Family.SPOT, "binance_spot_order_cancel", "Cancel a spot order")
    def delete(self, request: Request) -> Response:
        """Cancel a spot order."""
        return self.cancel(request)


class OlderSpotOrderView(OrderView):
    """The older route of spot orders."""

    family = Family.SPOT
    permission_classes = [MayTrade]

    @describes_placing(Family.SPOT, "binance_order_place", "Place a spot order (older route)")
    def post(self, request: Request) -> Response:
        """Place a spot order."""
        return self.place(request)


class FuturesOrderView(OrderView):
    """A USD-M or COIN-M order."""

    family = Family.FUTURES

    @describes_placing(Family.FUTURES, "binance_futures_order_place", "Place a USD-M or COIN-M futures order")
    def post(self, request: Request) -> Response:
        """Place a futures order."""
        return self.place(request)

    @describes_reading(Family.FUTURES, "binance_futures_order_get", "A futures order")
    def get(self, request: Request) -> Response:
        """Return a futures order."""
        return self.read(request)

    @describes_cancelling(Family.FUTURES, "binance_futures_order_cancel", "Cancel a futures order")
    def delete(self, request: Request) -> Response:
        """Cancel a futures order."""
        return self.cancel(request)


class SpotOrdersView(OrdersView):
    """Recent spot orders."""

    family = Family.SPOT

    @describes_list(Family.SPOT, "binance_spot_orders", "Recent spot orders")
    def get(self, request: Request) -> Response:
        """Return recent spot orders."""
        return self.recent(request)


class FuturesOrdersView(OrdersView):
    """Recent futures orders."""

    family = Family.FUTURES

    @describes_list(Family.FUTURES, "binance_futures_orders", "Recent futures orders")
    def get(self, request: Request) -> Response:
        """Return recent futures orders."""
        return self.recent(request)


def _placed(placed: Placed) -> Response:
    message = MESSAGES.get(OrderState(placed.order.state))
    response = success(proxy_order(placed.order), meta=PlacedMeta(placed.repeated, message))
    response.status_code = 202 if message else 200 if placed.repeated else 201
    return response
