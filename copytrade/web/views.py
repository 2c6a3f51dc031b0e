"""The home page: what all leaders do, live."""

from functools import cached_property

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from copytrade.lib.api.paging import Page
from copytrade.lib.fragments import page_or_fragment
from copytrade.realtime.selectors import position_now
from traders.models import ScoreWindow, SymbolAggregate, TradeEvent
from traders.selectors.overview import Overview, RankedLeader, busiest_symbols, latest_fills, overview, ranking

LEADERS_SHOWN = 12
SYMBOLS_SHOWN = 12
FILLS_SHOWN = 60
FRAGMENTS = {
    "overview": "web/parts/overview.html",
    "leaders": "web/parts/leaders.html",
    "symbols": "web/parts/symbols.html",
    "fills": "traders/parts/fills.html",
}


class HomePage:
    """The home page. What a template does not ask for is not read."""

    window = ScoreWindow.MONTH.value
    leader = None  # the list of fills names the leader of each

    def __init__(self) -> None:
        self.now = timezone.now()

    @cached_property
    def overview(self) -> Overview:
        """Return the figures at the top."""
        return overview(self.now)

    @cached_property
    def rows(self) -> list[RankedLeader]:
        """Return the best leaders."""
        return ranking(window=self.window, page=Page(LEADERS_SHOWN, 0), now=self.now)[0]

    @cached_property
    def symbols(self) -> list[SymbolAggregate]:
        """Return the symbols with the most open positions."""
        return busiest_symbols(SYMBOLS_SHOWN)

    @property
    def most_on_a_side(self) -> int:
        """Return the largest count, which the longest bar shows."""
        return max((max(row.open_long_count, row.open_short_count) for row in self.symbols), default=0)

    @cached_property
    def fills(self) -> list[TradeEvent]:
        """Return the newest fills."""
        return latest_fills(FILLS_SHOWN)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page."""
    seq = position_now()  # before anything else is read, so that no later change is missed
    return page_or_fragment(request, "web/home.html", FRAGMENTS, {"page": HomePage(), "seq": seq})
