"""Which paper accounts were liquidated: their owners sent no order of it, so nobody asks for one."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Max

from markets.models import PaperOrder
from markets.venues.paper.words import LIQUIDATION


def liquidated_since(moment: datetime) -> Mapping[str, datetime]:
    """Return the keys of accounts of which something was liquidated since a moment, and when that was last."""
    rows = PaperOrder.objects.filter(reason=LIQUIDATION, updated_at__gt=moment).values("account__key").order_by()
    return dict(rows.annotate(at=Max("updated_at")).values_list("account__key", "at"))
