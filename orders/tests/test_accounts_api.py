"""A user opens, changes and reads accounts; nobody else's are there."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from copytrade.accounts.models import AuditEvent
from copytrade.accounts.services import api_key_create
from copytrade.accounts.tokens import tokens_for_user
from markets.models import PaperAccount
from markets.venues.base import Credentials
from markets.venues.errors import Rejected, VenueDown
from orders.models import Balance, Credential, HaltMode, HaltScope, TradingAccount
from orders.services.credentials import credential_keep_unchecked
from orders.services.halts import halt_create
from orders.tests.fake_venue import fake_venue, make_report
from tests.factories import make_account, make_market, make_order, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client):
    user = make_user()
    client.force_login(user)
    return user


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"/api/accounts/{path}", body, content_type="application/json")


def make_keyed(**values: Any) -> TradingAccount:
    account = make_account(mode="live", **values)
    credential_keep_unchecked(account=account, credentials=Credentials(f"the-public-part-{account.pk}-8xQ2", "secret"))
    Credential.objects.update(can_trade=True, checked_at=timezone.now())
    return account


def trading_key(account: TradingAccount) -> dict[str, str]:
    """Return the headers of a program that may trade for the owner of the account."""
    return {"X-API-Key": api_key_create(name="n8n", scopes=["trade"], user=account.user)[1]}


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


class TestOpening:
    def test_an_account_is_on_paper_unless_it_says_live(self, client, owner):
        response = post(client, "", {"name": "Practice", "venue": "binanceusdm"})
        data = response.json()["data"]
        assert response.status_code == 200
        assert (data["mode"], data["state"], data["stopped"]) == ("paper", "active", None)
        account = TradingAccount.objects.get(pk=data["id"])
        assert account.user == owner
        books = PaperAccount.objects.get(key=str(account.key))
        assert (books.venue, books.balances["USDT"]["total"]) == ("binanceusdm", "10000")
        assert AuditEvent.objects.get(action="account.create").target == f"account:{account.pk} Practice"

    def test_a_paper_account_begins_with_what_was_asked_for(self, client, owner):
        post(client, "", {"name": "Small", "venue": "binancecoinm", "paper_balance": "0.25"})
        assert PaperAccount.objects.get().balances == {"BTC": {"total": "0.25", "locked": "0"}}

    def test_a_live_account_sends_nothing_until_both_switches_are_on(self, client, owner, settings):
        path = str(post(client, "", {"name": "Main", "venue": "binance", "mode": "live"}).json()["data"]["id"])
        assert not PaperAccount.objects.exists()
        settings.LIVE_TRADING = True
        assert client.get(f"/api/accounts/{path}").json()["data"]["stopped"]["code"] == "LIVE_TRADING_OFF"
        assert post(client, f"{path}/live", {"enabled": True}).json()["data"]["stopped"] is None
        settings.LIVE_TRADING = False
        data = client.get(f"/api/accounts/{path}").json()["data"]
        assert (data["live_enabled"], data["stopped"]["code"]) == (True, "LIVE_TRADING_OFF")

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"venue": "binance"}, "name"),
            ({"name": "A"}, "venue"),
            ({"name": "A", "venue": "mtgox"}, "venue"),
            ({"name": "   ", "venue": "binance"}, "name"),
            ({"name": "a\0b", "venue": "binance"}, "name"),
            ({"name": "x" * 81, "venue": "binance"}, "name"),
            ({"name": "A", "venue": "binance", "mode": "demo"}, "mode"),
            ({"name": "A", "venue": "binance", "paper_balance": "-1"}, "paper_balance"),
            ({"name": "A", "venue": "binance", "paper_balance": "1e9"}, "paper_balance"),
            ({"name": "A", "venue": "binance", "paper_balance": "1\n"}, "paper_balance"),
            ({"name": "A", "venue": "binance", "paper_balance": 1.5}, "paper_balance"),
            ({"name": "A", "venue": "binance", "paper_balance": "NaN"}, "paper_balance"),
            ({"name": "A", "venue": "binance", "mode": "live", "paper_balance": "1"}, "paper_balance"),
            ({"name": "A", "venue": "binance", "user": 1}, "user"),
        ],
    )
    def test_what_is_wrong_is_named_and_opens_nothing(self, client, owner, body, path):
        response = post(client, "", body)
        assert response.status_code == 400, response.content
        assert response.json()["error"]["details"]["errors"][0]["path"] == path
        assert not TradingAccount.objects.exists()

    @pytest.mark.parametrize("body", ["", "[]", "{", '{"name": "\\ud800", "venue": "binance"}', b'{"name": "\xff"}'])
    def test_what_is_no_object_is_refused(self, client, owner, body):
        response = client.post("/api/accounts/", body, content_type="application/json")
        assert response.status_code == 400

    def test_two_accounts_of_a_user_cannot_have_one_name_those_of_two_users_can(self, client, owner):
        body = {"name": "Main", "venue": "binance"}
        make_account(name="Main")
        assert post(client, "", body).status_code == 200
        response = post(client, "", {**body, "name": " Main "})
        assert response.status_code == 400
        assert "has this name" in response.json()["error"]["message"]
        assert TradingAccount.objects.filter(user=owner).count() == 1
        assert PaperAccount.objects.count() == 1


class TestReading:
    def test_lists_ones_own_newest_first(self, client, owner):
        make_account()
        first, second = make_account(user=owner), make_account(user=owner, state="closed")
        answer = client.get("/api/accounts/").json()
        assert [row["id"] for row in answer["data"]] == [second.pk, first.pk]
        assert answer["meta"] == {"total": 2, "limit": 50, "offset": 0}

    def test_shows_figures_as_texts_and_times_with_milliseconds(self, client, owner):
        account = make_account(
            user=owner, equity=Decimal("10250.7500"), equity_asset="USDT", synced_at=timezone.now(), sync_error="late"
        )
        data = client.get(f"/api/accounts/{account.pk}").json()["data"]
        assert (data["equity"], data["equity_asset"], data["sync_error"]) == ("10250.75", "USDT", "late")
        assert data["synced_at"].endswith("Z")
        assert data["credentials"] is None

    @pytest.mark.parametrize(
        ("values", "code"), [({"state": "paused"}, "ACCOUNT_PAUSED"), ({"state": "auth_failed"}, "ACCOUNT_PAUSED")]
    )
    def test_says_what_stops_an_account(self, client, owner, values, code):
        account = make_account(user=owner, state_reason="On holiday", **values)
        stopped = client.get(f"/api/accounts/{account.pk}").json()["data"]["stopped"]
        assert (stopped["code"], "On holiday" in stopped["message"]) == (code, True)

    def test_says_that_a_halt_stops_it(self, client, owner):
        account = make_account(user=owner)
        other = make_account(user=owner, venue="binance")
        halt_create(
            scope=HaltScope.VENUE, venue="binanceusdm", mode=HaltMode.REDUCE_ONLY, reason="Maintenance", actor=None
        )
        stopped = {row["id"]: row["stopped"] for row in client.get("/api/accounts/").json()["data"]}
        assert stopped[account.pk] == {"code": "TRADING_HALTED", "message": "Trading is halted: Maintenance."}
        assert stopped[other.pk] is None

    def test_balances_are_those_of_the_last_sync(self, client, owner):
        account, now = make_account(user=owner), timezone.now()
        for asset, total in (("USDT", "10.50"), ("BNB", "0.00000001")):
            Balance.objects.create(account=account, asset=asset, total=Decimal(total), free=Decimal(0), updated_at=now)
        rows = client.get(f"/api/accounts/{account.pk}/balances").json()["data"]
        assert [(row["asset"], row["total"], row["free"]) for row in rows] == [
            ("BNB", "0.00000001", "0"),
            ("USDT", "10.5", "0"),
        ]

    def test_the_list_takes_as_many_statements_for_one_as_for_twenty_and_reads_no_ciphertext(self, client, owner):
        make_keyed(user=owner)
        with_one = statements(lambda: client.get("/api/accounts/"))
        for _ in range(19):
            make_keyed(user=owner)
        with CaptureQueriesContext(connection) as queries:
            client.get("/api/accounts/")
        assert len(queries) == with_one
        assert not [query for query in queries if "ciphertext" in query["sql"]]

    @pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "offset=-1"])
    def test_a_wrong_page_is_refused(self, client, owner, query):
        assert client.get(f"/api/accounts/?{query}").status_code == 400


class TestWhoMay:
    ROUTES = [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("get", "/balances"),
        ("put", "/credentials"),
        ("delete", "/credentials"),
        ("post", "/sync"),
        ("post", "/pause"),
        ("post", "/resume"),
        ("post", "/live"),
        ("post", "/leverage"),
        ("post", "/halt"),
        ("delete", "/halt"),
    ]

    @pytest.mark.parametrize(("method", "route"), ROUTES)
    def test_another_users_account_is_404_and_nobody_is_401(self, client, method, route):
        path = f"/api/accounts/{make_account(mode='live').pk}{route}"
        send = getattr(client, method)
        assert send(path, content_type="application/json").status_code == 401
        client.force_login(make_user(is_staff=True, is_superuser=True))
        assert send(path, content_type="application/json").status_code == 404

    @pytest.mark.parametrize("pk", [0, 2**31, 2**63, 10**30])
    def test_numbers_that_no_account_has_are_404(self, client, owner, pk):
        assert client.get(f"/api/accounts/{pk}").status_code == 404

    @pytest.mark.parametrize(
        ("scopes", "reads", "changes"), [(["read"], 200, 403), (["trade"], 200, 200), (["ingest"], 403, 403)]
    )
    def test_api_keys_do_what_their_scopes_say(self, client, scopes, reads, changes):
        account = make_account()
        _, key = api_key_create(name="n8n", scopes=scopes, user=account.user)
        headers = {"X-API-Key": key}
        assert client.get("/api/accounts/", headers=headers).status_code == reads
        assert client.post(f"/api/accounts/{account.pk}/pause", headers=headers).status_code == changes

    @pytest.mark.parametrize(
        ("method", "route", "body"),
        [
            ("put", "/credentials", {"key": "a-venue-key-8xQ2", "secret": "s"}),
            ("delete", "/credentials", None),
            ("post", "/live", {"enabled": True}),
            ("post", "/resume", None),
            ("delete", "", None),
        ],
    )
    def test_what_stands_between_a_program_and_money_is_for_people(self, client, method, route, body):
        account = make_keyed(state="paused")
        before = TradingAccount.objects.values().get(), Credential.objects.values().get()
        response = getattr(client, method)(
            f"/api/accounts/{account.pk}{route}", body, content_type="application/json", headers=trading_key(account)
        )
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (403, "PERMISSION_DENIED")
        assert "An API key may not do this" in error["message"]
        assert (TradingAccount.objects.values().get(), Credential.objects.values().get()) == before

    def test_a_key_opens_paper_accounts_and_no_live_ones(self, client):
        headers = trading_key(make_account(name="First"))
        body = {"name": "Main", "venue": "binance"}
        statuses = [
            client.post("/api/accounts/", {**body, "mode": mode}, "application/json", headers=headers).status_code
            for mode in ("live", "paper")
        ]
        assert statuses == [403, 200]
        assert not TradingAccount.objects.filter(mode="live").exists()

    def test_a_token_stands_for_a_person(self, client):
        account = make_account(mode="live")
        headers = {"Authorization": f"Bearer {tokens_for_user(user=account.user).access}"}
        response = client.post(
            f"/api/accounts/{account.pk}/live", {"enabled": True}, "application/json", headers=headers
        )
        assert response.status_code == 200
        account.refresh_from_db()
        assert account.live_enabled


class TestChanging:
    def test_renames(self, client, owner):
        account = make_account(user=owner)
        path = f"/api/accounts/{account.pk}"
        response = client.patch(path, {"name": " Second "}, content_type="application/json")
        assert response.json()["data"]["name"] == "Second"
        assert AuditEvent.objects.get(action="account.rename").changes == {"name": [account.name, "Second"]}

    def test_limits_what_it_holds_and_takes_the_limit_away(self, client, owner):
        account = make_account(user=owner)
        path = f"/api/accounts/{account.pk}"
        for given, told in (("5000.50", "5000.5"), ("5000.5", "5000.5"), (None, None)):
            response = client.patch(path, {"max_worth": given}, content_type="application/json")
            assert response.json()["data"]["max_worth"] == told
        account.refresh_from_db()
        assert (account.max_worth, account.name) == (None, response.json()["data"]["name"])
        changes = [event.changes for event in AuditEvent.objects.filter(action="account.limit").order_by("pk")]
        assert changes == [{"max_worth": [None, "5000.5"]}, {"max_worth": ["5000.5", None]}]

    @pytest.mark.parametrize("worth", ["-1", "1e5", "NaN", "", 5000, "1,000"])
    def test_a_limit_that_is_no_amount_is_refused(self, client, owner, worth):
        account = make_account(user=owner)
        path = f"/api/accounts/{account.pk}"
        response = client.patch(path, {"max_worth": worth}, content_type="application/json")
        assert response.status_code == 400
        assert "max_worth" in str(response.json()["error"])
        account.refresh_from_db()
        assert account.max_worth is None

    def test_the_limit_of_somebody_else_is_not_there(self, client, owner):
        account = make_account()
        response = client.patch(f"/api/accounts/{account.pk}", {"max_worth": "1"}, content_type="application/json")
        assert response.status_code == 404

    def test_a_name_that_is_taken_is_refused(self, client, owner):
        make_account(user=owner, name="Main")
        account = make_account(user=owner, name="Other")
        path = f"/api/accounts/{account.pk}"
        assert client.patch(path, {"name": "Main"}, content_type="application/json").status_code == 400
        account.refresh_from_db()
        assert account.name == "Other"

    def test_pauses_and_resumes_each_twice_and_audits_it_once(self, client, owner):
        account = make_account(user=owner)
        for action, state in (("pause", "paused"), ("pause", "paused"), ("resume", "active"), ("resume", "active")):
            assert post(client, f"{account.pk}/{action}").json()["data"]["state"] == state
        assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["account.pause", "account.resume"]

    def test_an_account_whose_key_may_not_trade_is_not_resumed(self, client, owner):
        account = make_keyed(user=owner, state="auth_failed", state_reason="this key may withdraw money")
        Credential.objects.update(can_trade=False)
        response = post(client, f"{account.pk}/resume")
        assert response.status_code == 409
        assert "may withdraw money" in response.json()["error"]["message"]

    def test_a_paper_account_has_no_live_switch(self, client, owner):
        assert post(client, f"{make_account(user=owner).pk}/live", {"enabled": True}).status_code == 409

    def test_closes_for_good_and_deletes_the_key(self, client, owner):
        account = make_keyed(user=owner, live_enabled=True)
        for _ in range(2):
            data = client.delete(f"/api/accounts/{account.pk}").json()["data"]
            assert (data["state"], data["live_enabled"], data["credentials"]) == ("closed", False, None)
        assert not Credential.objects.exists()
        for action in ("pause", "resume"):
            assert post(client, f"{account.pk}/{action}").status_code == 409

    def test_an_account_with_open_orders_is_not_closed(self, client, owner):
        account = make_account(user=owner)
        make_order(account=account, state="FILLED")
        order = make_order(account=account, state="UNKNOWN")
        response = client.delete(f"/api/accounts/{account.pk}")
        assert response.status_code == 409
        error = response.json()["error"]
        assert (error["code"], error["details"]) == ("CONFLICT", {"open_orders": 1})
        order.state = "CANCELED"
        order.save()
        assert client.delete(f"/api/accounts/{account.pk}").status_code == 200


class TestAskingTheVenue:
    def test_sync_answers_the_account_as_it_is_then(self, client, owner):
        account = make_account(user=owner)
        with fake_venue(accounts={"": make_report(equity=Decimal(7), equity_asset="USDT")}):
            assert post(client, f"{account.pk}/sync").json()["data"]["equity"] == "7"

    def test_a_sync_that_failed_is_told(self, client, owner):
        with fake_venue(accounts={"": VenueDown("connection refused")}):
            data = post(client, f"{make_account(user=owner).pk}/sync").json()["data"]
        assert data["sync_error"] == "connection refused"

    def test_leverage_is_set_at_the_venue_and_audited(self, client, owner):
        account = make_account(user=owner)
        make_market()
        with fake_venue() as venue:
            response = post(client, f"{account.pk}/leverage", {"symbol": "btcusdt", "leverage": 10})
        assert response.status_code == 200
        assert venue.asked == [("leverage", str(account.key), "BTCUSDT", "usd_m", 10)]
        assert AuditEvent.objects.get().changes == {"symbol": "BTCUSDT", "leverage": 10}

    def test_what_the_venue_refuses_is_told_in_its_words(self, client, owner):
        make_market()
        with fake_venue(leverage_error=Rejected("Leverage 500 is not valid", code="-4028")):
            response = post(client, f"{make_account(user=owner).pk}/leverage", {"symbol": "BTCUSDT", "leverage": 500})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["details"]["venue_code"]) == (422, "VENUE_REJECTED", "-4028")
        assert not AuditEvent.objects.exists()

    @pytest.mark.parametrize("leverage", [0, -1, 1001, 1.5, "10", None])
    def test_a_leverage_that_is_none_is_refused(self, client, owner, leverage):
        body = {"symbol": "BTCUSDT", "leverage": leverage}
        assert post(client, f"{make_account(user=owner).pk}/leverage", body).status_code == 400

    def test_an_unknown_market_is_404_and_two_of_a_symbol_need_their_type(self, client, owner):
        account = make_account(user=owner, venue="bybit")
        body = {"symbol": "BTCUSDT", "leverage": 3}
        assert post(client, f"{account.pk}/leverage", body).status_code == 404
        make_market(venue="bybit")
        make_market(venue="bybit", kind="spot")
        assert "market_type" in post(client, f"{account.pk}/leverage", body).json()["error"]["message"]
        with fake_venue():
            assert post(client, f"{account.pk}/leverage", {**body, "market_type": "usd_m"}).status_code == 200

    def test_a_live_account_that_may_not_trade_changes_nothing_at_the_venue(self, client, owner):
        account = make_keyed(user=owner)
        make_market()
        with fake_venue() as venue:
            response = post(client, f"{account.pk}/leverage", {"symbol": "BTCUSDT", "leverage": 3})
        assert (response.status_code, response.json()["error"]["code"]) == (409, "LIVE_TRADING_OFF")
        assert not venue.asked
