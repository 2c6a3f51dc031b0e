"""Leaders: made by their first push, curated by staff."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.lib.sql import run
from copytrade.realtime.messages import Message
from copytrade.realtime.services import messages_publish
from traders.models import LeaderStatus, LeadTrader, SourceFreshness
from traders.stream_names import ALL, trader_stream

LOCK_LEADER = """
    WITH known AS (
        SELECT id, nickname, status, is_copied FROM traders_leadtrader
        WHERE platform = %(platform)s AND external_id = %(external_id)s FOR NO KEY UPDATE
    ), made AS (
        INSERT INTO traders_leadtrader (platform, external_id, nickname, avatar_url, status, staff_note,
                                        positions_visible, is_demo, is_copied, raw, created_at, updated_at)
        SELECT %(platform)s, %(external_id)s, '', '', 'candidate', '', true, %(is_demo)s, false, '{}', %(now)s, %(now)s
        WHERE NOT EXISTS (SELECT FROM known)
        ON CONFLICT (platform, external_id) DO UPDATE SET updated_at = traders_leadtrader.updated_at
        RETURNING id, nickname, status, is_copied
    )
    SELECT * FROM known UNION ALL SELECT * FROM made
"""
UPDATE_LEADER = """
    UPDATE traders_leadtrader SET updated_at = %(now)s,
        nickname = coalesce(nullif(%(nickname)s, ''), nickname),
        avatar_url = coalesce(nullif(%(avatar_url)s, ''), avatar_url),
        positions_visible = coalesce(%(positions_visible)s, positions_visible),
        raw = CASE WHEN %(raw)s = '{}' THEN raw ELSE %(raw)s::jsonb END
    WHERE id = %(id)s RETURNING nickname
"""
KNOWN_FRESHNESS = """
    SELECT reported_at, positions_at, announced_stale FROM traders_sourcefreshness WHERE trader_id = %s AND source = %s
"""
UPSERT_FRESHNESS = """
    INSERT INTO traders_sourcefreshness AS f
        (trader_id, source, reported_at, received_at, positions_at, announced_stale)
    VALUES (%(trader)s, %(source)s, coalesce(%(reported_at)s, %(positions_at)s), %(now)s, %(positions_at)s, false)
    ON CONFLICT (trader_id, source) DO UPDATE SET
        reported_at = coalesce(%(reported_at)s, f.reported_at), received_at = excluded.received_at,
        positions_at = coalesce(excluded.positions_at, f.positions_at),
        announced_stale = f.announced_stale AND %(reported_at)s IS NULL
"""


@dataclass(frozen=True, slots=True)
class LockedLeader:
    """A leader whose row this transaction holds, so that reports of one leader follow one another."""

    id: int
    platform: str
    external_id: str
    nickname: str
    status: str
    is_copied: bool

    @property
    def is_public(self) -> bool:
        """Return whether anybody may be told of this leader."""
        return self.status != LeaderStatus.BLOCKED


def leader_lock(*, platform: str, external_id: str, is_demo: bool, now: datetime) -> LockedLeader:
    """Return the leader with its row locked, made where it is new. Needs a transaction."""
    parameters = {"platform": platform, "external_id": external_id, "is_demo": is_demo, "now": now}
    identifier, nickname, status, is_copied = run(LOCK_LEADER, parameters)[0]
    return LockedLeader(identifier, platform, external_id, nickname, status, is_copied)


def leader_describe(
    *,
    leader: LockedLeader,
    nickname: str,
    avatar_url: str,
    positions_visible: bool | None,
    raw: str,
    now: datetime,
) -> str:
    """Store what a newer report tells of the leader, keeping what it does not tell; return the nickname."""
    parameters = {
        "id": leader.id,
        "nickname": nickname,
        "avatar_url": avatar_url,
        "positions_visible": positions_visible,
        "raw": raw,
        "now": now,
    }
    return str(run(UPDATE_LEADER, parameters)[0][0])


def freshness_known(*, leader: LockedLeader, source: str) -> tuple[datetime | None, datetime | None, bool]:
    """Return the times of the newest report and of the newest complete list of positions (None is "never").

    The third is whether listeners were told that the source is stale.
    """
    rows = run(KNOWN_FRESHNESS, [leader.id, source])
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else (None, None, False)


def freshness_store(
    *, leader: LockedLeader, source: str, reported_at: datetime | None, positions_at: datetime | None, now: datetime
) -> None:
    """Remember how new the newest report is, and the newest one with a complete list of positions."""
    run(
        UPSERT_FRESHNESS,
        {
            "trader": leader.id,
            "source": source,
            "reported_at": reported_at,
            "positions_at": positions_at,
            "now": now,
        },
    )


@transaction.atomic
def leader_set_status(*, leader: LeadTrader, status: LeaderStatus, actor: User, reason: str) -> LeadTrader:
    """Approve, feature, pause or block a leader; the audit trail and listeners are told."""
    locked = LeadTrader.objects.select_for_update(no_key=True).get(pk=leader.pk)
    before = locked.status
    locked.status, locked.staff_note, locked.updated_at = status, reason, timezone.now()
    locked.save(update_fields=["status", "staff_note", "updated_at"])
    audit_record(
        actor=actor,
        action=f"leader.{status.value}",
        target=f"{locked.platform}:{locked.external_id}",
        changes={"status": [before, status.value]},
        reason=reason,
    )
    data = {
        "leadId": locked.external_id,
        "platform": locked.platform,
        "status": status.value,
        "previousStatus": before,
    }
    messages_publish([Message("trader:statusChange", data, _streams(locked))])
    return locked


@transaction.atomic
def staleness_announce(*, now: datetime) -> int:
    """Tell listeners, once each, of the leaders whose data became stale; return how many."""
    limit = now - timedelta(seconds=settings.LEADER_STALE_AFTER_SECONDS)
    gone = list(
        SourceFreshness.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(Q(reported_at__lt=limit) | Q(received_at__lt=limit), announced_stale=False)
        .select_related("trader")
        .order_by("pk")[:1000]
    )
    messages_publish(
        [
            Message(
                "trader:statusChange",
                {
                    "leadId": freshness.trader.external_id,
                    "platform": freshness.trader.platform,
                    "status": freshness.trader.status,
                    "source": freshness.source,
                    "stale": True,
                },
                _streams(freshness.trader),
            )
            for freshness in gone
        ]
    )
    SourceFreshness.objects.filter(pk__in=[freshness.pk for freshness in gone]).update(announced_stale=True)
    return len(gone)


def _streams(leader: LeadTrader) -> tuple[str, ...]:
    return (ALL, trader_stream(leader.platform, leader.external_id))
