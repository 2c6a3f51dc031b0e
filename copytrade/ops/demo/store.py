"""The demo world as the database knows it: read to go on from there, and removed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from copytrade.accounts.models import ApiKey
from copytrade.ops.demo.leaders import Holding, Leader
from copytrade.ops.demo.market import INSTRUMENTS, Market, dice
from copytrade.ops.demo.personas import PERSONAS, Persona
from copytrade.ops.demo.world import World
from ingest.models import IngestBatch
from traders.models import DailyStat, LeadTrader, Position, SourceFreshness, TradeEvent


def world_load(*, personas: Collection[Persona] = PERSONAS, now: datetime, seed: int, days: int = 0) -> World:
    """Return the world as it was last reported; a leader without a report begins `days` ago at most.

    What a leader hides is not known here either, so it goes on without those positions.
    """
    market = market_load(seed)
    told, results, holdings = _told_until(), _results(), _holdings()
    leaders = [
        Leader(
            persona,
            market,
            dice(seed, persona.external_id),
            until=told.get(persona.external_id) or now - _age(persona, days),
            realized=results.get(persona.external_id, Decimal(0)),
            holdings=holdings.get(persona.external_id, ()),
        )
        for persona in personas
    ]
    return World(market, leaders)


def market_load(seed: int) -> Market:
    """Return the simulated market at the newest prices that the demo's leaders reported."""
    return Market(dice(seed, "market"), _prices())


def personas_behind(*, now: datetime, patience: timedelta) -> list[Persona]:
    """Return who has not reported for so long, the silence of the silent ones left aside."""
    told = _told_until()
    return [
        persona
        for persona in PERSONAS
        if (until := told.get(persona.external_id)) is None
        or now - until > patience + timedelta(hours=persona.silent_hours)
    ]


def world_remove() -> dict[str, int]:
    """Delete all demo data but the totals by symbol, which have to be rebuilt then. Return row counts."""
    batches, _ = IngestBatch.objects.filter(key__is_demo=True).delete()
    keys, _ = ApiKey.objects.filter(is_demo=True).delete()  # ahead of the leaders, so that no push makes them again
    with transaction.atomic():
        locked = LeadTrader.objects.filter(is_demo=True).select_for_update()
        leaders = list(locked.values_list("pk", flat=True))  # waits for the pushes that are under way
        _, deleted = LeadTrader.objects.filter(pk__in=leaders).delete()
    return {
        "leaders": len(leaders),
        "events": deleted.get("traders.TradeEvent", 0),
        "positions": deleted.get("traders.Position", 0),
        "pushes": batches + deleted.get("ingest.IngestBatch", 0),
        "keys": keys,
    }


def _age(persona: Persona, days: int) -> timedelta:
    return max(timedelta(days=min(days, persona.days)), timedelta(hours=2 * persona.silent_hours))


def _told_until() -> dict[str, datetime]:
    rows = SourceFreshness.objects.filter(trader__is_demo=True)
    return dict(rows.values_list("trader__external_id", "reported_at"))


def _results() -> dict[str, Decimal]:
    days = DailyStat.objects.filter(trader__is_demo=True).values("trader__external_id")
    return dict(days.annotate(result=Sum("realized_pnl")).values_list("trader__external_id", "result"))


def _holdings() -> dict[str, list[Holding]]:
    found: dict[str, list[Holding]] = {}
    for position in Position.objects.filter(trader__is_demo=True).select_related("trader").defer("raw"):
        holding = Holding(position.symbol, position.side, abs(position.size), position.entry_price)
        found.setdefault(position.trader.external_id, []).append(holding)
    return found


def _prices() -> dict[str, Decimal]:
    """Return the newest prices that the demo's leaders reported."""
    fills = TradeEvent.objects.filter(trader__is_demo=True, symbol__in=INSTRUMENTS).order_by("symbol", "-event_time")
    traded = fills.distinct("symbol").values_list("symbol", "event_time", "price")
    marked = Position.objects.filter(trader__is_demo=True, mark_price__isnull=False, symbol__in=INSTRUMENTS)
    seen = sorted([*traded, *marked.values_list("symbol", "fetched_at", "mark_price")], key=lambda row: row[1])
    return {symbol: price.quantize(INSTRUMENTS[symbol].price_step) for symbol, _, price in seen}
