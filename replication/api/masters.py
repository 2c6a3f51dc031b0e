"""Masters: who there is to follow, following, and following no longer."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.accounts.permissions import IsPerson, MayRead
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle
from copytrade.lib.errors import NotFound
from orders.api.answers import sent
from orders.api.bodies import UndecodedJson, read_body
from orders.selectors.accounts import account_get
from replication.api.leaders import PLATFORM_PARAMETER, leader_named
from replication.api.masters_examples import (
    FOLLOW,
    FOLLOW_LIMITED,
    FOLLOW_WATCHED,
    FOLLOWED,
    MASTER,
    UNFOLLOW,
    UNFOLLOWED,
)
from replication.api.masters_reading import (
    LIVE_PARAMETER,
    ORDERING_PARAMETER,
    FollowBody,
    UnfollowBody,
    account_of_body,
    limits_left_open,
    read_live,
    read_ordering,
    settings_of_body,
)
from replication.api.masters_shapes import (
    FollowedMasterAnswer,
    FollowingAnswer,
    MastersAnswer,
    Unfollowed,
    UnfollowedAnswer,
    followed_master,
    master_entry,
)
from replication.api.orders_examples import answer
from replication.selectors.masters import copies_list, copy_views, leader_get, live_copies, masters_list
from replication.services.copies import copy_start, copy_stop
from replication.services.people import HOUSE
from traders.api.serializers import PageMeta, read_platform

TAGS = ["Masters"]
PAGE = {"total": 1, "limit": 50, "offset": 0}


class MasterListView(APIView):
    """The masters' leaderboard."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="masters_list",
        summary="Masters to follow",
        tags=TAGS,
        parameters=[PLATFORM_PARAMETER, ORDERING_PARAMETER, LIMIT_PARAMETER, OFFSET_PARAMETER],
        responses=MastersAnswer,
        examples=[answer([MASTER], "Masters", meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return who is open to be copied, masters who trade here or leaders of another platform; anybody may look."""
        query = request.query_params
        page, platform = read_page(query), read_platform(query, HOUSE)
        views, total = masters_list(platform=platform, ordering=read_ordering(query), page=page)
        return success([master_entry(view) for view in views], meta=PageMeta(total, page.limit, page.offset))


class PeoplesCopiesView(APIView):
    """What all views of one's copies share."""

    def user(self, request: Request) -> User:
        """Return whose copies they are."""
        assert isinstance(request.user, User)
        return request.user


class FollowView(PeoplesCopiesView):
    """Following. An API key may place orders, but not bind its user to what somebody else will do."""

    permission_classes = [IsPerson]
    throttle_classes = [ApiThrottle, WriteThrottle]
    parser_classes = [UndecodedJson]
    failures = ("404",)

    @extend_schema(
        operation_id="master_follow",
        summary="Follow a master",
        tags=TAGS,
        request=FollowBody,
        responses={201: FollowedMasterAnswer},
        examples=[
            sent(FOLLOW, "One to one"),
            sent(FOLLOW_LIMITED, "Within limits"),
            sent(FOLLOW_WATCHED, "A leader of another platform"),
            answer(FOLLOWED, "Following", status="201"),
        ],
    )
    def post(self, request: Request) -> Response:
        """Copy what a leader, of any platform, trades from now on; the answer is the copy.

        409 for somebody whom this account copies already, for oneself, for leaders who are not open to be copied, and
        for more leaders than one may copy, or copies than the plan allows.
        """
        body, user = read_body(request, FollowBody), self.user(request)
        settings, leader = settings_of_body(body), leader_get(_leader(body))
        number = account_of_body(body)
        account = None if number is None else account_get(user, number)
        copy = copy_start(
            user=user, trader=leader, settings=settings, account=account, left_open=limits_left_open(body)
        )
        response = success(followed_master(copy_views([copy])[0]))
        response.status_code = 201
        return response


class UnfollowView(PeoplesCopiesView):
    """Following no longer, which never waits for the budget of orders: it takes risk away."""

    permission_classes = [IsPerson]
    parser_classes = [UndecodedJson]
    failures = ("404",)

    @extend_schema(
        operation_id="master_unfollow",
        summary="Follow a master no longer",
        tags=TAGS,
        request=UnfollowBody,
        responses=UnfollowedAnswer,
        examples=[sent(UNFOLLOW, "Close all and end"), answer(UNFOLLOWED, "Closing")],
    )
    def post(self, request: Request) -> Response:
        """End all of the caller's copies of a leader; 404 where there is none that has not ended."""
        body, user = read_body(request, UnfollowBody), self.user(request)
        leader = _leader(body)
        copies = live_copies(user=user, master_id=leader)
        if not copies:
            raise NotFound("You do not follow this master.")
        stopped = [copy_stop(copy=copy, close=body.close, actor=user) for copy in copies]
        views = copy_views(stopped)
        return success(Unfollowed(master_id=leader, copies=[followed_master(view) for view in views]))


class FollowingView(PeoplesCopiesView):
    """Whom the caller follows."""

    permission_classes = [MayRead]

    @extend_schema(
        operation_id="masters_following",
        summary="Whom I follow",
        tags=TAGS,
        parameters=[LIVE_PARAMETER, LIMIT_PARAMETER, OFFSET_PARAMETER],
        responses=FollowingAnswer,
        examples=[answer([FOLLOWED], "Following", meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return the caller's copies with their settings and results, newest first, those that ended too."""
        page = read_page(request.query_params)
        views, total = copies_list(user=self.user(request), page=page, live=read_live(request.query_params))
        return success([followed_master(view) for view in views], meta=PageMeta(total, page.limit, page.offset))


def _leader(body: FollowBody | UnfollowBody) -> int:
    return leader_named(number=body.master_id, platform=body.platform, lead_id=body.lead_id, path="master_id")
