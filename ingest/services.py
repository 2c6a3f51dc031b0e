"""Storing a push: one transaction, in a number of statements that does not depend on its rows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DataError, transaction
from django.utils import timezone

from copytrade.accounts.authentication import KeyHolder
from copytrade.lib.errors import ApplicationError, InvalidInput
from copytrade.lib.wake import wake_on_commit
from copytrade.realtime.messages import Message
from copytrade.realtime.services import messages_publish
from ingest.event_time import FURTHEST_ZONE
from ingest.forms import ParseOptions, parse_report
from ingest.forms.raw_scrape import with_seed_key
from ingest.identity import KnownEvent, new_events
from ingest.models import IngestBatch, Outcome
from ingest.one_way import Anchor, resolve_one_way
from ingest.report import BINANCE, SOURCE, OneWayFill, Report
from traders.fills import NewFill
from traders.models import ScoreWindow
from traders.positions import HeldPosition, PositionPlan, is_newer, plan_positions
from traders.services.aggregates import aggregates_apply, latest_by_symbol, symbol_changes
from traders.services.events import events_append, events_known
from traders.services.leaders import LockedLeader, freshness_known, freshness_store, leader_describe, leader_lock
from traders.services.messages import (
    fill_messages,
    fresh_again_message,
    leader_stats_message,
    position_messages,
    symbol_stats_messages,
)
from traders.services.positions import positions_apply, positions_held
from traders.services.scores import score_now, scores_refresh


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a push brought; `trader_score` is the one of 30 days."""

    lead_id: str
    outcome: Outcome
    positions_inserted: int
    positions_closed: int
    events_inserted: int
    events_skipped: int
    symbols_aggregated: int
    trader_score: Decimal


