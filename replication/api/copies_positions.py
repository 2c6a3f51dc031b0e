"""What a copy holds, and closing one position of it."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from orders.api.answers import PAGE, shown
from orders.api.reading import OPEN_PARAMETER, read_flag
from replication.api.copies import COPY_ID, TAGS, CopiesView
from replication.api.copies_examples import POSITION
from replication.api.copies_presenting import position_info
from replication.api.copies_shapes import CopyPositionAnswer, CopyPositionsAnswer
from replication.selectors.copies import copy_position_get, copy_positions
from replication.selectors.values import position_values
from replication.services.copies import copy_position_close
from traders.api.serializers import PageMeta

POSITION_ID = OpenApiParameter(
    "position_id",
    {"type": "integer", "minimum": 1},
    OpenApiParameter.PATH,
    description="The number of the copy's position.",
)


class CopyPositionsView(CopiesView):
    """What a copy holds."""

    @extend_schema(
        operation_id="copy_positions",
        summary="Positions of a copy",
        tags=TAGS,
        parameters=[COPY_ID, LIMIT_PARAMETER, OFFSET_PARAMETER, OPEN_PARAMETER],
        responses=CopyPositionsAnswer,
        examples=[shown([POSITION], meta=PAGE)],
    )
    def get(self, request: Request, copy_id: int) -> Response:
        """Return what the copy holds and held, as its own trades add up, what moved last first."""
        page, copy = read_page(request.query_params), self.copy(request, copy_id)
        wanted = read_flag(request.query_params, "open")
        rows, total = copy_positions(copy=copy, page=page, open_only=wanted)
        return success([position_info(row) for row in rows], meta=PageMeta(total, page.limit, page.offset))


class CopyPositionCloseView(CopiesView):
    """Closing one, which never waits for the budget of orders: it takes risk away."""

    @extend_schema(
        operation_id="copy_position_close",
        summary="Close a position of a copy",
        tags=TAGS,
        parameters=[COPY_ID, POSITION_ID],
        request=None,
        responses=CopyPositionAnswer,
        examples=[shown(POSITION)],
    )
    def post(self, request: Request, copy_id: int, position_id: int) -> Response:
        """Close one position without leaving the leader; return it as it still is.

        The decision about it follows within moments, on the private stream and in `/decisions`. 409 where nothing is
        held, or the copy has ended.
        """
        copy = self.copy(request, copy_id)
        position = copy_position_get(copy=copy, position_id=position_id)
        copy_position_close(position=position, actor=self.user(request))
        return success(position_info(position_values([position])[0]))
