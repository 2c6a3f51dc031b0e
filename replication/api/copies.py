"""A user's copies: begun, changed, paused, resumed, stopped, funded. Another user's copy is 404."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from copytrade.accounts.api.guarded import GuardedView
from copytrade.accounts.models import User
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from orders.api.answers import PAGE, sent, shown
from orders.api.bodies import UndecodedJson, read_body
from orders.api.reading import ACCOUNT_PARAMETER
from orders.selectors.accounts import account_get
from replication.api.copies_examples import COPY, NEW_COPY, SETTINGS, TIERED_COPY
from replication.api.copies_presenting import copy_info
from replication.api.copies_reading import (
    STATE_PARAMETER,
    TRADER_PARAMETER,
    CopyChange,
    FundsMove,
    NewCopy,
    StopCopy,
    leader_of_body,
    left_open,
    read_changes,
    read_copy_filter,
    read_settings,
)
from replication.api.copies_shapes import CopiesAnswer, CopyAnswer, StoppedCopiesAnswer
from replication.models import Copy
from replication.selectors.copies import copies_of, copy_get, copy_results
from replication.selectors.known import leader_known
from replication.selectors.masters import leader_get
from replication.services import copies
from replication.terms import CopySettings
from traders.api.serializers import PageMeta

TAGS = ["Copies"]
COPY_ID = OpenApiParameter(
    "copy_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="The number of the copy."
)
View = TypeVar("View", bound="type[CopyActionView]")


class CopiesView(GuardedView):
    """What all views of copies share: bodies are read from their own digits.

    What lets a copy do more than before is `of_people`: no API key binds its user to what somebody else will do.
    """

    parser_classes = [UndecodedJson]

    def user(self, request: Request) -> User:
        """Return whose copies they are."""
        assert isinstance(request.user, User)
        return request.user

    def copy(self, request: Request, copy_id: int) -> Copy:
        """Return the user's copy; raises `NotFound`."""
        return copy_get(user=self.user(request), copy_id=copy_id)

    def answer(self, request: Request, copy_id: int) -> Response:
        """Return the copy as it is now."""
        return success(copy_info(copy_results([self.copy(request, copy_id)])[0]))


