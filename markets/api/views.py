"""Markets. Anybody may look at them; staff refresh them."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.permissions import IsStaff
from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from markets.api import examples
from markets.api.parameters import LIST_PARAMETERS, read_filter
from markets.api.serializers import MarketAnswer, MarketPageMeta, MarketsAnswer, QueuedTask, TaskAnswer
from markets.api.shapes import market_detail, market_item
from markets.prices import prices_of
from markets.selectors.markets import market_get, markets_list
from markets.services.sync import task_send
from markets.tasks import refresh_now

PARAMETERS = [*LIST_PARAMETERS, LIMIT_PARAMETER, OFFSET_PARAMETER]
MARKET_ID = OpenApiParameter("market_id", str, OpenApiParameter.PATH, description="The `id` in the lists.")
PAGE_EXAMPLE = examples.answer("Markets", [examples.BITCOIN], {"total": 1, "limit": 50, "offset": 0})


class MarketListView(APIView):
    """All markets."""

    permission_classes = [AllowAny]
    trading_only = False

    @extend_schema(
        operation_id="markets_list",
        summary="All markets",
        tags=["Markets"],
        parameters=PARAMETERS,
        responses=MarketsAnswer,
        examples=PAGE_EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Return markets by venue, kind and symbol, those that are delisted too."""
        return self.listed(request)

    def listed(self, request: Request) -> Response:
        """Return the page that a request asks for."""
        page = read_page(request.query_params)
        wanted = read_filter(request.query_params, trading_only=self.trading_only)
        rows, total = markets_list(wanted, page)
        return success([market_item(row) for row in rows], meta=MarketPageMeta(total, page.limit, page.offset))


class ActiveMarketListView(MarketListView):
    """Markets that trade."""

    trading_only = True

    @extend_schema(
        operation_id="markets_active",
        summary="Markets that trade",
        tags=["Markets"],
        parameters=PARAMETERS,
        responses=MarketsAnswer,
        examples=PAGE_EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Return the markets that trade now by venue, kind and symbol."""
        return self.listed(request)


class MarketView(APIView):
    """One market."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="market_get",
        summary="A market",
        tags=["Markets"],
        parameters=[MARKET_ID],
        responses=MarketAnswer,
        examples=examples.answer(
            "Market", {**examples.BITCOIN, **examples.OFFER, "filters": examples.RULES, "price": examples.PRICE}
        ),
    )
    def get(self, request: Request, market_id: str) -> Response:
        """Return a market with its rules, and its price where it is watched."""
        market = market_get(market_id)
        return success(market_detail(market, prices_of([market]).get(market.pk), timezone.now()))


class MarketRefreshView(APIView):
    """Asking venues for their markets."""

    permission_classes = [IsStaff]

    @extend_schema(
        operation_id="markets_refresh",
        summary="Refresh the markets of all venues in use",
        tags=["Markets"],
        request=None,
        responses={202: TaskAnswer},
        examples=examples.answer("Queued", {"task_id": examples.TASK_ID}, status="202"),
    )
    def post(self, request: Request) -> Response:
        """Have a worker ask the venues for their markets now. Only staff may."""
        response = success(QueuedTask(task_send(refresh_now.delay)))
        response.status_code = 202
        return response
