"""What waits for staff: the figures of the admin's start page."""

from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from ingest.models import IngestBatch, Outcome
from traders.models import LeaderStatus, LeadTrader
from traders.selectors.overview import stale_leaders


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its words and the list that it counts."""

    label: str
    value: int
    link: str
    needs_attention: bool


def desk_figures() -> list[Figure]:
    """Return the figures, in three statements."""
    now = timezone.now()
    candidates = LeadTrader.objects.filter(status=LeaderStatus.CANDIDATE).count()
    stale = stale_leaders(now).count()
    refused = IngestBatch.objects.filter(outcome=Outcome.REFUSED, received_at__gte=now - timedelta(days=1)).count()
    leaders, batches = reverse("admin:traders_leadtrader_changelist"), reverse("admin:ingest_ingestbatch_changelist")
    return [
        Figure("Candidates waiting", candidates, f"{leaders}?status__exact=candidate", candidates > 0),
        Figure("Leaders with stale data", stale, f"{leaders}?freshness=stale", stale > 0),
        Figure("Pushes refused in 24 h", refused, f"{batches}?outcome__exact=refused", refused > 0),
    ]
