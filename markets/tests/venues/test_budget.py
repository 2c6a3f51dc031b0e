"""The request budget is shared by all processes through Redis, and each keeps the rules alone where Redis is away."""

import asyncio
import logging
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from copytrade.lib import loop
from copytrade.lib.redis import client
from markets.venues import budget as module
from markets.venues.budget import Budget, fingerprint, patient
from markets.venues.budget_rules import Demand, Pool, Span
from markets.venues.errors import RateLimited, Retryable
from tests.contract.bench import run

NOWHERE = "redis://127.0.0.1:1/0"
# Long spans: no test runs across the end of one by chance.
YEAR = timedelta(days=365)


def pool(limit: int = 100, *, orders: int = 1000) -> Pool:
    return Pool(f"test-{uuid4().hex}", Span(YEAR, limit), (Span(YEAR, orders),))


def order(account: str) -> Demand:
    return Demand(0, urgent=True, account=account, places=True)


@pytest.fixture(params=["redis", "alone"])
def budget(request: pytest.FixtureRequest) -> Iterator[Budget]:
    """A budget with Redis, and one without."""
    made = Budget(settings.REDIS_URL if request.param == "redis" else NOWHERE)
    yield made
    run(made.close())


@pytest.fixture
def pair() -> Iterator[tuple[Budget, Budget]]:
    """The budgets of two processes."""
    both = Budget(settings.REDIS_URL), Budget(settings.REDIS_URL)
    yield both
    for each in both:
        run(each.close())


def test_reads_are_refused_before_orders(budget: Budget) -> None:
    shared = pool(100)
    run(budget.reserve(shared, Demand(80)))
    with pytest.raises(RateLimited) as refused:
        run(budget.reserve(shared, Demand(1)))

    assert refused.value.until > datetime.now(UTC)
    run(budget.reserve(shared, Demand(20, urgent=True)))
    with pytest.raises(RateLimited):
        run(budget.reserve(shared, Demand(1, urgent=True)))


def test_what_weighs_nothing_is_never_too_much(budget: Budget) -> None:
    shared = pool(10)
    run(budget.reserve(shared, Demand(10, urgent=True)))

    run(budget.reserve(shared, order("one")))


def test_orders_count_per_account(budget: Budget) -> None:
    shared = pool(orders=2)
    for _ in range(2):
        run(budget.reserve(shared, order("one")))
    with pytest.raises(Retryable) as refused:
        run(budget.reserve(shared, order("one")))

    assert refused.value.after > timedelta(0)
    run(budget.reserve(shared, order("two")))


@pytest.mark.parametrize("limits", [(2, 3), (3, 2)])
def test_each_span_of_orders_has_a_limit_of_its_own(budget: Budget, limits: tuple[int, int]) -> None:
    spans = Span(YEAR, limits[0]), Span(YEAR * 2, limits[1])
    shared = Pool(f"test-{uuid4().hex}", Span(YEAR, 1000), spans)
    for _ in range(2):
        run(budget.reserve(shared, order("one")))

    with pytest.raises(Retryable):
        run(budget.reserve(shared, order("one")))


def test_a_span_that_is_over_counts_no_more_and_leaves_nothing_in_redis(pair: tuple[Budget, Budget]) -> None:
    budget, redis = pair[0], client(settings.REDIS_URL)
    shared = Pool(f"test-{uuid4().hex}", Span(YEAR, 100_000), (Span(timedelta(milliseconds=1), 1),))
    run(budget.reserve(shared, order("one")))
    key = f"venue-budget:{shared.name}:orders:1"
    first, patience_ends = redis.hget(key, "span"), time.monotonic() + 10
    while redis.hget(key, "span") == first and time.monotonic() < patience_ends:
        with suppress(Retryable):  # for as long as the same millisecond goes on
            run(budget.reserve(shared, order("two")))

    assert redis.hgetall(key).keys() == {b"span", b"two"}
    assert redis.pttl(key) > 0


