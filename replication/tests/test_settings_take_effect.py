"""No setting of a copy is one that no code reads: each reaches the planner, and changes what it decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from replication.engine.loading import Question, followers_load
from replication.facts import CopyTerms, TradingHours
from replication.models import Copy, Signal
from replication.tests.kit import follow, make_master
from replication.tests.planner_kit import NOW, D, decide, terms_of
from replication.vocabulary import CopyState, MinimumPolicy, Strategy

NEVER = TradingHours(zone="UTC", days=frozenset(), since=0, until=60)
PERCENTAGE = {"strategy": Strategy.PERCENTAGE, "percentage": D(1)}
FIXED_QUANTITY = {"strategy": Strategy.FIXED_QUANTITY, "fixed_quantity": D(1)}
FIXED_AMOUNT = {"strategy": Strategy.FIXED_AMOUNT, "fixed_amount": D(500)}
TIERS = {"strategy": Strategy.MULTIPLIER_TIERS, "tiers": ((D(0), D(1)),)}

EFFECTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "state": (CopyState.PAUSED, {}),
    "strategy": (Strategy.FIXED_AMOUNT, {"fixed_amount": D(500)}),
    "started_at": (NOW, {}),
    "resumed_at": (NOW, {}),
    "ratio": (D(2), {}),
    "percentage": (D(2), PERCENTAGE),
    "fixed_quantity": (D(2), FIXED_QUANTITY),
    "fixed_amount": (D(600), FIXED_AMOUNT),
    "tiers": (((D(0), D(2)),), TIERS),
    "inverted": (True, {}),
    "max_order": (D(100), {}),
    "max_symbol": (D(100), {}),
    "max_exposure": (D(100), {}),
    "max_positions": (0, {}),
    "max_leverage": (D("0.001"), {}),
    "max_daily_loss": (D(0), {}),
    "max_slippage_percent": (D(1), {}),
    "max_signal_age_seconds": (0, {}),
    "allowed_symbols": (frozenset({"ETHUSDT"}), {}),
    "denied_symbols": (frozenset({"BTCUSDT"}), {}),
    "minimum_policy": (MinimumPolicy.ACCUMULATE, {"ratio": D("0.0005")}),
    "trading_hours": (NEVER, {}),
}


@pytest.mark.parametrize("name", CopyTerms.__struct_fields__)
def test_each_setting_changes_what_is_decided(name):
    """PITFALLS 17: caps in the settings that no code read."""
    value, others = EFFECTS[name]

    assert decide(terms=terms_of(**{**others, name: value})) != decide(terms=terms_of(**others))


@pytest.mark.django_db
def test_each_column_of_a_copy_reaches_the_planner():
    leader, _ = make_master()
    copy, now = follow(leader), timezone.now()
    amounts = {
        name: D(number) / 10
        for number, name in enumerate(
            (
                "ratio",
                "percentage",
                "fixed_quantity",
                "fixed_amount",
                "max_order",
                "max_symbol",
                "max_exposure",
                "max_leverage",
                "max_daily_loss",
                "max_slippage_percent",
            ),
            start=1,
        )
    }
    same: dict[str, Any] = {
        "started_at": now - timedelta(hours=2),
        "resumed_at": now - timedelta(hours=1),
        "inverted": True,
        "max_positions": 7,
        "max_signal_age_seconds": 11,
        **amounts,
    }
    Copy.objects.filter(pk=copy.pk).update(
        state="paused",
        strategy="MULTIPLIER_TIERS",
        tiers=[{"from": "10", "multiplier": "0.5"}],
        allowed_symbols=["ETHUSDT"],
        denied_symbols=["BTCUSDT"],
        minimum_policy="accumulate",
        trading_hours={"zone": "Asia/Kolkata", "days": [0, 4], "from": "09:15", "to": "15:30"},
        **same,
    )

    signal = Signal(pk=0, trader=leader, action="OPEN", symbol="BTCUSDT", side="LONG")
    with transaction.atomic():
        [follower] = followers_load(signal, Question(), {}, now=now).followers

    assert follower.terms == CopyTerms(
        state=CopyState.PAUSED,
        strategy=Strategy.MULTIPLIER_TIERS,
        tiers=((D(10), D("0.5")),),
        allowed_symbols=frozenset({"ETHUSDT"}),
        denied_symbols=frozenset({"BTCUSDT"}),
        minimum_policy=MinimumPolicy.ACCUMULATE,
        trading_hours=TradingHours(zone="Asia/Kolkata", days=frozenset({0, 4}), since=555, until=930),
        **same,
    )
