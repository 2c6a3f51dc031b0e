"""Who a client of the WebSocket is: a token in the subprotocol or the header, or the session cookie."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError
from django.test import Client

from copytrade.accounts.models import User
from copytrade.accounts.tokens import Bearer, tokens_for_user
from copytrade.realtime import consumer, registry
from copytrade.realtime.tests.live import LiveClient, until
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

Come = Callable[..., Awaitable[LiveClient]]
UNAUTHORIZED, TRY_AGAIN_LATER = 3000, 1013


@pytest.fixture
async def user() -> User:
    made: User = await database_sync_to_async(make_user)()
    return made


@pytest.fixture
async def come() -> AsyncIterator[Come]:
    """Open connections; they are closed in the end."""
    clients: list[LiveClient] = []

    async def open_one(*subprotocols: str, **options: Any) -> LiveClient:
        clients.append(LiveClient(subprotocols=subprotocols, **options))
        assert await clients[-1].open()
        return clients[-1]

    yield open_one
    for client in clients:
        await client.close()


@pytest.fixture(autouse=True)
def _whoami(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer a request that tells who asks."""
    monkeypatch.setitem(registry._requests, "whoami", lambda caller, data: {"user": caller.pk})


async def who(client: LiveClient) -> Any:
    """Return the id of the user that the server takes the client for."""
    return (await client.ask("whoami"))["data"]["user"]


@pytest.mark.parametrize("order", [["bearer", "TOKEN"], ["TOKEN", "bearer"]])
async def test_a_token_after_bearer_says_who_it_is(come: Come, user: User, order: list[str]) -> None:
    token = tokens_for_user(user=user).access
    client = await come(*[word.replace("TOKEN", token) for word in order])
    assert client.subprotocol == "bearer"
    assert await who(client) == user.pk


async def test_a_token_in_the_header_says_so_as_over_http(come: Come, user: User) -> None:
    client = await come(authorization=f"Bearer {tokens_for_user(user=user).access}")
    assert (client.subprotocol, await who(client)) == (None, user.pk)


async def test_a_header_of_another_kind_is_no_token(come: Come) -> None:
    for header in ("Basic YWRhOnNlY3JldA==", ""):
        assert await who(await come(authorization=header)) is None


async def test_where_both_are_there_the_subprotocol_counts(come: Come, user: User) -> None:
    client = await come("bearer", tokens_for_user(user=user).access, authorization="Bearer nonsense")
    assert await who(client) == user.pk


async def test_without_a_token_it_is_nobody_and_no_subprotocol_is_chosen(come: Come) -> None:
    for subprotocols in ([], ["json"]):
        client = await come(*subprotocols)
        assert (client.subprotocol, await who(client)) == (None, None)


async def test_the_session_cookie_says_who_it_is_and_a_token_wins_over_it(come: Come, user: User) -> None:
    def log_in() -> tuple[str, User]:
        browser, other = Client(), make_user()
        browser.force_login(other)
        return f"sessionid={browser.cookies['sessionid'].value}", other

    cookie, other = await database_sync_to_async(log_in)()
    assert await who(await come(cookie=cookie)) == other.pk
    token = tokens_for_user(user=user).access
    assert await who(await come("bearer", token, cookie=cookie)) == user.pk
    assert await who(await come(authorization=f"Bearer {token}", cookie=cookie)) == user.pk


@pytest.mark.parametrize("kind", ["nonsense", "refresh", "none"])
async def test_a_bad_token_is_told_so_and_the_connection_closed(come: Come, user: User, kind: str) -> None:
    text = {"nonsense": ["a.b.c"], "refresh": [tokens_for_user(user=user).refresh], "none": []}[kind]
    client = await come("bearer", *text)
    assert client.subprotocol == "bearer"
    assert await client.close_code() == UNAUTHORIZED


@pytest.mark.parametrize("kind", ["nonsense", "refresh", "none", "two", "\xff"])
async def test_so_it_is_in_the_header(come: Come, user: User, kind: str) -> None:
    texts = {"nonsense": "a.b.c", "refresh": tokens_for_user(user=user).refresh, "none": "", "two": "a.b.c d.e.f"}
    client = await come(authorization=f"Bearer {texts.get(kind, kind)}")
    assert (client.subprotocol, await client.close_code()) == (None, UNAUTHORIZED)


