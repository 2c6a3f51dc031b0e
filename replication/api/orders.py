"""Orders of people: placed by hand, listed, read with their whole chain, cancelled."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.accounts.permissions import MayRead, MayTrade
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.paging import (
    CURSOR_PARAMETER,
    LIMIT_PARAMETER,
    OFFSET_PARAMETER,
    read_cursor,
    read_page,
)
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle
from copytrade.lib.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from markets.selectors.known import symbol_known
from orders.api.answers import sent
from orders.api.bodies import UndecodedJson, read_body
from orders.selectors.accounts import account_get
from orders.services.placing import order_cancel
from orders.states import FINAL, IN_DOUBT, OrderState
from replication.api.orders_examples import (
    COPIED_ORDER,
    COPY_STORY,
    MARKET_BODY,
    MASTER_ORDER,
    MASTER_STORY,
    STOP_BODY,
    answer,
)
from replication.api.orders_presenting import order_story, traded_order
from replication.api.orders_reading import ORDER_FILTERS, NewOrderBody, read_order_filter, wish_of
from replication.api.orders_shapes import (
    OrderMeta,
    OrderStoryAnswer,
    PlacedOrderAnswer,
    TradedOrderAnswer,
    TradedOrdersAnswer,
)
from replication.selectors.orders import order_chain, order_get, orders_list
from replication.services.placing import Placed, order_place
from traders.api.serializers import CursorMeta

TAGS = ["Orders"]
ORDER_ID = OpenApiParameter(
    "order_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="The number of the order."
)
NOT_SENT_YET = IN_DOUBT | {OrderState.PENDING}
PLACING = (
    "Checks the order, writes it, sends it, and answers with it as it is then. What an account trades that leads is "
    "copied by those who follow, as soon as it fills.\n\n"
    "**201** it was placed. **200** this key and body placed it before; nothing was placed now. **202** its venue has "
    "not said yet what became of it, and is being asked; never place it again. **4xx, 503** it was not placed.\n\n"
    "A request is known by its `Idempotency-Key`, else by its `client_order_id`. `price` on a MARKET order is not read."
)


class PeoplesOrderView(APIView):
    """What all views of orders share."""

    permission_classes = [MayRead]

    def user(self, request: Request) -> User:
        """Return whose orders they are."""
        assert isinstance(request.user, User)
        return request.user


class OrderPlaceView(PeoplesOrderView):
    """Placing."""

    permission_classes = [MayTrade]
    throttle_classes = [ApiThrottle, WriteThrottle]
    parser_classes = [UndecodedJson]
    failures = ("404",)

    @extend_schema(
        operation_id="order_place",
        summary="Place an order",
        description=PLACING,
        tags=TAGS,
        parameters=[IDEMPOTENCY_PARAMETER],
        request=NewOrderBody,
        responses={201: PlacedOrderAnswer, 200: PlacedOrderAnswer, 202: PlacedOrderAnswer},
        examples=[
            sent(MARKET_BODY, "At the market"),
            sent(STOP_BODY, "A stop that only closes"),
            answer(MASTER_ORDER, "Placed", status="201", meta={"repeated": False}),
            answer(MASTER_ORDER, "Placed before", meta={"repeated": True}),
        ],
    )
    def post(self, request: Request) -> Response:
        """Place an order and return it."""
        wish = wish_of(read_body(request, NewOrderBody))
        key = read_idempotency_key(request)
        placed = order_place(user=self.user(request), wish=wish, idempotency_key=key)
        view = order_get(user=self.user(request), order_id=placed.order.pk)
        response = success(traded_order(view), meta=OrderMeta(placed.repeated))
        response.status_code = _status(placed)
        return response


class MyOrdersView(PeoplesOrderView):
    """The caller's orders."""

    failures = ("404",)

    @extend_schema(
        operation_id="my_orders",
        summary="My orders",
        tags=TAGS,
        parameters=[*ORDER_FILTERS, LIMIT_PARAMETER, CURSOR_PARAMETER, OFFSET_PARAMETER],
        responses=TradedOrdersAnswer,
        examples=[
            answer([COPIED_ORDER, MASTER_ORDER], "Orders", meta={"next_cursor": None, "limit": 50}),
        ],
    )
    def get(self, request: Request) -> Response:
        """Return the orders of all of the caller's accounts, whoever wanted them, newest first."""
        query, user = request.query_params, self.user(request)
        page, wanted = read_page(query), read_order_filter(query)
        if wanted.account_id is not None:
            account_get(user, wanted.account_id)
        views, following = orders_list(
            user=user, wanted=wanted, limit=page.limit, offset=page.offset, after=read_cursor(query)
        )
        if not views and wanted.symbol:
            symbol_known(wanted.symbol)
        meta = CursorMeta(following.encode() if following else None, page.limit)
        return success([traded_order(view) for view in views], meta=meta)


class PeoplesOrderDetailView(PeoplesOrderView):
    """One order."""

    @extend_schema(
        operation_id="order_get",
        summary="An order with its whole chain",
        tags=TAGS,
        parameters=[ORDER_ID],
        responses=OrderStoryAnswer,
        examples=[answer(COPY_STORY, "A copy"), answer(MASTER_STORY, "A master's order")],
    )
    def get(self, request: Request, order_id: int) -> Response:
        """Return an order with how it came about and what came of it.

        For a copy: the leader's trades, the decision with its numbers and cuts, and how long each hop took. For a
        master's order: what became of it at those who copy. Somebody else's order is 404.
        """
        return success(order_story(order_chain(user=self.user(request), order_id=order_id)))


class OrderCancelView(PeoplesOrderView):
    """Cancelling, which never waits for the budget of orders: it takes risk away."""

    permission_classes = [MayTrade]

    @extend_schema(
        operation_id="order_cancel",
        summary="Cancel an order",
        tags=TAGS,
        parameters=[ORDER_ID],
        request=None,
        responses={200: TradedOrderAnswer, 202: TradedOrderAnswer},
        examples=[
            answer({**MASTER_ORDER, "status": "CANCELLED", "state": "CANCELED"}, "Cancelled"),
            answer({**MASTER_ORDER, "status": "SUBMITTED", "state": "NEW"}, "Not confirmed yet", status="202"),
        ],
    )
    def post(self, request: Request, order_id: int) -> Response:
        """Cancel an order and return it; one that is over stays as it is.

        While the venue has not confirmed it, the answer is 202, and the venue is asked again.
        """
        user = self.user(request)
        order = order_cancel(order=order_get(user=user, order_id=order_id).order)
        response = success(traded_order(order_get(user=user, order_id=order_id)))
        response.status_code = 200 if order.state in FINAL else 202
        return response


def _status(placed: Placed) -> int:
    if placed.order.state in NOT_SENT_YET:
        return 202
    return 200 if placed.repeated else 201
