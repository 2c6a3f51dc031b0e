"""A user begins, watches, changes, pauses, funds and stops copies over HTTP; nobody else's are there at all."""

from decimal import Decimal
from typing import Any

import pytest

from copytrade.accounts.models import AuditEvent, Scope
from copytrade.accounts.services import api_key_create
from replication.models import Copy, CopyPosition
from replication.services import copies, stopping
from replication.tests.api_kit import as_user, get, patch, paths, post, statements
from replication.tests.kit import D, follow, held, lead, make_master, paper_account, price_is, send_nothing, settle
from tests.factories import make_leader, make_market
from traders.models import LeaderStatus

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices(settings: Any) -> None:
    settings.ORDER_RATE_LIMIT_MAX = 1_000
    price_is()


@pytest.fixture
def scene():
    leader, account = make_master()
    mine = paper_account()
    return leader, account, mine, as_user(mine.user)


def test_a_copy_is_begun_with_its_settings_and_shown_with_its_results(scene):
    leader, _, mine, client = scene
    body = {
        "trader_id": leader.pk,
        "account_id": mine.pk,
        "ratio": "0.5",
        "allocated": "1000.50",
        "denied_symbols": ["dogeusdt"],
        "trading_hours": {"zone": "Asia/Kolkata", "days": [4, 0], "from": "09:15", "to": "15:30"},
    }
    copy = post(client, "copies/", body)["data"]
    settings = copy["settings"]
    assert (settings["ratio"], settings["allocated"], settings["denied_symbols"]) == ("0.5", "1000.5", ["DOGEUSDT"])
    assert settings["trading_hours"] == {"zone": "Asia/Kolkata", "days": [0, 4], "from": "09:15", "to": "15:30"}
    assert (settings["max_slippage_percent"], settings["max_signal_age_seconds"]) == ("1", 60)
    assert copy["results"] == {
        "asset": "USDT",
        "base": "1000.5",
        "realized_pnl": "0",
        "fees": "0",
        "unrealized_pnl": "0",
        "value": "1000.5",
        "peak": "1000.5",
        "drawdown_percent": "0",
        "lost_today": "0",
        "open_positions": 0,
    }
    assert (copy["state"], copy["trader_id"], copy["account_id"]) == ("active", leader.pk, mine.pk)
    assert get(client, f"copies/{copy['id']}")["data"] == copy
    assert get(client, "copies/")["data"] == [copy]


def test_tiers_are_stored_and_shown_as_they_were_given(scene):
    leader, _, _, client = scene
    tiers = [{"from": "0", "multiplier": "1"}, {"from": "1000", "multiplier": "0.5"}]
    copy = post(client, "copies/", {"trader_id": leader.pk, "strategy": "MULTIPLIER_TIERS", "tiers": tiers})["data"]
    assert copy["settings"]["tiers"] == tiers


def test_what_a_copy_won_and_lost_is_in_its_results(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine, allocated=D(100_000))
    lead(account, "BUY", "0.2")
    price_is(49_000)
    lead(account, "SELL", "0.1")
    results = get(client, f"copies/{copy.pk}")["data"]["results"]
    fees, realized, open_result = (Decimal(results[name]) for name in ("fees", "realized_pnl", "unrealized_pnl"))
    assert -105 < realized < -99
    assert -105 < open_result < -99
    assert Decimal(results["value"]) == 100_000 + realized + open_result - fees
    assert (Decimal(results["lost_today"]), results["open_positions"]) == (fees - realized, 1)
    assert Decimal(results["drawdown_percent"]) > Decimal("0.2")


def test_what_needs_a_price_is_null_while_there_is_none(scene, monkeypatch: pytest.MonkeyPatch):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    monkeypatch.setattr("replication.selectors.values.is_stale", lambda report, now: True)
    results = get(client, f"copies/{copy.pk}")["data"]["results"]
    assert (results["unrealized_pnl"], results["value"], results["drawdown_percent"]) == (None, None, None)


