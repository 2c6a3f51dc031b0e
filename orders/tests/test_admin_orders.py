"""The desk sees accounts, orders with their chain, and halts; it acts through services, and every act is audited."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from copytrade.accounts.models import AuditEvent, User
from markets.venues.base import Credentials
from markets.venues.errors import VenueDown
from orders.models import Balance, HoldingAdjustment, OrderEvent, Reconciliation, TradingAccount, TradingHalt
from orders.services.credentials import credential_keep_unchecked
from orders.tests.fake_venue import fake_venue
from tests.factories import make_account, make_fill, make_holding, make_order, make_staff, make_user

pytestmark = pytest.mark.django_db
PAGES = ("tradingaccount", "order", "fill", "holding", "holdingadjustment", "reconciliation", "tradinghalt")


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff(username="Ada")
    client.force_login(user)
    return user


def get(client: Client, path: str) -> str:
    response = client.get(f"/admin/orders/{path}")
    assert response.status_code == 200, response.content
    return response.content.decode()


def act(client: Client, page: str, action: str, *rows: Any) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(f"/admin/orders/{page}/", data, follow=True).content.decode()


def make_world() -> None:
    """Make one row of each kind, all of accounts, users and markets of their own."""
    account = make_account(mode="live")
    key = Credentials(f"the-public-part-{account.pk}-8xQ2", "the-secret")
    credential_keep_unchecked(account=account, credentials=key)
    Balance.objects.create(
        account=account, asset="USDT", total=Decimal("10.50"), free=Decimal(1), updated_at=timezone.now()
    )
    order = make_order(account=account)
    OrderEvent.objects.create(order=order, to_state="PENDING", source="user", at=timezone.now())
    make_fill(order)
    holding = make_holding(account=account)
    HoldingAdjustment.objects.create(
        account=account,
        market=holding.market,
        side="BOTH",
        quantity_before=Decimal(1),
        quantity=Decimal(2),
        cost=Decimal(3),
        reason="It was there.",
    )
    Reconciliation.objects.create(account=account, trigger="schedule")
    TradingHalt.objects.create(scope="account", account=account, mode="all", reason="x", created_by=account.user)


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.usefixtures("staff")
class TestLists:
    @pytest.mark.parametrize("page", PAGES)
    def test_each_takes_as_many_statements_for_one_row_as_for_ten(self, client: Client, page: str):
        make_world()
        with_one = statements(lambda: get(client, f"{page}/"))
        for _ in range(9):
            make_world()
        assert statements(lambda: get(client, f"{page}/")) == with_one

    @pytest.mark.parametrize("page", [page for page in PAGES if page != "tradinghalt"])
    def test_facts_can_be_neither_added_nor_deleted(self, client: Client, page: str):
        assert client.get(f"/admin/orders/{page}/add/").status_code == 403

    @pytest.mark.parametrize("path", ["", "change"])
    def test_a_venue_key_shows_its_end_and_nothing_else(self, client: Client, path: str):
        make_world()
        pk = TradingAccount.objects.get().pk
        with CaptureQueriesContext(connection) as queries:
            page = get(client, f"tradingaccount/{pk}/change/" if path else "tradingaccount/")
        assert "…8xQ2 may not trade" in page
        assert "the-public-part" not in page
        assert "the-secret" not in page
        assert not [query for query in queries if "ciphertext" in query["sql"]]

    @pytest.mark.parametrize("words", ["found-1", "777001", "BTCUSDT", "Main account", "grace"])
    def test_orders_are_found_by_ids_symbol_account_and_owner(self, client: Client, words: str):
        account = make_account(user=make_user(username="grace"), name="Main account")
        make_order(account=account, client_order_id="found-1", venue_order_id="777001")
        assert "found-1" in get(client, f"order/?q={words}")
        assert "found-1" not in get(client, "order/?q=nothing-like-it")

    @pytest.mark.parametrize(
        ("page", "query"),
        [
            ("order", "state__exact=FILLED"),
            ("order", "origin__exact=proxy"),
            ("tradingaccount", "state__exact=paused"),
            ("tradinghalt", "lifted_at__isempty=1"),
            ("fill", "side__exact=BUY"),
        ],
    )
    def test_filters_work(self, client: Client, page: str, query: str):
        make_world()
        get(client, f"{page}/?{query}")


@pytest.mark.usefixtures("staff")
class TestAnOrder:
    def test_shows_the_chain_of_events_and_trades(self, client: Client):
        order = make_order(state="REJECTED", reason="Margin is insufficient.", extra={"newOrderRespType": "RESULT"})
        for before, after in (("", "PENDING"), ("PENDING", "SENDING"), ("SENDING", "REJECTED")):
            OrderEvent.objects.create(order=order, from_state=before, to_state=after, source="reply", code="-2019")
        make_fill(order, venue_trade_id="4242", price=Decimal("86232.40"))
        page = get(client, f"order/{order.pk}/change/")
        for shown in ("Margin is insufficient.", "-2019", "4242", "86232.4", "SENDING", "newOrderRespType"):
            assert shown in page

    def test_cannot_be_changed_or_deleted(self, client: Client):
        order = make_order()
        path = f"/admin/orders/order/{order.pk}"
        assert client.post(f"{path}/change/", {"state": "FILLED"}).status_code == 403
        assert client.post(f"{path}/delete/", {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize("page", PAGES)
    def test_every_page_of_a_row_opens(self, client: Client, page: str):
        make_world()
        row = apps.get_model("orders", page).objects.get()
        assert get(client, f"{page}/{row.pk}/change/")


class TestActingOnAccounts:
    def test_pauses_and_resumes(self, client: Client, staff: User):
        account = make_account()
        assert "1 account paused." in act(client, "tradingaccount", "pause", account)
        account.refresh_from_db()
        assert (account.state, account.state_reason) == ("paused", "Paused by the desk")
        assert "1 account resumed." in act(client, "tradingaccount", "resume", account)
        assert [(event.action, event.actor) for event in AuditEvent.objects.order_by("pk")] == [
            ("account.pause", staff),
            ("account.resume", staff),
        ]

    def test_switches_live_trading(self, client: Client, staff: User):
        account, paper = make_account(mode="live"), make_account()
        page = act(client, "tradingaccount", "enable_live", account, paper)
        assert "1 account live." in page
        assert "This is a paper account" in page
        account.refresh_from_db()
        assert account.live_enabled
        act(client, "tradingaccount", "disable_live", account)
        account.refresh_from_db()
        assert not account.live_enabled

    def test_asks_the_venues_of_all_selected_at_once(self, client: Client, staff: User):
        good, bad = make_account(), make_account()
        with fake_venue(accounts={str(bad.key): VenueDown("away")}):
            assert "1 of 2 venues answered." in act(client, "tradingaccount", "sync", good, bad)
        assert Balance.objects.get().account == good

    def test_who_may_only_look_finds_no_actions(self, client: Client):
        viewer = make_user(is_staff=True)
        viewer.user_permissions.set(Permission.objects.filter(codename="view_tradingaccount"))
        client.force_login(viewer)
        account = make_account()
        act(client, "tradingaccount", "pause", account)
        account.refresh_from_db()
        assert account.state == "active"
        assert 'value="pause"' not in get(client, "tradingaccount/")


class TestHalts:
    def add(self, client: Client, **values: Any) -> Any:
        data = {"scope": "global", "venue": "", "account": "", "mode": "all", "reason": "Fire", **values}
        return client.post("/admin/orders/tradinghalt/add/", data)

    def test_adds_and_lifts_with_an_audit_trail(self, client: Client, staff: User):
        assert self.add(client, scope="venue", venue="binance").status_code == 302
        halt = TradingHalt.objects.get()
        assert (halt.venue, halt.mode, halt.created_by) == ("binance", "all", staff)
        assert "1 lifted." in act(client, "tradinghalt", "lift", halt)
        assert "0 lifted." in act(client, "tradinghalt", "lift", halt)
        assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["halt.create", "halt.lift"]

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"scope": "venue"}, "Choose the venue"),
            ({"venue": "binance"}, "Choose the venue"),
            ({"scope": "account"}, "Choose the account"),
            ({"reason": ""}, "This field is required"),
            ({"venue": "mtgox"}, "Select a valid choice"),
        ],
    )
    def test_what_is_wrong_is_told_beside_its_field(self, client: Client, staff: User, values: Any, words: str):
        response = self.add(client, **values)
        assert (response.status_code, words in response.content.decode()) == (200, True)
        assert not TradingHalt.objects.exists()

    def test_is_never_edited_or_deleted(self, client: Client, staff: User):
        self.add(client)
        path = f"/admin/orders/tradinghalt/{TradingHalt.objects.get().pk}"
        assert client.post(f"{path}/change/", {"mode": "reduce_only"}).status_code == 403
        assert client.post(f"{path}/delete/", {"post": "yes"}).status_code == 403


def test_venue_keys_have_no_page_of_their_own(client: Client, staff: User):
    assert client.get("/admin/orders/credential/").status_code == 404


def test_amounts_are_shown_in_their_own_digits(admin_client):
    holding = make_holding(quantity=Decimal("0.5"), cost=Decimal(25_000))

    page = admin_client.get(f"/admin/orders/holding/{holding.pk}/change/").content.decode()

    assert "0.5<" in page
    assert "000000000" not in page
