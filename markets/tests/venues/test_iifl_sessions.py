"""Logins at IIFL: one for all, renewed when it ends, and never by two at once."""

from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import LONG_ID, ORDERS, access, named, order, resting, venue_of
from markets.venues.base import AccountAccess, Credentials
from markets.venues.errors import AuthFailed, Retryable, VenueDown
from markets.venues.iifl.adapter import make
from markets.venues.iifl.names import unique_identifier
from tests.simulators.iifl import IiflSimulator

LOGIN, PROFILE = "POST /interactive/user/session", "/interactive/user/profile"
run = loop.run


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        client = redis.Redis.from_url(settings.REDIS_URL)
        for key in client.scan_iter("iifl:*"):
            client.delete(key)
        client.close()
        yield simulator


def logins(exchange: IiflSimulator) -> int:
    return exchange.counts()["requests"].get(LOGIN, 0)


def test_two_processes_share_one_login(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as first, venue_of(exchange) as second:
        for venue in (first, second, first):
            run(venue.account(mine))

    assert logins(exchange) == 1


def test_many_questions_at_once_log_in_once(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as first, venue_of(exchange) as second:
        futures = [loop.submit(venue.permissions(mine)) for venue in (first, second) for _ in range(5)]
        assert all(future.result(10).trade for future in futures)

    assert logins(exchange) == 1


def test_a_read_whose_login_has_ended_logs_in_again_and_is_answered(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as venue:
        run(venue.account(mine))
        exchange.end_sessions()

        assert run(venue.account(mine)).complete
    assert logins(exchange) == 2


def test_an_order_whose_login_has_ended_is_looked_for_and_left_to_its_sender(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as venue:
        run(venue.account(mine))
        exchange.end_sessions()
        with pytest.raises(Retryable):
            run(venue.place(mine, resting()))
        assert exchange.counts()["requests"][f"GET {ORDERS}"] == 1
        run(venue.place(mine, resting()))

        assert run(venue.query(mine, named(resting()))) is not None
    assert exchange.counts()["identifiers"] == {unique_identifier(LONG_ID): 1}


def test_a_gateways_page_may_say_that_a_login_has_ended(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as venue:
        run(venue.permissions(mine))
        exchange.fault("unauthorized", path=PROFILE)

        assert run(venue.permissions(mine)).trade
    assert logins(exchange) == 2


def test_an_order_that_a_gateway_refuses_for_its_login_is_looked_for_before_it_is_sent_again(
    exchange: IiflSimulator,
) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as venue:
        exchange.fault("unauthorized", method="POST", path=ORDERS)
        with pytest.raises(Retryable):
            run(venue.place(mine, resting()))
        assert exchange.counts()["requests"][f"GET {ORDERS}"] == 1
        run(venue.place(mine, resting()))

    assert exchange.counts()["identifiers"] == {unique_identifier(LONG_ID): 1}


def test_a_login_that_somebody_ends_at_once_is_no_refusal_of_the_key(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as venue:
        exchange.fault("unauthorized", path=PROFILE, count=2)
        with pytest.raises(Retryable):
            run(venue.permissions(mine))

        assert run(venue.permissions(mine)).trade


def test_a_page_instead_of_a_login_is_no_refusal_of_the_key(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange) as venue:
        exchange.fault("unauthorized", path="/interactive/user/session")
        with pytest.raises(VenueDown):
            run(venue.permissions(mine))

        assert run(venue.permissions(mine)).trade


def test_wrong_credentials_are_told_as_such(exchange: IiflSimulator) -> None:
    made = exchange.account()
    wrong = AccountAccess("wrong", Credentials(made.key, "not the secret"))
    with venue_of(exchange) as venue:
        with pytest.raises(AuthFailed, match="Invalid credentials"):
            run(venue.account(wrong))
        with pytest.raises(AuthFailed):
            run(venue.place(AccountAccess("keyless"), order()))


def test_a_token_in_redis_is_of_no_use_without_the_secret(exchange: IiflSimulator) -> None:
    made = exchange.account()
    with venue_of(exchange) as venue:
        run(venue.account(access(made)))
        client = redis.Redis.from_url(settings.REDIS_URL)
        stored = [client.get(key) or b"" for key in client.scan_iter("iifl:session:*")]
        client.close()

        assert stored
        assert not any(b"IIFL" in text or made.secret.encode() in text for text in stored)
        with pytest.raises(AuthFailed):
            run(venue.account(AccountAccess("thief", Credentials(made.key, "guessed"))))


def test_without_redis_each_process_logs_in_for_itself(exchange: IiflSimulator) -> None:
    mine = access(exchange.account())
    with venue_of(exchange, REDIS_URL="redis://127.0.0.1:1/0"):
        venue = make("iifl")
        try:
            run(venue.place(mine, order()))
            known = run(venue.query(mine, named(order())))
        finally:
            run(venue.close())

    assert known is not None
    assert logins(exchange) == 1
