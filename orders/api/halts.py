"""Halts, for staff."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.accounts.permissions import IsStaff
from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from copytrade.lib.errors import InvalidInput
from orders.api.answers import HALT, NOW, PAGE, HaltAnswer, HaltsAnswer, sent, shown
from orders.api.bodies import UndecodedJson, read_body
from orders.api.reading import ACTIVE_PARAMETER, NewHalt, read_flag
from orders.api.shapes import halt_info
from orders.models import HaltMode, HaltScope, TradingAccount
from orders.selectors.halts import halt_get, halts_list
from orders.services.halts import halt_create, halt_lift
from traders.api.serializers import PageMeta

TAGS = ["Halts"]
HALT_ID = OpenApiParameter(
    "halt_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="The number of the halt."
)


class StaffView(APIView):
    """Staff only."""

    permission_classes = [IsStaff]
    parser_classes = [UndecodedJson]


class HaltListView(StaffView):
    """All halts."""

    @extend_schema(
        operation_id="halts_list",
        summary="Halts of trading",
        tags=TAGS,
        parameters=[LIMIT_PARAMETER, OFFSET_PARAMETER, ACTIVE_PARAMETER],
        responses=HaltsAnswer,
        examples=[shown([HALT], meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return halts of every scope, newest first."""
        page = read_page(request.query_params)
        rows, total = halts_list(page=page, active=read_flag(request.query_params, "active"))
        return success([halt_info(halt) for halt in rows], meta=PageMeta(total, page.limit, page.offset))

    @extend_schema(
        operation_id="halt_create",
        summary="Halt trading",
        tags=TAGS,
        request=NewHalt,
        responses=HaltAnswer,
        examples=[
            sent({"scope": "global", "mode": "all", "reason": "Something is wrong"}, "Everything"),
            sent({"scope": "venue", "venue": "binanceusdm", "reason": "Exchange maintenance"}, "A venue"),
            shown(HALT),
        ],
    )
    def post(self, request: Request) -> Response:
        """Stop orders everywhere, at a venue or on an account, from now on."""
        assert isinstance(request.user, User)
        body = read_body(request, NewHalt)
        halt = halt_create(
            scope=HaltScope(body.scope),
            mode=HaltMode(body.mode),
            reason=body.reason,
            venue=body.venue,
            account=_account(body.account_id),
            actor=request.user,
        )
        return success(halt_info(halt))


class HaltView(StaffView):
    """One halt."""

    @extend_schema(
        operation_id="halt_lift",
        summary="Lift a halt",
        tags=TAGS,
        parameters=[HALT_ID],
        responses={200: HaltAnswer},
        examples=[shown({**HALT, "lifted_at": NOW})],
    )
    def delete(self, request: Request, halt_id: int) -> Response:
        """End a halt; one that was lifted before stays as it is."""
        assert isinstance(request.user, User)
        return success(halt_info(halt_lift(halt=halt_get(halt_id), actor=request.user)))


def _account(pk: int | None) -> TradingAccount | None:
    if pk is None:
        return None
    account = TradingAccount.objects.filter(pk=pk).first()
    if account is None:
        raise InvalidInput([{"path": "account_id", "message": "there is no such account"}])
    return account
