"""The demo world: a history that can be told again, a feeder over HTTP, and nothing left after it is removed."""

import json
import stat
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.utils import timezone

from copytrade.accounts.authentication import KeyHolder
from copytrade.accounts.models import ApiKey
from copytrade.lib.wire import iso_time
from copytrade.ops.demo.feeder import Endpoint, KeyRefused
from copytrade.ops.demo.key import key_file, key_for_seeding, key_read
from copytrade.ops.demo.leaders import Leader
from copytrade.ops.demo.market import Market, dice
from copytrade.ops.demo.personas import PERSONAS
from copytrade.ops.demo.world import World
from copytrade.ops.management.commands.seed_demo import SEED
from ingest.models import IngestBatch
from ingest.services import push_receive
from traders.models import LeadTrader, Position, Score, SourceFreshness, SymbolAggregate, TradeEvent

END = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def new_world() -> World:
    market = Market(dice(SEED, "market"), {})
    leaders = [
        Leader(persona, market, dice(SEED, persona.external_id), until=END - timedelta(days=persona.days))
        for persona in PERSONAS
    ]
    return World(market, leaders)


def run(command: str, *arguments: str) -> str:
    output = StringIO()
    call_command(command, *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture(autouse=True)
def var_dir(settings: Any, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def real_leader(transactional_db: None) -> LeadTrader:
    position = {"symbol": "BTCUSDT", "side": "LONG", "size": "1.5", "entryPrice": "60000"}
    body = {"leadId": "4681698170884314113", "fetchedAt": iso_time(timezone.now()), "positions": [position]}
    push_receive(body=json.dumps(body).encode(), holder=KeyHolder("n8n", frozenset({"ingest"}), None))
    return LeadTrader.objects.get(external_id="4681698170884314113")


def test_the_same_seed_tells_the_same_history() -> None:
    assert list(new_world().history(END)) == list(new_world().history(END))


def test_the_history_has_all_kinds_of_leaders() -> None:
    world = new_world()
    reports: defaultdict[str, list[Any]] = defaultdict(list)
    for body in world.history(END):
        decoded = json.loads(body, parse_float=Decimal)
        reports[decoded["leadId"]].append(decoded)
    by_name = {leader.persona.nickname: leader for leader in world.leaders}
    orders = {
        leader.persona.nickname: [row for body in reports[lead_id] for row in body["orderHistory"]["allOrders"]]
        for leader in world.leaders
        if "orderHistory" in reports[lead_id := leader.persona.external_id][-1]
    }
    assert by_name["Double Or Dust"].broke
    assert not by_name["Harbour Swing"].broke
    assert by_name["Quiet Lantern"].until == END - timedelta(hours=96)
    assert {row["positionSide"] for row in orders["One Lane"]} == {"BOTH"}
    assert not by_name["Evening Flat"].holdings
    assert len(orders["Evening Flat"]) > 100
    assert all(body["activePositions"] == [] for body in reports[by_name["Veiled Current"].persona.external_id])
    ferry = [
        {(row["symbol"], row["positionSide"]) for row in body["activePositions"]}
        for body in reports[by_name["Two-Way Ferry"].persona.external_id]
    ]
    assert any({("BTCUSDT", "LONG"), ("BTCUSDT", "SHORT")} <= held for held in ferry)


def test_amounts_add_up_to_the_positions() -> None:
    world = new_world()
    traded: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    ids = {leader.persona.external_id: leader for leader in world.leaders if not leader.persona.normalised}
    for body in world.history(END):
        report = json.loads(body, parse_float=Decimal, parse_int=Decimal)
        for row in report.get("orderHistory", {}).get("allOrders", ()):
            traded[report["leadId"], row["symbol"]] += row["executedQty"] * (1 if row["side"] == "BUY" else -1)
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for lead_id, leader in ids.items():
        for holding in leader.holdings.values():
            held[lead_id, holding.symbol] += holding.amount * (1 if holding.side == "LONG" else -1)
    assert {key: amount for key, amount in traded.items() if amount} == {key: a for key, a in held.items() if a}


@pytest.mark.django_db(transaction=True)
def test_seed_marks_what_it_makes_and_run_again_changes_nothing() -> None:
    run("seed_demo", "--days", "3")
    events = TradeEvent.objects.count()
    assert LeadTrader.objects.filter(is_demo=True).count() == LeadTrader.objects.count() == len(PERSONAS)
    assert events > 100
    assert Score.objects.filter(window=30).exclude(score=50).exists()
    assert not IngestBatch.objects.filter(outcome="refused").exists()
    assert not LeadTrader.objects.get(nickname="Veiled Current").positions_visible
    assert not TradeEvent.objects.filter(kind="UNKNOWN").exists()
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert "up to date" in run("seed_demo", "--days", "3")
    assert TradeEvent.objects.count() == events


@pytest.mark.django_db(transaction=True)
def test_seed_goes_on_where_it_ended() -> None:
    run("seed_demo", "--days", "2")
    known = set(Position.objects.values_list("id", flat=True))
    SourceFreshness.objects.update(reported_at=timezone.now() - timedelta(hours=3))
    assert "11 leaders" in run("seed_demo")  # all but the silent one
    assert known & set(Position.objects.values_list("id", flat=True))
    assert not IngestBatch.objects.exclude(outcome="stored").exists()


@pytest.mark.django_db
def test_a_lost_key_is_replaced() -> None:
    with key_for_seeding() as first:
        assert key_read() is None  # no feeder may push into a world that is being made
    with key_for_seeding() as again:
        assert again == first
    key_file().unlink()
    with key_for_seeding() as second:
        assert list(ApiKey.objects.filter(is_demo=True)) == [second.key]


def test_remove_leaves_real_data_alone(real_leader: LeadTrader) -> None:
    before = list(SymbolAggregate.objects.values_list("symbol", "open_long_count", "open_short_count"))
    real_key = ApiKey.objects.create(name="n8n", prefix="abc", scopes=["ingest"])
    run("seed_demo", "--days", "2")
    assert run("remove_demo").startswith("Removed 12 leaders, ")
    assert list(LeadTrader.objects.all()) == [real_leader]
    assert real_leader.positions.count() == 1
    assert list(SymbolAggregate.objects.values_list("symbol", "open_long_count", "open_short_count")) == before
    assert IngestBatch.objects.get().trader == real_leader
    assert list(ApiKey.objects.all()) == [real_key]
    assert not key_file().exists()
    assert run("remove_demo").startswith("Removed 0 leaders, 0 events, ")


@pytest.mark.django_db(transaction=True)
def test_the_feeder_pushes_through_http(live_server: Any) -> None:
    run("seed_demo", "--days", "2")
    batches = IngestBatch.objects.count()
    assert "taken" in run("feed_demo", "--url", live_server.url, "--interval", "0", "--count", "5")
    assert IngestBatch.objects.count() == batches + 5
    assert LeadTrader.objects.filter(is_demo=False).count() == 0
    ApiKey.objects.all().delete()
    with pytest.raises(KeyRefused):
        Endpoint(live_server.url, "ct_no_key", print).deliver(b"{}")


def test_the_feeder_waits_as_it_is_told_and_says_each_change_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    slept: list[float] = []
    answers: list[tuple[int, str | None]] = [(503, None), (503, None), (429, "17"), (200, None)]

    def post(*args: Any, **options: Any) -> requests.Response:
        if not slept:
            raise requests.ConnectionError
        answer = requests.Response()
        answer.status_code, retry_after = answers.pop(0)
        answer.headers.update({"Retry-After": retry_after} if retry_after else {})
        return answer

    monkeypatch.setattr(requests.Session, "post", post)
    monkeypatch.setattr("copytrade.ops.demo.feeder.time.sleep", slept.append)
    Endpoint("http://127.0.0.1:1", "ct_key", said.append).deliver(b"{}")
    assert slept == [1.0, 2.0, 4.0, 17.0]
    assert [line.rpartition(": ")[2] for line in said] == [
        "no answer (ConnectionError).",
        "it fails (503).",
        "too many pushes (429).",
        "taken.",
    ]
