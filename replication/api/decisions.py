"""What copies decided and why, whole chains, and trying again what failed. Another user's decision is 404."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.paging import CURSOR_PARAMETER, LIMIT_PARAMETER, read_cursor, read_limit
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle
from orders.api.answers import shown
from orders.api.reading import SYMBOL_PARAMETER, read_symbol
from replication.api.copies import COPY_ID, CopiesView
from replication.api.copies_reading import CODE_PARAMETER, DECISION_PARAMETER, TRADER_PARAMETER, read_decision_filter
from replication.api.decisions_examples import DECISION, STORY
from replication.api.decisions_presenting import decision_info, decision_story
from replication.api.decisions_shapes import DecisionsAnswer, DecisionStoryAnswer
from replication.selectors.decisions import DecisionFilter, decision_chain, decision_get, decisions_list
from replication.selectors.known import leader_known, traded_symbol_known
from replication.services.retrying import decision_retry
from traders.api.serializers import CursorMeta

TAGS = ["Decisions"]
DECISION_ID = OpenApiParameter(
    "decision_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="The number of the decision."
)
PAGING = [LIMIT_PARAMETER, CURSOR_PARAMETER]
FILTERS = [DECISION_PARAMETER, CODE_PARAMETER, SYMBOL_PARAMETER]
LISTED = shown([DECISION], meta={"next_cursor": None, "limit": 50})


class DecisionsView(CopiesView):
    """What lists of decisions share."""

    failures = ("404",)

    def page(self, request: Request, wanted: DecisionFilter) -> Response:
        """Return a page of decisions."""
        query = request.query_params
        limit = read_limit(query)
        rows, following = decisions_list(user=self.user(request), wanted=wanted, limit=limit, after=read_cursor(query))
        if not rows and wanted.symbol:
            traded_symbol_known(wanted.symbol)
        if not rows and wanted.trader_id is not None:
            leader_known(wanted.trader_id)
        cursor = None if following is None else following.encode()
        return success([decision_info(row) for row in rows], meta=CursorMeta(cursor, limit))


class DecisionListView(DecisionsView):
    """Of all copies."""

    @extend_schema(
        operation_id="decisions_list",
        summary="What my copies decided",
        tags=TAGS,
        parameters=[*PAGING, *FILTERS, TRADER_PARAMETER],
        responses=DecisionsAnswer,
        examples=[LISTED],
    )
    def get(self, request: Request) -> Response:
        """Return decisions about leaders' trades, newest first: what was ordered, cut, skipped, or failed, and why."""
        query = request.query_params
        return self.page(request, read_decision_filter(query, symbol=read_symbol(query)))


class CopyDecisionsView(DecisionsView):
    """Of one copy."""

    @extend_schema(
        operation_id="copy_decisions",
        summary="What a copy decided",
        tags=TAGS,
        parameters=[COPY_ID, *PAGING, *FILTERS],
        responses=DecisionsAnswer,
        examples=[LISTED],
    )
    def get(self, request: Request, copy_id: int) -> Response:
        """Return the decisions of one copy, newest first."""
        query, copy = request.query_params, self.copy(request, copy_id)
        return self.page(request, read_decision_filter(query, symbol=read_symbol(query), copy_id=copy.pk))


class DecisionView(CopiesView):
    """One decision."""

    @extend_schema(
        operation_id="decision_get",
        summary="A decision with its whole chain",
        tags=TAGS,
        parameters=[DECISION_ID],
        responses=DecisionStoryAnswer,
        examples=[shown(STORY)],
    )
    def get(self, request: Request, decision_id: int) -> Response:
        """Return the leader's trades, the decision with its numbers and cuts, its orders, their steps and trades."""
        intent = decision_get(user=self.user(request), decision_id=decision_id)
        return success(decision_story(decision_chain(intent)))


class DecisionRetryView(CopiesView):
    """Trying again."""

    throttle_classes = [ApiThrottle, WriteThrottle]

    @extend_schema(
        operation_id="decision_retry",
        summary="Try a failed decision, or an exit that does not succeed, again",
        tags=TAGS,
        parameters=[DECISION_ID],
        request=None,
        responses=DecisionStoryAnswer,
        examples=[shown(STORY)],
    )
    def post(self, request: Request, decision_id: int) -> Response:
        """Decide anew about a trade that failed to be copied, by what holds now, and send the orders at once.

        How old the trade is does not count; all other checks and limits do. An exit that waits for its next attempt
        has it now. 409 for what has not failed, such as with a second click, and for a copy that has ended.
        """
        user = self.user(request)
        intent = decision_get(user=user, decision_id=decision_id)
        return success(decision_story(decision_chain(decision_retry(intent=intent, actor=user))))
