"""What a user's accounts hold."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from copytrade.lib.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from markets.selectors.known import symbol_known
from orders.api.answers import (
    CLOSING,
    PAGE,
    POSITION,
    SUMMARY,
    ClosingOrderAnswer,
    HeldPositionsAnswer,
    PositionSummaryAnswer,
    shown,
)
from orders.api.reading import (
    ACCOUNT_PARAMETER,
    CANCEL_PARAMETER,
    OPEN_PARAMETER,
    SYMBOL_PARAMETER,
    read_account,
    read_flag,
    read_symbol,
)
from orders.api.shapes import PositionSummary, asset_summary, closing_order, position_info
from orders.selectors.accounts import account_get
from orders.selectors.positions import PositionFilter, position_get, positions_list, positions_summary
from orders.services.closing import position_close
from traders.api.serializers import PageMeta

POSITION_ID = OpenApiParameter(
    "position_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="The number of the position."
)
FILTERS = [ACCOUNT_PARAMETER, SYMBOL_PARAMETER]
LISTED = [*FILTERS, LIMIT_PARAMETER, OFFSET_PARAMETER]
TAGS = ["Positions"]


class PositionsView(APIView):
    """What all views of positions share."""

    def user(self, request: Request) -> User:
        """Return whose positions they are."""
        assert isinstance(request.user, User)
        return request.user

    def wanted(self, request: Request, *, open_only: bool | None) -> PositionFilter:
        """Read the filters; an account that is not the user's is `NotFound`."""
        account_id = read_account(request.query_params)
        if account_id is not None:
            account_get(self.user(request), account_id)
        return PositionFilter(account_id, read_symbol(request.query_params), open_only)

    def page(self, request: Request, *, open_only: bool | None) -> Response:
        """Return a page of positions."""
        page = read_page(request.query_params)
        wanted = self.wanted(request, open_only=open_only)
        views, total = positions_list(self.user(request), wanted, page=page)
        if not total and wanted.symbol:
            symbol_known(wanted.symbol)
        return success([position_info(view) for view in views], meta=PageMeta(total, page.limit, page.offset))


class PositionListView(PositionsView):
    """All positions."""

    failures = ("404",)

    @extend_schema(
        operation_id="positions_list",
        summary="My positions",
        tags=TAGS,
        parameters=[*LISTED, OPEN_PARAMETER],
        responses=HeldPositionsAnswer,
        examples=[shown([POSITION], meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return positions, open and closed, those that moved last first."""
        return self.page(request, open_only=read_flag(request.query_params, "open"))


class OpenPositionsView(PositionsView):
    """Open positions."""

    failures = ("404",)

    @extend_schema(
        operation_id="positions_open",
        summary="My open positions",
        tags=TAGS,
        parameters=LISTED,
        responses=HeldPositionsAnswer,
        examples=[shown([POSITION], meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return what is held now, what moved last first."""
        return self.page(request, open_only=True)


class PositionSummaryView(PositionsView):
    """Totals."""

    failures = ("404",)

    @extend_schema(
        operation_id="positions_summary",
        summary="My positions in total",
        tags=TAGS,
        parameters=FILTERS,
        responses=PositionSummaryAnswer,
        examples=[shown(SUMMARY)],
    )
    def get(self, request: Request) -> Response:
        """Return count, exposure and results by settlement asset; assets are never added to one another."""
        wanted = self.wanted(request, open_only=None)
        totals = positions_summary(self.user(request), wanted)
        if not totals and wanted.symbol:
            symbol_known(wanted.symbol)
        return success(
            PositionSummary(
                open_positions=sum(total.open_positions for total in totals),
                assets=[asset_summary(total) for total in totals],
                stale=any(total.stale for total in totals),
            )
        )


class PositionCloseView(PositionsView):
    """Closing, which never waits for the budget of orders: it takes risk away."""

    @extend_schema(
        operation_id="position_close",
        summary="Close a position",
        description=(
            "Writes a market order that can only reduce, and sends it. What the venue refuses is a 4xx with its words. "
            "An order whose outcome is not known yet is answered with state `UNKNOWN`, and followed up.\n\n"
            "Open orders of the account against the position stay, unless `cancel_orders` is `true`. Where nothing at "
            "the venue keeps both from trading more than is held (on spot, at a broker of shares), they are 409 "
            "`CONFLICT`, with their numbers in `details.orders` and what they would close in `details.quantity`."
        ),
        tags=TAGS,
        parameters=[POSITION_ID, CANCEL_PARAMETER, IDEMPOTENCY_PARAMETER],
        request=None,
        responses=ClosingOrderAnswer,
        examples=[shown(CLOSING)],
    )
    def post(self, request: Request, position_id: int) -> Response:
        """Close a position at the market and return the order."""
        user = self.user(request)
        holding, key = position_get(user, position_id), read_idempotency_key(request)
        cancels = read_flag(request.query_params, "cancel_orders") or False
        order = position_close(user=user, holding=holding, cancel_orders=cancels, idempotency_key=key)
        return success(closing_order(order))