def test_a_count_is_kept_for_as_long_as_its_span(pair: tuple[Budget, Budget]) -> None:
    shared = pool()
    run(pair[0].reserve(shared, order("one")))

    key = f"venue-budget:{shared.name}:orders:{YEAR // timedelta(milliseconds=1)}"
    assert client(settings.REDIS_URL).pttl(key) > timedelta(days=300) / timedelta(milliseconds=1)


def test_an_account_waits_as_long_as_it_was_told_however_short_another_one_waits(pair: tuple[Budget, Budget]) -> None:
    budget, redis = pair[0], client(settings.REDIS_URL)
    shared, now = pool(), datetime.now(UTC)
    run(budget.hold(shared, "one", now + timedelta(days=9)))
    run(budget.hold(shared, "two", now + timedelta(seconds=30)))

    assert redis.pttl(f"venue-budget:{shared.name}:held") > timedelta(days=9) / timedelta(milliseconds=1)


def test_a_ban_holds_for_everyone_in_the_pool_and_for_nobody_else(budget: Budget) -> None:
    shared, other = pool(), pool()
    until = datetime.now(UTC) + timedelta(minutes=12)
    run(budget.ban(shared, until))

    for demand in (Demand(1), order("one"), Demand(0)):
        with pytest.raises(RateLimited) as refused:
            run(budget.reserve(shared, demand))
        assert abs(refused.value.until - until) < timedelta(milliseconds=2)
    run(budget.reserve(other, Demand(1)))


def test_a_ban_is_not_shortened(budget: Budget) -> None:
    shared, now = pool(), datetime.now(UTC)
    run(budget.ban(shared, now + timedelta(hours=2)))
    run(budget.ban(shared, now + timedelta(minutes=1)))

    with pytest.raises(RateLimited) as refused:
        run(budget.reserve(shared, Demand(1)))
    assert refused.value.until > now + timedelta(hours=1)


def test_a_ban_that_is_over_is_over(budget: Budget) -> None:
    shared = pool()
    run(budget.ban(shared, datetime.now(UTC) - timedelta(milliseconds=1)))

    run(budget.reserve(shared, Demand(1)))


def test_an_account_that_sent_too_many_orders_waits_alone(budget: Budget) -> None:
    shared = pool()
    run(budget.hold(shared, "one", datetime.now(UTC) + timedelta(seconds=30)))
    with pytest.raises(Retryable) as refused:
        run(budget.reserve(shared, order("one")))

    assert timedelta(seconds=20) < refused.value.after <= timedelta(seconds=31)
    run(budget.reserve(shared, order("two")))
    run(budget.reserve(shared, Demand(1, account="one")))


def test_the_venue_s_own_count_corrects_ours(budget: Budget) -> None:
    shared = pool(100)
    granted = run(budget.reserve(shared, Demand(1)))
    budget.learn(granted, 80)

    with pytest.raises(RateLimited):
        run(budget.reserve(shared, Demand(1)))


def test_processes_share_what_they_use(pair: tuple[Budget, Budget]) -> None:
    shared = pool(100)
    run(pair[0].reserve(shared, Demand(50)))
    run(pair[1].reserve(shared, Demand(30)))

    for each in pair:
        with pytest.raises(RateLimited):
            run(each.reserve(shared, Demand(1)))


def test_processes_share_what_very_many_accounts_use(pair: tuple[Budget, Budget]) -> None:
    shared = pool(orders=1)
    run(pair[0].reserve_ahead(shared, [order(str(number)) for number in range(5_000)]))

    for account in ("0", "4999"):
        with pytest.raises(Retryable):
            run(pair[1].reserve(shared, order(account)))


def test_processes_share_what_the_venue_has_counted(pair: tuple[Budget, Budget]) -> None:
    shared = pool(100)
    granted = run(pair[0].reserve(shared, Demand(1)))
    pair[0].learn(granted, 79)
    run(pair[0].reserve(shared, Demand(1)))

    with pytest.raises(RateLimited):
        run(pair[1].reserve(shared, Demand(1)))