class CopyListView(CopiesView):
    """All copies."""

    failures = ("404",)
    of_people = ("POST",)

    def get_throttles(self) -> list[BaseThrottle]:
        """Count what is begun as a trade."""
        return [*super().get_throttles(), WriteThrottle()]

    @extend_schema(
        operation_id="copies_list",
        summary="My copies",
        tags=TAGS,
        parameters=[LIMIT_PARAMETER, OFFSET_PARAMETER, STATE_PARAMETER, TRADER_PARAMETER, ACCOUNT_PARAMETER],
        responses=CopiesAnswer,
        examples=[shown([COPY], meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return the caller's copies with their results, those that have ended too, newest first."""
        page, user = read_page(request.query_params), self.user(request)
        wanted = read_copy_filter(request.query_params)
        if wanted.account_id is not None:
            account_get(user, wanted.account_id)
        rows, total = copies_of(user=user, wanted=wanted, page=page)
        if not total and wanted.trader_id is not None:
            leader_known(wanted.trader_id)
        return success([copy_info(row) for row in rows], meta=PageMeta(total, page.limit, page.offset))

    @extend_schema(
        operation_id="copy_start",
        summary="Copy a leader",
        tags=TAGS,
        request=NewCopy,
        responses=CopyAnswer,
        examples=[sent(NEW_COPY, "Half of it, up to 250"), sent(TIERED_COPY, "By the leader's size"), shown(COPY)],
    )
    def post(self, request: Request) -> Response:
        """Begin to copy a leader, on an account of the caller's or the one on paper that suits best.

        A limit that is left out is the account's own default, else that of the caller's plan, else of this
        installation; null takes it away. All that is wrong or does not fit together is named at once. 409: the leader
        is not open to copying, the account copies this leader already, or there are as many copies as the plan allows,
        or as many leaders as one may copy. With an API key it is 403.
        """
        body, user = read_body(request, NewCopy), self.user(request)
        account = None if body.account_id is None else account_get(user, body.account_id)
        copy = copies.copy_start(
            user=user,
            trader=leader_get(leader_of_body(body)),
            settings=read_settings(body, CopySettings()),
            account=account,
            left_open=left_open(body),
        )
        return self.answer(request, copy.pk)


class CopyView(CopiesView):
    """One copy."""

    of_people = ("PATCH",)

    @extend_schema(
        operation_id="copy_get",
        summary="A copy",
        tags=TAGS,
        parameters=[COPY_ID],
        responses=CopyAnswer,
        examples=[shown(COPY)],
    )
    def get(self, request: Request, copy_id: int) -> Response:
        """Return a copy with its settings and results."""
        return self.answer(request, copy_id)

    @extend_schema(
        operation_id="copy_change",
        summary="Change a copy",
        tags=TAGS,
        parameters=[COPY_ID],
        request=CopyChange,
        responses=CopyAnswer,
        examples=[
            sent({"ratio": "0.25", "max_daily_loss": None}),
            shown({**COPY, "settings": {**SETTINGS, "ratio": "0.25", "max_daily_loss": None}}),
        ],
    )
    def patch(self, request: Request, copy_id: int) -> Response:
        """Change settings from the next trade on: merged with the present ones, and checked together.

        Funds have a way of their own, `/funds`. 409 for a copy that has ended; with an API key it is 403.
        """
        copy, body = self.copy(request, copy_id), read_body(request, CopyChange)
        copies.copy_change(copy=copy, changes=read_changes(body), actor=self.user(request))
        return self.answer(request, copy_id)


class CopyActionView(CopiesView, ABC):
    """One thing that is done with a copy; the answer is the copy as it is then."""

    def post(self, request: Request, copy_id: int) -> Response:
        """Do it."""
        self.act(request, self.copy(request, copy_id))
        return self.answer(request, copy_id)

    @abstractmethod
    def act(self, request: Request, copy: Copy) -> None:
        """Do it with the caller's copy."""


def describes(
    operation_id: str,
    summary: str,
    *,
    body: type[msgspec.Struct] | None = None,
    example: Mapping[str, Any] | None = None,
    then: Mapping[str, Any] | None = None,
) -> Callable[[View], View]:
    """Describe an action for the schema, in the words of its view; `then` is what a copy has after it."""
    examples = [*([sent(example)] if example else []), shown({**COPY, **(then or {})})]

    def describe(view: View) -> View:
        operation = extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=inspect.getdoc(view),
            tags=TAGS,
            parameters=[COPY_ID],
            request=body,
            responses=CopyAnswer,
            examples=examples,
        )
        return extend_schema_view(post=operation)(view)

    return describe


@describes("copy_pause", "Pause a copy", then={"state": "paused", "state_reason": "Paused by its owner."})
class CopyPauseView(CopyActionView):
    """Copy exits only, until it is resumed. Repeating it changes nothing."""

    def act(self, request: Request, copy: Copy) -> None:
        """Pause."""
        copies.copy_pause(copy=copy, actor=self.user(request))


@describes("copy_resume", "Resume a copy")
class CopyResumeView(CopyActionView):
    """Copy entries again, of trades from now on.

    409 for a copy that is stopping or has ended; with an API key it is 403.
    """

    of_people = ("POST",)

    def act(self, request: Request, copy: Copy) -> None:
        """Go on."""
        copies.copy_resume(copy=copy, actor=self.user(request))


@describes(
    "copy_stop",
    "Stop a copy",
    body=StopCopy,
    example={"close": True},
    then={"state": "stopping", "state_reason": "Stopped by its owner."},
)
class CopyStopView(CopyActionView):
    """End a copy. Without `close`, what it holds stays in the account, the owner's to close.

    With it, the copy is `stopping` until all is closed; what cannot be closed is told in `state_reason`. Repeating it
    changes nothing.
    """

    def act(self, request: Request, copy: Copy) -> None:
        """Stop."""
        body = read_body(request, StopCopy)
        copies.copy_stop(copy=copy, close=body.close, actor=self.user(request))


@describes("copy_funds", "Give a copy funds, or take some", body=FundsMove, example={"amount": "-100.5"})
class CopyFundsView(CopyActionView):
    """Change what a copy may work with; no money moves at the venue.

    More than 0 has to be left of what is allocated, and of what the copy is worth. 409 for a copy that works with the
    whole account, and for taking funds while something that it holds has no fresh price; 403 with an API key.
    """

    of_people = ("POST",)

    def act(self, request: Request, copy: Copy) -> None:
        """Move funds."""
        body = read_body(request, FundsMove)
        copies.copy_funds_move(copy=copy, amount=Decimal(body.amount), actor=self.user(request))


class CopiesStopView(CopiesView):
    """The stop of everything."""

    @extend_schema(
        operation_id="copies_stop",
        summary="Stop all copies",
        tags=TAGS,
        request=StopCopy,
        responses=StoppedCopiesAnswer,
        examples=[
            sent({"close": True}),
            shown([{**COPY, "state": "stopping", "state_reason": "Everything was stopped."}]),
        ],
    )
    def post(self, request: Request) -> Response:
        """End all copies of the caller, with `close` after closing what they hold; return those that were running."""
        body, user = read_body(request, StopCopy), self.user(request)
        stopped = copies.user_stop(user=user, close=body.close, actor=user)
        return success([copy_info(results) for results in copy_results(stopped)])
