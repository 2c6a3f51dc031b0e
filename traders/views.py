"""The pages of leaders."""

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from copytrade.lib.api.paging import Cursor, Page, read_cursor, read_page
from copytrade.lib.errors import ApplicationError, NotFound
from copytrade.lib.fragments import page_or_fragment
from copytrade.realtime.selectors import position_now
from traders.models import LeadTrader, Position, PositionSnapshot, Score, ScoreWindow, TradeEvent
from traders.selectors.curves import DayResult, curves
from traders.selectors.facts import leader_events, leader_history
from traders.selectors.freshness import freshness_of
from traders.selectors.leaders import leader_get
from traders.selectors.overview import RankedLeader, ranking

RANGES = {f"{window}d": window for window in ScoreWindow.values}
LEADERS_AT_ONCE = 50
FILLS_SHOWN = 60
CHANGES_AT_ONCE = 25
LIST_FRAGMENTS = {"ranking": "traders/parts/ranking.html"}
LEADER_FRAGMENTS = {
    "head": "traders/parts/head.html",
    "results": "traders/parts/results.html",
    "positions": "traders/parts/positions.html",
    "fills": "traders/parts/fills.html",
    "history": "traders/parts/history.html",
}

Arguments = ParamSpec("Arguments")


def with_error_pages(
    view: Callable[Concatenate[HttpRequest, Arguments], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Arguments], HttpResponse]:
    """Turn refusals of services and selectors into those of Django, which have a page."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from error
        except ApplicationError as error:
            raise BadRequest(error.message) from error

    return answer


class LeaderListPage:
    """The ranking. What a template does not ask for is not read."""

    ranges = RANGES

    def __init__(self, *, window: int, offset: int) -> None:
        self.window = window
        self.page = Page(LEADERS_AT_ONCE, offset)

    @cached_property
    def _ranking(self) -> tuple[list[RankedLeader], int]:
        return ranking(window=self.window, page=self.page, now=timezone.now())

    @property
    def rows(self) -> list[RankedLeader]:
        """Return this page's part of the ranking."""
        return self._ranking[0]

    @property
    def total(self) -> int:
        """Return how many leaders are ranked."""
        return self._ranking[1]

    @property
    def previous_offset(self) -> int | None:
        """Return where the better part begins; None on the first page."""
        return max(self.page.offset - LEADERS_AT_ONCE, 0) if self.page.offset else None

    @property
    def next_offset(self) -> int | None:
        """Return where the next part begins; None on the last page."""
        following = self.page.offset + LEADERS_AT_ONCE
        return following if following < self.total else None


class LeaderPage:
    """One leader. What a template does not ask for is not read."""

    ranges = RANGES

    def __init__(self, leader: LeadTrader, *, window: int, after: Cursor | None) -> None:
        self.leader = leader
        self.freshness = freshness_of(leader)
        self.window = window
        self.after = after

    @cached_property
    def score(self) -> Score:
        """Return the score of the chosen window; without any figure where there is none yet."""
        known = (score for score in self.leader.scores.all() if score.window == self.window)
        return next(known, Score(window=self.window))

    @cached_property
    def other_scores(self) -> list[Score]:
        """Return the scores of the other windows, the shortest first."""
        others = [score for score in self.leader.scores.all() if score.window != self.window]
        return sorted(others, key=lambda score: score.window)

    @cached_property
    def curve(self) -> list[DayResult]:
        """Return the results of the chosen window."""
        return curves([self.leader.pk], days=self.window, today=timezone.now().date())[self.leader.pk]

    @cached_property
    def positions(self) -> list[Position]:
        """Return what the leader holds, as of the newest complete report."""
        return list(self.leader.positions.defer("raw"))

    @cached_property
    def fills(self) -> list[TradeEvent]:
        """Return the newest fills."""
        return leader_events(leader=self.leader, symbol="", kind="", limit=FILLS_SHOWN, offset=0, after=None)[0]

    @cached_property
    def _history(self) -> tuple[list[PositionSnapshot], Cursor | None]:
        return leader_history(leader=self.leader, symbol="", limit=CHANGES_AT_ONCE, offset=0, after=self.after)

    @property
    def changes(self) -> list[PositionSnapshot]:
        """Return a part of the position history."""
        return self._history[0]

    @property
    def older(self) -> str | None:
        """Return the cursor of the part before; None where there is none."""
        following = self._history[1]
        return following.encode() if following else None


@require_safe
@with_error_pages
def leader_list(request: HttpRequest) -> HttpResponse:
    """Show the ranking."""
    seq = position_now()  # before anything else is read, so that no later change is missed
    page = LeaderListPage(window=_window(request), offset=read_page(request.GET).offset)
    return page_or_fragment(request, "traders/leader_list.html", LIST_FRAGMENTS, {"page": page, "seq": seq})


@require_safe
@with_error_pages
def leader_detail(request: HttpRequest, platform: str, external_id: str) -> HttpResponse:
    """Show a leader."""
    if "\0" in platform + external_id:
        raise Http404
    seq = position_now()  # before anything else is read, so that no later change is missed
    leader = leader_get(platform, external_id)
    page = LeaderPage(leader, window=_window(request), after=read_cursor(request.GET))
    return page_or_fragment(request, "traders/leader.html", LEADER_FRAGMENTS, {"page": page, "seq": seq})


def _window(request: HttpRequest) -> int:
    text = request.GET.get("range", f"{ScoreWindow.MONTH}d")
    if text not in RANGES:
        raise BadRequest
    return RANGES[text]