def test_all_that_is_wrong_is_named_at_once(scene):
    leader, _, _, client = scene
    body = {"trader_id": leader.pk, "ratio": "0", "max_order": "500", "max_symbol": "100"}
    answer = post(client, "copies/", body, status=400)
    assert paths(answer) == {"ratio", "max_order"}
    for wrong in (
        {"ratio": 0.5},
        {"ratio": "1e5"},
        {"ratio": "-1"},
        {"strategy": "GUESS"},
        {"max_positions": 0},
        {"trading_hours": {"zone": "Asia/Kolkata", "days": [7], "from": "09:15", "to": "15:30"}},
        {"trading_hours": {"zone": "Asia/Kolkata", "days": [0], "from": "09:15\n", "to": "09:15"}},
        {"max_order": "500\n"},
        {"allowed_symbols": ["BTCUSDT\n"]},
        {"inverted": None},
        {"unknown": 1},
    ):
        post(client, "copies/", {"trader_id": leader.pk, "ratio": "1", **wrong}, status=400)
    assert not Copy.objects.exists()


def test_a_leader_or_an_account_that_is_not_there_is_404(scene):
    leader, account, _, client = scene
    post(client, "copies/", {"trader_id": 10**9, "ratio": "1"}, status=404)
    post(client, "copies/", {"trader_id": make_leader(status=LeaderStatus.BLOCKED).pk, "ratio": "1"}, status=404)
    post(client, "copies/", {"trader_id": leader.pk, "ratio": "1", "account_id": account.pk}, status=404)


def test_an_account_is_not_closed_under_a_copy(scene):
    leader, _, mine, client = scene
    copy = follow(leader, mine)

    refused = client.delete(f"/api/accounts/{mine.pk}")

    assert (refused.status_code, refused.json()["error"]["details"]) == (409, {"copies": 1})
    assert "stop it first" in refused.json()["error"]["message"]
    post(client, f"copies/{copy.pk}/stop", {"close": False})
    assert client.delete(f"/api/accounts/{mine.pk}").json()["data"]["state"] == "closed"


def test_a_leader_is_copied_once_by_an_account(scene):
    leader, _, mine, client = scene
    body = {"trader_id": leader.pk, "ratio": "1", "account_id": mine.pk}
    post(client, "copies/", body)
    assert post(client, "copies/", body, status=409)["error"]["code"] == "CONFLICT"


def test_settings_are_merged_with_those_of_now_and_checked_together(scene):
    leader, _, mine, client = scene
    copy = follow(leader, mine, ratio=D("0.5"), max_order=D(100), max_daily_loss=D(50))
    settings = patch(client, f"copies/{copy.pk}", {"max_symbol": "400", "max_daily_loss": None})["data"]["settings"]
    assert (settings["ratio"], settings["max_order"], settings["max_symbol"]) == ("0.5", "100", "400")
    assert settings["max_daily_loss"] is None
    assert paths(patch(client, f"copies/{copy.pk}", {"max_symbol": "50"}, status=400)) == {"max_order"}
    assert paths(patch(client, f"copies/{copy.pk}", {"strategy": "PERCENTAGE"}, status=400)) == {"percentage"}
    patch(client, f"copies/{copy.pk}", {"allocated": "5"}, status=400)
    copy.refresh_from_db()
    assert (copy.max_symbol, copy.strategy) == (400, "FIXED_RATIO")