def test_processes_share_a_ban(pair: tuple[Budget, Budget]) -> None:
    shared = pool()
    run(pair[0].ban(shared, datetime.now(UTC) + timedelta(minutes=1)))

    with pytest.raises(RateLimited):
        run(pair[1].reserve(shared, Demand(1)))


def test_a_ban_survives_a_redis_that_has_forgotten_it(pair: tuple[Budget, Budget]) -> None:
    shared = pool()
    run(pair[0].ban(shared, datetime.now(UTC) + timedelta(minutes=1)))
    client(settings.REDIS_URL).delete(f"{module.PREFIX}{shared.name}")
    with pytest.raises(RateLimited):
        run(pair[0].reserve(shared, Demand(1)))

    with pytest.raises(RateLimited):
        run(pair[1].reserve(shared, Demand(1)))


def test_scripts_that_a_restarted_redis_no_longer_knows_are_loaded_again(pair: tuple[Budget, Budget]) -> None:
    shared = pool(100)
    run(pair[0].reserve(shared, Demand(40)))
    client(settings.REDIS_URL).script_flush()
    run(pair[0].reserve(shared, Demand(40)))

    with pytest.raises(RateLimited):
        run(pair[1].reserve(shared, Demand(1)))


def test_many_at_once_get_no_more_than_there_is(pair: tuple[Budget, Budget]) -> None:
    shared = pool(100)

    async def all_of_them() -> list[object]:
        asked = [each.reserve(shared, Demand(1)) for each in pair for _ in range(300)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = run(all_of_them())
    assert sum(not isinstance(answer, Exception) for answer in answers) == 80
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {RateLimited}


def _spend(url: str, shared: Pool) -> None:
    made = Budget(url)
    asyncio.run(made.reserve(shared, Demand(50)))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_another_process_spends_from_the_same_budget(budget: Budget) -> None:
    shared = pool(100)
    process = multiprocessing.get_context("spawn").Process(target=_spend, args=(settings.REDIS_URL, shared))
    process.start()
    process.join()
    assert process.exitcode == 0
    ours = Budget(settings.REDIS_URL)

    with pytest.raises(RateLimited):
        run(ours.reserve(shared, Demand(31)))
    run(ours.close())


def test_that_redis_is_away_is_said_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALONE_SECONDS", 0.0)
    caplog.set_level(logging.INFO, logger=module.__name__)
    alone, shared = Budget(NOWHERE), pool()
    for _ in range(3):
        run(alone.reserve(shared, Demand(1)))

    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_read_waits_for_its_turn_where_the_caller_is_patient(budget: Budget) -> None:
    shared = Pool(f"test-{uuid4().hex}", Span(timedelta(milliseconds=300), 10))

    async def several() -> int:
        for _ in range(3):
            await budget.reserve(shared, Demand(8))
        return 3

    with pytest.raises(RateLimited):
        run(several())
    with patient(timedelta(seconds=5)):
        assert run(several()) == 3


def test_patience_has_an_end(budget: Budget) -> None:
    shared = pool(10)
    run(budget.reserve(shared, Demand(8)))

    with patient(timedelta(seconds=1)), pytest.raises(RateLimited):
        run(budget.reserve(shared, Demand(1)))


def test_orders_never_wait(budget: Budget) -> None:
    shared = Pool(f"test-{uuid4().hex}", Span(timedelta(minutes=10), 1000), (Span(timedelta(minutes=10), 0),))

    with patient(timedelta(hours=1)), pytest.raises(Retryable):
        run(budget.reserve(shared, order("one")))


def test_patience_reaches_the_venue_loop_and_ends_with_its_block() -> None:
    async def allowed() -> timedelta:
        return module._patience.get()

    with patient(timedelta(seconds=7)):
        assert loop.run(allowed()) == timedelta(seconds=7)
    assert loop.run(allowed()) == timedelta(0)


def test_the_name_of_an_account_does_not_tell_its_key() -> None:
    assert fingerprint("k" * 64) != fingerprint("j" * 64)
    assert "kkkk" not in fingerprint("k" * 64)
