"""What is made of a leader's trades while others of them are just being stored, or are told in strange words."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from replication.engine import seen_events, seen_fills
from replication.engine.collecting import signals_collect
from replication.engine.instruments import Instrument
from replication.engine.leader_figures import LONGEST_ASSET, leader_margin, split_symbol
from replication.models import LeaderAccount, Signal, SignalPart
from tests.factories import make_account, make_event, make_fill, make_holding, make_leader, make_order

LONG = "X" * 52 + "USDT"


def meanwhile(monkeypatch, module, store):
    """Let something be stored just after what waits was taken up."""
    run: Any = module.run
    stored: list[Any] = []

    def runs(statement, parameters=()):
        rows = run(statement, parameters)
        if statement == module.TAKE and rows and not stored:
            stored.append(store())
        return rows

    monkeypatch.setattr(module, "run", runs)
    return stored


def told():
    return list(Signal.objects.order_by("pk").values_list("action", "symbol"))


@pytest.mark.django_db
def test_a_close_that_is_stored_while_its_opening_is_taken_up_is_copied_itself(monkeypatch):
    leader, now = make_leader(is_copied=True), timezone.now()
    make_event(leader, awaits_copy=True, event_time=now - timedelta(seconds=60))
    close = {"kind": "CLOSE_LONG", "event_time": now - timedelta(seconds=20)}
    stored = meanwhile(monkeypatch, seen_events, lambda: make_event(leader, awaits_copy=True, **close))

    assert signals_collect() == 1
    assert not Signal.objects.get().numbers.get("superseded")
    assert signals_collect() == 1

    assert told() == [("OPEN", "BTCUSDT"), ("CLOSE", "BTCUSDT")]
    assert SignalPart.objects.get(exits=True).event == stored[0]


@pytest.mark.django_db
def test_a_fill_that_is_stored_while_another_is_taken_up_is_copied_itself(monkeypatch):
    leader, account, now = make_leader(is_copied=True), make_account(), timezone.now()
    LeaderAccount.objects.create(trader=leader, account=account)
    holding = make_holding(account=account)
    buy, sell = (make_order(account=account, side=side) for side in ("BUY", "SELL"))
    make_fill(buy, awaits_copy=True, time=now - timedelta(seconds=60))

    def store():
        type(holding).objects.update(quantity=0)
        return make_fill(sell, awaits_copy=True, time=now - timedelta(seconds=20))

    stored = meanwhile(monkeypatch, seen_fills, store)

    assert [signals_collect(), signals_collect()] == [1, 1]

    assert told() == [("OPEN", "BTCUSDT"), ("CLOSE", "BTCUSDT")]
    assert SignalPart.objects.get(exits=True).fill == stored[0]


@pytest.mark.django_db
def test_a_symbol_with_more_letters_than_any_asset_has_holds_up_no_other_one():
    leader = make_leader(is_copied=True)
    make_event(leader, symbol=LONG, amount_asset="", awaits_copy=True)
    make_event(leader, symbol=LONG + "_260925", amount_asset="X" * 20, awaits_copy=True)
    make_event(leader, awaits_copy=True)

    assert signals_collect() == 3

    assert {symbol for _, symbol in told()} == {LONG, LONG + "_260925", "BTCUSDT"}


@pytest.mark.parametrize("asset", ["", "X" * 20])
def test_what_no_asset_is_called_is_cut(asset):
    instrument = split_symbol(LONG, asset)
    assert instrument.symbol == LONG
    assert max(len(instrument.base_asset), len(instrument.quote_asset)) <= LONGEST_ASSET


def test_a_symbol_is_split_at_its_quote_asset():
    assert split_symbol("BTCFDUSD") == Instrument("BTCFDUSD", "BTC", "FDUSD")
    assert split_symbol("1000PEPEUSDT", "1000PEPE") == Instrument("1000PEPEUSDT", "1000PEPE", "USDT")


@pytest.mark.parametrize("told", ["1e30", "1e999", "-5", "0", "NaN", "much", None, True, []])
def test_a_margin_that_is_no_money_is_not_known(told):
    assert leader_margin({"marginBalance": told}) is None
    assert leader_margin({"marginBalance": told, "inner": {"margin_balance": "12.5"}}) == Decimal("12.5")
