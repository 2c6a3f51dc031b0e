"""Trading is halted and let go on again: by staff, by an account's owner, and from the command line."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from copytrade.accounts.models import AuditEvent
from orders.models import HaltMode, HaltScope, TradingHalt
from orders.selectors.halts import active_halts
from orders.services.halts import halt_create, halt_lift
from tests.factories import make_account, make_staff, make_user

pytestmark = pytest.mark.django_db
PATH = "/api/admin/halts/"


@pytest.fixture
def staff(client):
    user = make_staff(username="Ada")
    client.force_login(user)
    return user


@pytest.fixture
def owner(client):
    user = make_user()
    client.force_login(user)
    return user


def post(client: Any, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


class TestStaff:
    def test_halts_a_venue_and_lifts_it(self, client, staff):
        body = {"scope": "venue", "venue": "binanceusdm", "mode": "all", "reason": "Maintenance"}
        data = post(client, PATH, body).json()["data"]
        assert {name: data[name] for name in body} == body
        assert (data["created_by"], data["lifted_at"]) == ("Ada", None)
        assert [halt.pk for halt in active_halts()] == [data["id"]]
        for _ in range(2):
            lifted = client.delete(f"{PATH}{data['id']}").json()["data"]
            assert lifted["lifted_at"] is not None
        assert active_halts() == []
        assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["halt.create", "halt.lift"]

    def test_halts_everything_and_an_account(self, client, staff):
        account = make_account()
        for body in ({"scope": "global"}, {"scope": "account", "account_id": account.pk}):
            response = post(client, PATH, {**body, "reason": "Because"})
            assert response.json()["data"]["mode"] == "reduce_only"
        assert {halt.scope for halt in active_halts()} == {"global", "account"}

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"scope": "global"}, "reason"),
            ({"scope": "global", "reason": "  "}, "reason"),
            ({"scope": "global", "reason": "a\0b"}, "reason"),
            ({"scope": "everything", "reason": "x"}, "scope"),
            ({"scope": "global", "mode": "none", "reason": "x"}, "mode"),
            ({"scope": "global", "venue": "binance", "reason": "x"}, "venue"),
            ({"scope": "venue", "reason": "x"}, "venue"),
            ({"scope": "venue", "venue": "mtgox", "reason": "x"}, "venue"),
            ({"scope": "account", "reason": "x"}, "account_id"),
            ({"scope": "account", "account_id": 999_999, "reason": "x"}, "account_id"),
            ({"scope": "account", "account_id": 2**64, "reason": "x"}, "account_id"),
        ],
    )
    def test_what_is_wrong_is_named_and_halts_nothing(self, client, staff, body, path):
        response = post(client, PATH, body)
        assert response.status_code == 400, response.content
        assert response.json()["error"]["details"]["errors"][0]["path"] == path
        assert not TradingHalt.objects.exists()

    def test_lists_those_that_hold_or_were_lifted(self, client, staff):
        halts = [halt_create(scope=HaltScope.GLOBAL, mode=HaltMode.ALL, reason=name, actor=staff) for name in "ab"]
        halt_lift(halt=halts[0], actor=staff)

        def listed(query: str) -> list[str]:
            return [row["reason"] for row in client.get(f"{PATH}?{query}").json()["data"]]

        assert (listed(""), listed("active=true"), listed("active=false")) == (["b", "a"], ["b"], ["a"])
        assert client.get(f"{PATH}?active=yes").status_code == 400

    def test_the_list_takes_as_many_statements_for_one_as_for_ten(self, client, staff):
        def count() -> int:
            with CaptureQueriesContext(connection) as queries:
                client.get(PATH)
            return len(queries)

        account = make_account()
        numbers = []
        for many in (1, 9):
            for _ in range(many):
                halt_create(scope=HaltScope.ACCOUNT, account=account, mode=HaltMode.ALL, reason="x", actor=make_staff())
            numbers.append(count())
        assert numbers[0] == numbers[1]

    def test_only_staff_may(self, client):
        halt = halt_create(scope=HaltScope.GLOBAL, mode=HaltMode.ALL, reason="x", actor=None)
        calls: list[Callable[[], Any]] = [
            lambda: client.get(PATH),
            lambda: post(client, PATH, {"scope": "global", "reason": "x"}),
            lambda: client.delete(f"{PATH}{halt.pk}"),
        ]
        assert [call().status_code for call in calls] == [401] * 3
        client.force_login(make_user())
        assert [call().status_code for call in calls] == [403] * 3
        assert TradingHalt.objects.filter(lifted_at=None).count() == 1

    def test_an_unknown_halt_is_404(self, client, staff):
        assert client.delete(f"{PATH}999999").status_code == 404


class TestOwner:
    def test_halts_and_lifts_its_own_account(self, client, owner):
        path = f"/api/accounts/{make_account(user=owner).pk}/halt"
        data = post(client, path, {"mode": "all", "reason": "On holiday"}).json()["data"]
        assert (data["scope"], data["mode"], data["reason"]) == ("account", "all", "On holiday")
        assert client.delete(path).json()["data"] == []
        assert active_halts() == []

    def test_the_usual_is_to_let_exits_through(self, client, owner):
        path = f"/api/accounts/{make_account(user=owner).pk}/halt"
        assert post(client, path, {}).json()["data"]["mode"] == "reduce_only"

    def test_repeated_it_is_one_halt_and_another_mode_takes_its_place(self, client, owner):
        path = f"/api/accounts/{make_account(user=owner).pk}/halt"
        first = post(client, path, {}).json()["data"]
        assert post(client, path, {}).json()["data"]["id"] == first["id"]
        post(client, path, {"mode": "all"})
        assert [halt.mode for halt in active_halts()] == ["all"]

    def test_what_staff_halted_holds_on(self, client, owner):
        account = make_account(user=owner)
        halt_create(
            scope=HaltScope.ACCOUNT, account=account, mode=HaltMode.ALL, reason="Under review", actor=make_staff()
        )
        path = f"/api/accounts/{account.pk}/halt"
        post(client, path, {})
        left = client.delete(path).json()["data"]
        assert [halt["reason"] for halt in left] == ["Under review"]

    @pytest.mark.parametrize("body", [{"mode": "none"}, {"reason": 5}, {"scope": "global"}, []])
    def test_what_is_wrong_is_refused(self, client, owner, body):
        assert post(client, f"/api/accounts/{make_account(user=owner).pk}/halt", body).status_code == 400


class TestCommands:
    def call(self, name: str, *arguments: str) -> str:
        output = StringIO()
        call_command(name, *arguments, stdout=output)
        return output.getvalue()

    def test_halts_everything_and_lets_it_go_on(self):
        assert "everything: Every order" in self.call("halt_trading", "--reason", "Fire")
        assert [(halt.scope, halt.mode, halt.reason) for halt in active_halts()] == [("global", "all", "Fire")]
        assert self.call("resume_trading").startswith("Lifted 1; 0")
        assert self.call("resume_trading").startswith("Lifted 0; 0")
        assert AuditEvent.objects.filter(actor_name="system").count() == 2

    def test_halts_a_venue_and_an_account_each_on_its_own(self):
        account = make_account()
        self.call("halt_trading", "--venue", "binance", "--mode", "reduce_only")
        self.call("halt_trading", "--account", str(account.pk))
        assert self.call("resume_trading").startswith("Lifted 0; 2")
        assert self.call("resume_trading", "--venue", "binance").startswith("Lifted 1; 1")
        assert self.call("resume_trading", "--account", str(account.pk)).startswith("Lifted 1; 0")

    def test_lifts_all_at_once(self):
        self.call("halt_trading")
        self.call("halt_trading", "--venue", "binance")
        assert self.call("resume_trading", "--all").startswith("Lifted 2; 0")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [(["--venue", "mtgox"], "write one of"), (["--account", "999999"], "no account"), (["--reason", " "], "why")],
    )
    def test_what_is_wrong_is_one_sentence(self, arguments, words):
        with pytest.raises(CommandError, match=words):
            self.call("halt_trading", *arguments)
        assert not TradingHalt.objects.exists()