@dataclass(frozen=True, slots=True)
class Push:
    """A body on its way in."""

    body: bytes
    holder: KeyHolder
    now: datetime
    started: float

    def batch(self, outcome: Outcome, **facts: object) -> IngestBatch:
        """Return the row that tells of this push, not stored yet."""
        return IngestBatch(
            source=SOURCE,
            key=self.holder.key,
            key_name=self.holder.name,
            received_at=self.now,
            outcome=outcome,
            body_bytes=len(self.body),
            milliseconds=int((time.perf_counter() - self.started) * 1000),
            **facts,
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """What a push changes about its leader."""

    fills: Sequence[NewFill]
    skipped: int
    plan: PositionPlan
    is_newest: bool
    is_older: bool
    is_heard_again: bool
    positions_are_newest: bool


def parse_options() -> ParseOptions:
    """Return how event times are read: a zone that staff named is believed to the minute, else any zone is possible."""
    if settings.INGEST_TIME_ZONE is None:
        return ParseOptions(ZoneInfo("UTC"), FURTHEST_ZONE)
    return ParseOptions(settings.INGEST_TIME_ZONE, timedelta(seconds=settings.INGEST_CLOCK_TOLERANCE_SECONDS))


def push_receive(*, body: bytes, holder: KeyHolder) -> Receipt:
    """Store a body whole or not at all; a refused one leaves a batch that tells why."""
    push = Push(body, holder, timezone.now(), time.perf_counter())
    try:
        report = parse_report(body, parse_options())
        try:
            with transaction.atomic():
                return _store(report, push)
        except DataError as error:  # a text within `raw` that is JSON, but not for PostgreSQL
            unstorable = {"path": "", "message": f"holds what cannot be stored: {str(error).splitlines()[0]}"}
            raise InvalidInput([unstorable]) from error
    except ApplicationError as error:
        problems = error.details.get("errors", [])
        push.batch(Outcome.REFUSED, note=error.message[:2000], errors=problems).save(force_insert=True)
        raise


def batches_prune() -> int:
    """Delete batches older than `INGEST_BATCH_RETENTION_DAYS`; the facts stay. Return how many."""
    limit = timezone.now() - timedelta(days=settings.INGEST_BATCH_RETENTION_DAYS)
    return IngestBatch.objects.filter(received_at__lt=limit).delete()[0]


def _store(report: Report, push: Push) -> Receipt:
    is_demo = push.holder.key is not None and push.holder.key.is_demo
    leader = leader_lock(platform=BINANCE, external_id=report.lead_id, is_demo=is_demo, now=push.now)
    changes = _append_fills(report, leader, _compare(report, leader, push.now), push.now)
    messages = _write_positions(report, leader, changes, push.now)
    score, stats = _score(report, leader, changes, push.now)
    if changes.is_newest or changes.positions_are_newest:
        leader = _describe(report, leader, changes, push.now)
    receipt = _receipt(report, changes, score)
    push.batch(
        receipt.outcome,
        form=report.form,
        trader_id=leader.id,
        fetched_at=report.fetched_at,
        events_inserted=receipt.events_inserted,
        events_skipped=receipt.events_skipped,
        positions_inserted=receipt.positions_inserted,
        positions_closed=receipt.positions_closed,
        note=_note(report, push.now),
    ).save(force_insert=True)
    totals = aggregates_apply(
        platform=leader.platform,
        changes=symbol_changes(changes.plan),
        latest=latest_by_symbol((fill.symbol, fill.event_time) for fill in changes.fills),
    )
    told = [*messages, *stats] if leader.is_public else []
    messages_publish([*told, *symbol_stats_messages(leader.platform, totals)])
    if leader.is_copied and changes.fills:
        wake_on_commit("replication.fan_out")
    return replace(receipt, symbols_aggregated=len({total.symbol for total in totals} | changes.plan.symbols))


def _compare(report: Report, leader: LockedLeader, now: datetime) -> Changes:
    """Find out what is new, with the leader's row locked."""
    reported_at, positions_at, was_stale = freshness_known(leader=leader, source=SOURCE)
    tolerance = timedelta(seconds=settings.INGEST_CLOCK_TOLERANCE_SECONDS)
    newest = is_newer(report.fetched_at, reported_at, now=now, tolerance=tolerance)
    complete = report.positions is not None and is_newer(report.fetched_at, positions_at, now=now, tolerance=tolerance)
    one_way = any(isinstance(event, OneWayFill) for event in report.events)
    held = positions_held(leader=leader) if complete or one_way else []
    fills, skipped = _new_fills(report, leader, _anchors(report, held, positions_at))
    plan = plan_positions(held, report.positions or []) if complete else PositionPlan()
    older = reported_at is not None and report.fetched_at < reported_at
    return Changes(fills, skipped, plan, newest, older, was_stale and newest, complete)


def _anchors(report: Report, held: Sequence[HeldPosition], positions_at: datetime | None) -> list[Anchor]:
    """Return the positions that one-way fills may be walked from: those that the report shows, those known before."""
    anchors = []
    if report.positions is not None:
        anchors.append(Anchor(report.fetched_at, _sizes(report.positions)))
    if positions_at is not None and positions_at <= report.fetched_at:
        anchors.append(Anchor(positions_at, _sizes(held)))
    return anchors


def _sizes(positions: Sequence[HeldPosition]) -> dict[str, Decimal]:
    """Return the signed size by symbol, both sides of a hedge together."""
    sizes: dict[str, Decimal] = {}
    with localcontext(prec=120):
        for position in positions:
            sizes[position.symbol] = sizes.get(position.symbol, Decimal(0)) + position.size
    return sizes


def _new_fills(report: Report, leader: LockedLeader, anchors: Sequence[Anchor]) -> tuple[list[NewFill], int]:
    """Return the fills that are not stored yet, and how many of the reported ones are.

    A one-way fill is known by its own key, whatever it was taken for: another window of the same orders may make it
    an open instead of a close.
    """
    if not report.events:
        return [], 0
    one_way = [event for event in report.events if isinstance(event, OneWayFill)]
    whole = [event for event in report.events if isinstance(event, NewFill)]
    split = resolve_one_way(one_way, anchors, lambda event: with_seed_key(event, report.lead_id).event_key)
    reported = [*whole, *(part for _, parts in split for part in parts)]
    rows = events_known(
        leader=leader,
        event_keys=[event.event_key for event in reported],
        canonical_keys=[*(event.canonical_key for event in whole), *(key for key, _ in split)],
    )
    known = [KnownEvent(*row) for row in rows]
    stored = {event.canonical_key for event in known}
    unknown = [part for key, parts in split if key not in stored for part in parts]
    fills = new_events([*whole, *unknown], known)
    return fills, len(reported) - len(fills)


def _append_fills(report: Report, leader: LockedLeader, changes: Changes, now: datetime) -> Changes:
    """Append the new fills; only what the database really took counts from here on."""
    if not changes.fills:
        return changes
    stored = events_append(leader=leader, fills=changes.fills, fetched_at=report.fetched_at, now=now)
    fills = [fill for fill in changes.fills if fill.event_key in stored]
    return replace(changes, fills=fills, skipped=changes.skipped + len(changes.fills) - len(fills))


def _write_positions(report: Report, leader: LockedLeader, changes: Changes, now: datetime) -> list[Message]:
    """Bring positions up to date; return what listeners are told of fills and positions."""
    messages = [fresh_again_message(leader, SOURCE)] if changes.is_heard_again else []
    messages += fill_messages(leader, changes.fills)
    if changes.plan.positions:
        positions_apply(leader=leader, plan=changes.plan, fetched_at=report.fetched_at, now=now)
        messages += position_messages(leader, changes.plan, fetched_at=report.fetched_at, now=now)
    return messages


def _score(report: Report, leader: LockedLeader, changes: Changes, now: datetime) -> tuple[Decimal, list[Message]]:
    """Return the leader's score of 30 days, computed again where fills are new or the day is another."""
    today = now.astimezone(UTC).date()
    stored = None if changes.fills else score_now(trader_id=leader.id, window=ScoreWindow.MONTH)
    if stored is not None and stored[1] == today:
        return stored[0], []
    fills = [(fill.kind, fill.realized_pnl, fill.event_time) for fill in changes.fills]
    results = scores_refresh(trader_id=leader.id, new_fills=fills, as_of=today, now=now)
    count = len(report.positions) if changes.positions_are_newest and report.positions is not None else None
    message = leader_stats_message(leader, results, count, report.fetched_at)
    return results[ScoreWindow.MONTH].score, [message]


def _describe(report: Report, leader: LockedLeader, changes: Changes, now: datetime) -> LockedLeader:
    """Store what the newest report tells of the leader, and how fresh its parts are."""
    profile = report.profile
    if changes.is_newest and profile.raw != "{}":
        nickname = leader_describe(
            leader=leader,
            nickname=profile.nickname,
            avatar_url=profile.avatar_url,
            positions_visible=profile.positions_visible,
            raw=profile.raw,
            now=now,
        )
        leader = replace(leader, nickname=nickname)
    freshness_store(
        leader=leader,
        source=SOURCE,
        reported_at=report.fetched_at if changes.is_newest else None,
        positions_at=report.fetched_at if changes.positions_are_newest else None,
        now=now,
    )
    return leader


def _receipt(report: Report, changes: Changes, score: Decimal) -> Receipt:
    outcome = Outcome.STORED if changes.fills or changes.is_newest or changes.positions_are_newest else Outcome.REPEATED
    if outcome is Outcome.REPEATED and changes.is_older:
        outcome = Outcome.OUTDATED
    return Receipt(
        lead_id=report.lead_id,
        outcome=outcome,
        positions_inserted=len(changes.plan.having("opened", "updated")),
        positions_closed=len(changes.plan.having("closed")),
        events_inserted=len(changes.fills),
        events_skipped=changes.skipped,
        symbols_aggregated=0,
        trader_score=score,
    )


def _note(report: Report, now: datetime) -> str:
    """Return a warning about the sender's clock, if it is ahead of ours."""
    ahead = (report.fetched_at - now).total_seconds()
    if ahead <= settings.INGEST_CLOCK_TOLERANCE_SECONDS:
        return ""
    return f"fetchedAt is {ahead:.0f} s ahead of this server: check the sender's clock."