def test_a_copy_is_paused_and_resumed_as_often_as_one_likes(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    for _ in range(2):
        assert post(client, f"copies/{copy.pk}/pause")["data"]["state"] == "paused"
    lead(account, "BUY", "0.1")
    assert held(copy) == 0
    for _ in range(2):
        assert post(client, f"copies/{copy.pk}/resume")["data"]["state"] == "active"
    actions = AuditEvent.objects.filter(target=f"copy:{copy.pk}").values_list("action", flat=True)
    assert sorted(actions) == ["copy.pause", "copy.resume", "copy.start"]


def test_funds_are_given_and_taken_but_never_all(scene):
    leader, _, mine, client = scene
    copy = follow(leader, mine, allocated=D(100))
    assert post(client, f"copies/{copy.pk}/funds", {"amount": "50.5"})["data"]["settings"]["allocated"] == "150.5"
    data = post(client, f"copies/{copy.pk}/funds", {"amount": "-100"})["data"]
    assert (data["settings"]["allocated"], data["results"]["base"], data["results"]["peak"]) == ("50.5", "50.5", "50.5")
    for amount in ("-50.5", "0", "abc", "1e2"):
        assert paths(post(client, f"copies/{copy.pk}/funds", {"amount": amount}, status=400)) == {"amount"}
    whole = follow(leader, paper_account(mine.user))
    post(client, f"copies/{whole.pk}/funds", {"amount": "1"}, status=409)


def test_a_stop_keeps_what_is_held_unless_it_is_told_to_close(scene):
    leader, account, mine, client = scene
    keeping, closing = follow(leader, mine), follow(leader, paper_account(mine.user))
    lead(account, "BUY", "0.1")
    assert post(client, f"copies/{keeping.pk}/stop", {})["data"]["state"] == "ended"
    assert post(client, f"copies/{closing.pk}/stop", {"close": True})["data"]["state"] == "stopping"
    settle()
    ended = post(client, f"copies/{closing.pk}/stop", {"close": True})["data"]
    settle()
    assert (held(keeping), held(closing)) == (D("0.1"), 0)
    assert get(client, f"copies/{closing.pk}")["data"]["state"] in {"ended", ended["state"]}
    post(client, f"copies/{keeping.pk}/pause", status=409)
    patch(client, f"copies/{keeping.pk}", {"ratio": "2"}, status=409)


def test_everything_is_stopped_at_once(scene):
    leader, account, mine, client = scene
    other = follow(leader)
    own = [follow(leader, mine), follow(leader, paper_account(mine.user))]
    lead(account, "BUY", "0.1")
    stopped = post(client, "copies/stop-all", {"close": True})["data"]
    assert {copy["id"] for copy in stopped} == {copy.pk for copy in own}
    settle()
    assert [held(copy) for copy in own] == [0, 0]
    assert held(other) == D("0.1")
    assert post(client, "copies/stop-all", {"close": True})["data"] == []


def test_what_is_being_closed_is_kept_where_everything_is_stopped_that_way(scene, monkeypatch):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        assert post(client, "copies/stop-all", {"close": True})["data"][0]["state"] == "stopping"
        assert post(client, "copies/stop-all", {"close": True})["data"] == []

        assert post(client, "copies/stop-all", {})["data"][0]["state"] == "ended"
    assert post(client, "copies/stop-all", {})["data"] == []
    assert held(copy) == D("0.1")


def test_a_copy_that_cannot_be_stopped_keeps_no_other_from_it(scene, monkeypatch, caplog):
    leader, _, mine, client = scene
    first, second = follow(leader, mine), follow(leader, paper_account(mine.user))
    end = stopping.copy_end

    def fails_once(*, copy, reason):
        if copy.pk == first.pk:
            raise ValueError("this one is broken")
        end(copy=copy, reason=reason)

    monkeypatch.setattr(copies, "copy_end", fails_once)
    answer = post(client, "copies/stop-all", {}, status=409)

    assert answer["error"]["details"] == {"copies": [first.pk]}
    states = dict(Copy.objects.values_list("pk", "state"))
    assert (states[first.pk], states[second.pk]) == ("active", "ended")
    assert "cannot be stopped" in caplog.text


def test_a_position_is_closed_without_leaving_the_leader(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    position = get(client, f"copies/{copy.pk}/positions")["data"][0]
    expected = {"symbol": "BTCUSDT", "quantity": "0.1", "side": "LONG", "open": True}
    assert {name: position[name] for name in expected} == expected
    path = f"copies/{copy.pk}/positions/{position['id']}/close"
    assert post(client, path)["data"]["id"] == position["id"]
    settle()
    assert held(copy) == 0
    assert get(client, f"copies/{copy.pk}/positions", open="true")["data"] == []
    assert post(client, path, status=409)["error"]["code"] == "CONFLICT"
    assert Copy.objects.get(pk=copy.pk).state == "active"


def test_anybody_elses_copy_is_not_there(scene):
    leader, account, mine, client = scene
    other = follow(leader)
    lead(account, "BUY", "0.1")
    position = CopyPosition.objects.get(copy=other).pk
    own = follow(leader, mine)
    assert [copy["id"] for copy in get(client, "copies/")["data"]] == [own.pk]
    get(client, f"copies/{other.pk}", status=404)
    get(client, f"copies/{other.pk}/positions", status=404)
    get(client, f"copies/{other.pk}/decisions", status=404)
    patch(client, f"copies/{other.pk}", {"ratio": "2"}, status=404)
    for action, body in (("pause", None), ("resume", None), ("stop", {}), ("funds", {"amount": "1"})):
        post(client, f"copies/{other.pk}/{action}", body, status=404)
    post(client, f"copies/{other.pk}/positions/{position}/close", status=404)
    post(client, f"copies/{own.pk}/positions/{position}/close", status=404)
    assert Copy.objects.get(pk=other.pk).state == "active"


def test_a_key_reads_with_one_scope_and_changes_with_another(scene, client):
    leader, _, mine, _ = scene
    copy = follow(leader, mine)
    reading = api_key_create(user=mine.user, name="reads", scopes=[Scope.READ])[1]
    trading = api_key_create(user=mine.user, name="trades", scopes=[Scope.TRADE])[1]

    def pause(key: str) -> int:
        answer = client.post(f"/api/copies/{copy.pk}/pause", headers={"X-API-Key": key})
        return int(answer.status_code)

    assert client.get("/api/copies/", headers={"X-API-Key": reading}).status_code == 200
    assert (pause(reading), pause(trading)) == (403, 200)
    assert client.get("/api/copies/").status_code == 401


def test_no_key_binds_its_user_to_what_somebody_else_will_do(scene, client):
    leader, _, mine, _ = scene
    copy = follow(leader, mine, allocated=D(1000))
    trading = api_key_create(user=mine.user, name="trades", scopes=[Scope.TRADE])[1]
    begun = {"trader_id": make_master()[0].pk, "ratio": "1"}
    wishes = {
        "": (client.post, begun),
        f"{copy.pk}": (client.patch, {"ratio": "9"}),
        f"{copy.pk}/resume": (client.post, {}),
        f"{copy.pk}/funds": (client.post, {"amount": "1"}),
    }

    for path, (send, body) in wishes.items():
        told = send(f"/api/copies/{path}", body, content_type="application/json", headers={"X-API-Key": trading})
        assert (told.status_code, told.json()["error"]["code"]) == (403, "PERMISSION_DENIED"), path

    copy.refresh_from_db()
    assert (Copy.objects.count(), copy.ratio, copy.allocated) == (1, 1, 1000)


def test_the_list_is_filtered(scene):
    leader, _, mine, client = scene
    second, _ = make_master()
    one, two = follow(leader, mine), follow(second, paper_account(mine.user))
    post(client, f"copies/{two.pk}/pause")

    def found(**query: Any) -> list[int]:
        return [copy["id"] for copy in get(client, "copies/", **query)["data"]]

    assert found() == [two.pk, one.pk]
    assert found(state="paused") == found(trader=second.pk) == found(account=two.account_id) == [two.pk]
    assert found(limit=1, offset=1) == [one.pk]
    third, _ = make_master()
    assert found(trader=third.pk) == []
    for unknown in ({"trader": 10**9}, {"account": paper_account().pk}):
        get(client, "copies/", status=404, **unknown)
    for wrong in ({"state": "gone"}, {"trader": "x"}, {"account": "0"}, {"limit": "501"}):
        get(client, "copies/", status=400, **wrong)


def test_a_list_takes_as_many_statements_for_many_copies_as_for_one(scene):
    leader, account, mine, client = scene
    follow(leader, mine)
    lead(account, "BUY", "0.1")
    few = statements(lambda: get(client, "copies/"))
    for _ in range(4):
        follow(leader, paper_account(mine.user))
    make_market(venue="binance")
    lead(account, "BUY", "0.1")
    assert statements(lambda: get(client, "copies/")) == few
