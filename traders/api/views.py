"""The reads of leaders and symbols. They need no login."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.lib.api.paging import (
    CURSOR_PARAMETER,
    LIMIT_PARAMETER,
    OFFSET_PARAMETER,
    Cursor,
    read_cursor,
    read_page,
)
from copytrade.lib.api.responses import success
from traders import shapes
from traders.api.serializers import (
    KIND_PARAMETER,
    PLATFORM_PARAMETER,
    RANGE_PARAMETER,
    SYMBOL_PARAMETER,
    CursorMeta,
    FeedAnswer,
    HistoryAnswer,
    PageMeta,
    PositionsAnswer,
    RankingAnswer,
    SymbolsAnswer,
    TraderAnswer,
    read_kind,
    read_platform,
    read_symbol,
    read_window,
)
from traders.models import LeadTrader
from traders.selectors import facts, leaders, state, symbols
from traders.selectors.freshness import freshness_of

PAGE = [PLATFORM_PARAMETER, LIMIT_PARAMETER, OFFSET_PARAMETER]
FACTS = [*PAGE, CURSOR_PARAMETER]
LEAD_ID = OpenApiParameter("lead_id", str, OpenApiParameter.PATH, description="The leader's id at the platform.")
SYMBOL = OpenApiParameter("symbol", str, OpenApiParameter.PATH, description="As the venue writes it.")


class PublicView(APIView):
    """Anybody may read."""

    permission_classes = [AllowAny]


class SymbolListView(PublicView):
    """Totals by symbol."""

    @extend_schema(
        operation_id="symbols_list",
        summary="Symbols by open positions",
        tags=["Symbols"],
        parameters=PAGE,
        responses=SymbolsAnswer,
    )
    def get(self, request: Request) -> Response:
        """Return how many leaders are long and short in each symbol, most open positions first."""
        page = read_page(request.query_params)
        rows, total = symbols.symbols_list(platform=read_platform(request.query_params), page=page)
        meta = PageMeta(total, page.limit, page.offset)
        return success([shapes.symbol_totals(row) for row in rows], meta=meta)


class SymbolFeedView(PublicView):
    """Fills in a symbol."""

    @extend_schema(
        operation_id="symbol_feed",
        summary="Latest fills in a symbol",
        tags=["Symbols"],
        parameters=[SYMBOL, *FACTS],
        responses=FeedAnswer,
    )
    def get(self, request: Request, symbol: str) -> Response:
        """Return the fills of all leaders in a symbol, newest first."""
        platform = read_platform(request.query_params)
        page, after = read_page(request.query_params), read_cursor(request.query_params)
        known = symbols.symbol_known(symbol.upper(), platform=platform)
        fills, following = facts.symbol_feed(
            platform=platform, symbol=known, limit=page.limit, offset=page.offset, after=after
        )
        items = [shapes.feed_item(fill, fill.trader.external_id) for fill in fills]
        return success(items, meta=_cursor_meta(following, page.limit))


class TraderRankingView(PublicView):
    """The leaderboard."""

    @extend_schema(
        operation_id="traders_top",
        summary="Leaders by score",
        tags=["Traders"],
        parameters=[*PAGE, RANGE_PARAMETER],
        responses=RankingAnswer,
    )
    def get(self, request: Request) -> Response:
        """Return the leaders by their score over the range, best first."""
        page = read_page(request.query_params)
        places, total = leaders.leaders_ranked(
            platform=read_platform(request.query_params), window=read_window(request.query_params), page=page
        )
        rows = [shapes.ranked_trader(place.score, place.scores, place.freshness) for place in places]
        return success(rows, meta=PageMeta(total, page.limit, page.offset))


class TraderView(PublicView):
    """One leader."""

    @extend_schema(
        operation_id="trader_get",
        summary="A leader",
        tags=["Traders"],
        parameters=[LEAD_ID, PLATFORM_PARAMETER],
        responses=TraderAnswer,
    )
    def get(self, request: Request, lead_id: str) -> Response:
        """Return a leader with its scores and how fresh its data is."""
        leader = _leader(request, lead_id)
        return success(shapes.trader_info(leader, freshness_of(leader)))


class TraderPositionsView(PublicView):
    """Open positions."""

    @extend_schema(
        operation_id="trader_positions",
        summary="Open positions of a leader",
        tags=["Traders"],
        parameters=[LEAD_ID, PLATFORM_PARAMETER],
        responses=PositionsAnswer,
    )
    def get(self, request: Request, lead_id: str) -> Response:
        """Return what a leader holds, as of the newest complete report."""
        leader = _leader(request, lead_id)
        freshness = freshness_of(leader)
        positions = state.leader_positions(leader, freshness)
        return success(positions, meta=state.leader_positions_meta(leader, freshness, positions))


class TraderEventsView(PublicView):
    """Fills of a leader."""

    @extend_schema(
        operation_id="trader_events",
        summary="Fills of a leader",
        tags=["Traders"],
        parameters=[LEAD_ID, *FACTS, SYMBOL_PARAMETER, KIND_PARAMETER],
        responses=FeedAnswer,
    )
    def get(self, request: Request, lead_id: str) -> Response:
        """Return the fills of a leader, newest first."""
        query = request.query_params
        page = read_page(query)
        fills, following = facts.leader_events(
            leader=_leader(request, lead_id),
            symbol=read_symbol(query),
            kind=read_kind(query),
            limit=page.limit,
            offset=page.offset,
            after=read_cursor(query),
        )
        return success([shapes.feed_item(fill, lead_id) for fill in fills], meta=_cursor_meta(following, page.limit))


class TraderHistoryView(PublicView):
    """Position history of a leader."""

    @extend_schema(
        operation_id="trader_history",
        summary="How a leader's positions changed",
        tags=["Traders"],
        parameters=[LEAD_ID, *FACTS, SYMBOL_PARAMETER],
        responses=HistoryAnswer,
    )
    def get(self, request: Request, lead_id: str) -> Response:
        """Return each opening, change and closing of a position, newest first."""
        query = request.query_params
        page = read_page(query)
        snapshots, following = facts.leader_history(
            leader=_leader(request, lead_id),
            symbol=read_symbol(query),
            limit=page.limit,
            offset=page.offset,
            after=read_cursor(query),
        )
        return success(
            [shapes.position_change(snapshot) for snapshot in snapshots], meta=_cursor_meta(following, page.limit)
        )


def _leader(request: Request, lead_id: str) -> LeadTrader:
    return leaders.leader_get(read_platform(request.query_params), lead_id)


def _cursor_meta(following: Cursor | None, limit: int) -> CursorMeta:
    return CursorMeta(following.encode() if following else None, limit)
