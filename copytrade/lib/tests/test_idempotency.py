"""A request is carried out once, however often and however simultaneously it is sent."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from copytrade.accounts.models import IdempotencyKey, User
from copytrade.accounts.tasks import idempotency_prune
from copytrade.lib.errors import IdempotencyConflict, InvalidInput
from copytrade.lib.idempotency import (
    Claimed,
    Existing,
    body_hash,
    idempotency_claim,
    idempotency_settle,
    read_idempotency_key,
)
from tests.factories import make_user

BODY = b'{"symbol":"BTCUSDT","quantity":"0.001"}'
THREADS = 8


def place(user: User, key: str = "first", route: str = "orders.place", body: Any = BODY, result: str = "1") -> str:
    """Place an order of the name `result` unless the request was sent before; return the order's name."""
    with transaction.atomic():
        claim = idempotency_claim(user=user, key=key, route=route, body=body)
        if isinstance(claim, Existing):
            return claim.result
        idempotency_settle(claim=claim, result=f"order:{result}")
        return f"order:{result}"


@pytest.mark.django_db
def test_the_first_request_is_carried_out_and_the_same_one_again_answers_its_result() -> None:
    user = make_user()
    assert place(user, result="1") == "order:1"
    assert place(user, result="2") == "order:1"
    assert IdempotencyKey.objects.get().result == "order:1"


@pytest.mark.django_db
def test_the_same_values_in_another_order_are_the_same_body() -> None:
    user = make_user()
    assert place(user, body={"symbol": "BTCUSDT", "quantity": Decimal("0.001")}) == "order:1"
    assert place(user, body={"quantity": Decimal("0.001"), "symbol": "BTCUSDT"}, result="2") == "order:1"
    assert body_hash({"quantity": Decimal("0.001")}) != body_hash({"quantity": Decimal("0.0010")})


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"body": b"{}"}, {"route": "orders.cancel"}, {"body": {}}])
def test_the_same_key_for_something_else_is_a_conflict(other: dict[str, Any]) -> None:
    user = make_user()
    place(user)
    with pytest.raises(IdempotencyConflict) as conflict:
        place(user, **other)
    assert (conflict.value.status, conflict.value.code) == (409, "IDEMPOTENCY_CONFLICT")
    assert conflict.value.details == {"key": "first"}


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 65, "ä", "\n", "a\x00", "a\n"])
def test_a_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 64 visible"):
        place(make_user(), key=key)


@pytest.mark.django_db
def test_another_user_may_use_the_same_key() -> None:
    assert place(make_user(), result="1") == "order:1"
    assert place(make_user(), result="2") == "order:2"


@pytest.mark.django_db
def test_a_request_that_failed_leaves_its_key_free() -> None:
    user = make_user()
    with pytest.raises(LookupError):
        claim_and_fail(user)
    assert place(user, body=b"another") == "order:1"


@pytest.mark.django_db
def test_a_claim_without_a_result_yet_is_a_conflict() -> None:
    user = make_user()
    assert isinstance(idempotency_claim(user=user, key="first", route="orders.place", body=BODY), Claimed)
    with pytest.raises(IdempotencyConflict, match="still being carried out"):
        place(user)


@pytest.mark.django_db(transaction=True)
def test_a_claim_outside_a_transaction_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        idempotency_claim(user=make_user(), key="first", route="orders.place", body=BODY)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out_and_all_get_its_result() -> None:
    user, ready = make_user(), threading.Barrier(THREADS)

    def work(number: int) -> str:
        ready.wait(10)
        return place(user, result=str(number))

    assert len(set(in_threads(work))) == 1
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_request_that_then_fails_takes_its_place() -> None:
    user, claimed = make_user(), threading.Event()

    def until_the_other_waits() -> None:
        claimed.set()
        until_somebody_waits_for_this()

    def fail() -> str:
        with pytest.raises(LookupError):
            claim_and_fail(user, until_the_other_waits)
        return "failed"

    def follow() -> str:
        assert claimed.wait(10)
        return place(user, result="2")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(alone(fail)), pool.submit(alone(follow))
    assert (first.result(), second.result()) == ("failed", "order:2")


@pytest.mark.django_db
def test_old_keys_are_forgotten_and_younger_ones_kept() -> None:
    user = make_user()
    for key, age in (("old", timedelta(days=7, minutes=1)), ("young", timedelta(days=6, hours=23))):
        place(user, key=key)
        IdempotencyKey.objects.filter(key=key).update(created_at=timezone.now() - age)
    for _ in range(2):
        idempotency_prune()
        assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]


def test_the_key_is_read_from_the_header() -> None:
    assert read_idempotency_key(RequestFactory().post("/", headers={"Idempotency-Key": "a-1"})) == "a-1"
    assert read_idempotency_key(RequestFactory().post("/")) is None
    with pytest.raises(InvalidInput) as refusal:
        read_idempotency_key(RequestFactory().post("/", headers={"Idempotency-Key": "a b"}))
    assert refusal.value.details["errors"][0]["path"] == "Idempotency-Key"


def claim_and_fail(user: User, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Claim a key in a transaction that then fails."""
    with transaction.atomic():
        idempotency_claim(user=user, key="first", route="orders.place", body=BODY)
        meanwhile()
        raise LookupError


def in_threads(work: Callable[[int], str]) -> list[str]:
    """Do the work in threads with connections of their own; return their results."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda number: alone(lambda: work(number))(), range(THREADS)))


def alone(work: Callable[[], str]) -> Callable[[], str]:
    """Return the work for a thread of its own, which closes its connection."""

    def run() -> str:
        try:
            return work()
        finally:
            connection.close()

    return run


def until_somebody_waits_for_this() -> None:
    """Return once another transaction waits for this one to end."""
    deadline = timezone.now() + timedelta(seconds=10)
    while timezone.now() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
            )
            if cursor.fetchone()[0]:
                return
    raise TimeoutError