async def test_the_token_of_somebody_who_is_not_active_is_refused(come: Come, user: User) -> None:
    token = tokens_for_user(user=user).access
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)
    assert await (await come("bearer", token)).close_code() == UNAUTHORIZED
    assert await (await come(authorization=f"Bearer {token}")).close_code() == UNAUTHORIZED


async def test_a_bad_token_is_not_made_good_by_a_session(come: Come, user: User) -> None:
    def log_in() -> str:
        browser = Client()
        browser.force_login(user)
        return f"sessionid={browser.cookies['sessionid'].value}"

    cookie = await database_sync_to_async(log_in)()
    by_subprotocol = await come("bearer", "nonsense", cookie=cookie)
    by_header = await come(authorization="Bearer nonsense", cookie=cookie)
    assert [await client.close_code() for client in (by_subprotocol, by_header)] == [UNAUTHORIZED] * 2


async def test_a_token_in_the_url_is_nothing(come: Come, user: User) -> None:
    token = tokens_for_user(user=user).access
    for name in ("token", "access_token", "bearer"):
        assert await who(await come(path=f"/ws/?{name}={token}")) is None


async def test_a_connection_ends_with_its_token(come: Come, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.2)
    monkeypatch.setattr(consumer, "bearer_of", lambda token: Bearer(user, soon))
    client = await come("bearer", "token")
    assert await who(client) == user.pk
    assert await client.close_code() == UNAUTHORIZED
    assert datetime.now(UTC) >= soon


def have_a_new_password(user: User, browser: Client) -> None:
    user.set_password("another horse battery")
    user.save()


def be_made_inactive(user: User, browser: Client) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def log_out(user: User, browser: Client) -> None:
    browser.logout()


@pytest.mark.parametrize("end", [have_a_new_password, be_made_inactive, log_out])
async def test_a_connection_ends_with_its_session(
    come: Come, user: User, monkeypatch: pytest.MonkeyPatch, end: Callable[[User, Client], None]
) -> None:
    monkeypatch.setattr(consumer, "LOGIN_CHECK_SECONDS", 0.05)
    browser = Client()
    await database_sync_to_async(browser.force_login)(user)
    client = await come(cookie=f"sessionid={browser.cookies['sessionid'].value}")
    assert await who(client) == user.pk

    await database_sync_to_async(end)(user, browser)

    assert await client.close_code() == UNAUTHORIZED


@pytest.mark.parametrize("end", [have_a_new_password, be_made_inactive])
async def test_what_ends_all_tokens_ends_their_connections(
    come: Come, user: User, monkeypatch: pytest.MonkeyPatch, end: Callable[[User, Client], None]
) -> None:
    monkeypatch.setattr(consumer, "LOGIN_CHECK_SECONDS", 0.05)
    client = await come("bearer", tokens_for_user(user=user).access)
    assert await who(client) == user.pk

    await database_sync_to_async(end)(user, Client())

    assert await client.close_code() == UNAUTHORIZED


async def test_a_login_that_goes_on_is_served_on_also_while_the_database_is_away(
    come: Come, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    holds = Bearer(user, datetime.now(UTC) + timedelta(minutes=5))

    def look(token: str) -> Bearer:
        looked.append(token)
        if len(looked) == 2:
            raise OperationalError
        return holds

    monkeypatch.setattr(consumer, "LOGIN_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(consumer, "bearer_of", look)
    client = await come("bearer", "token")
    await until(lambda: len(looked) > 3)
    assert await who(client) == user.pk


async def test_a_client_that_leaves_before_its_token_ends_leaves_nothing(connect: Any, come: Come, user: User) -> None:
    await connect()  # whose fixture looks for what is left
    client = await come("bearer", tokens_for_user(user=user).access)
    await client.close()


async def test_while_the_database_is_away_the_client_is_told_to_come_again(
    come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(token: str) -> Bearer:
        raise OperationalError

    monkeypatch.setattr(consumer, "bearer_of", away)
    assert await (await come("bearer", "token")).close_code() == TRY_AGAIN_LATER
