"""Carrying out a request once, however often it is sent.

A sender gives its request a key. `idempotency_claim` and `idempotency_settle` stand in the transaction that creates
what the request asks for, so the key, the thing and the reference to it are stored together or not at all:

    with transaction.atomic():
        match idempotency_claim(user=user, key=key, route="orders.place", body=body):
            case Existing(result):
                return order_of(result)
            case Claimed() as claim:
                order = ...
                idempotency_settle(claim=claim, result=f"order:{order.pk}")

The table is the model `copytrade.accounts.IdempotencyKey`; it is written by its name, as lib knows no models.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from copytrade.lib import sql
from copytrade.lib.errors import IdempotencyConflict, InvalidInput

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(days=7)
_KEY = re.compile(r"[!-~]{1,64}")

IDEMPOTENCY_PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": "^[!-~]{1,64}$"},
    OpenApiParameter.HEADER,
    description=(
        "A text of your own for this request. Sent again with the same key and body, it answers the first result; "
        "the same key with another body is 409. Keys are kept for 7 days."
    ),
)

CLAIM = """
INSERT INTO accounts_idempotencykey (user_id, key, route, body_sha256, result, created_at)
VALUES (%s, %s, %s, %s, '', statement_timestamp())
ON CONFLICT (user_id, key) DO NOTHING
RETURNING id
"""
FIND = "SELECT route, body_sha256, result FROM accounts_idempotencykey WHERE user_id = %s AND key = %s"
SETTLE = "UPDATE accounts_idempotencykey SET result = %s WHERE id = %s"
PRUNE = "DELETE FROM accounts_idempotencykey WHERE created_at < statement_timestamp() - %s"


@dataclass(frozen=True, slots=True)
class Claimed:
    """The request is new: carry it out, and settle the claim with what came of it."""

    id: int


@dataclass(frozen=True, slots=True)
class Existing:
    """The request was carried out before; `result` refers to what came of it, such as `order:123`."""

    result: str


def read_idempotency_key(request: Request | HttpRequest) -> str | None:
    """Return the `Idempotency-Key` of a request, None without one; a malformed one is `InvalidInput`."""
    key = request.headers.get(HEADER)
    if key is not None:
        check_idempotency_key(key, path=HEADER)
    return key


def check_idempotency_key(key: str, *, path: str) -> None:
    """Refuse a key (`InvalidInput` at `path`) that is not 1 to 64 visible ASCII characters."""
    if not _KEY.fullmatch(key):
        raise InvalidInput([{"path": path, "message": "write 1 to 64 visible ASCII characters, without spaces"}])


def body_hash(body: bytes | Mapping[str, Any]) -> str:
    """Return the SHA-256 of a body, hexadecimal: of its bytes, or of its values whatever their order."""
    if not isinstance(body, bytes):
        body = msgspec.json.encode(body, order="deterministic", enc_hook=str)
    return hashlib.sha256(body).hexdigest()


def idempotency_claim(
    *, user: AbstractBaseUser, key: str, route: str, body: bytes | Mapping[str, Any]
) -> Claimed | Existing:
    """Claim a user's key for a request, or return the result of the first request with it.

    Needs an open transaction, and waits for that of another request that just claimed the key. A key that belongs to
    another route or body is `IdempotencyConflict`; one in the wrong form is `InvalidInput`.
    """
    assert connection.in_atomic_block, "a claim stands and falls with what it guards"
    check_idempotency_key(key, path=HEADER)
    digest = body_hash(body)
    while True:
        if claimed := sql.run(CLAIM, [user.pk, key, route, digest]):
            return Claimed(claimed[0][0])
        if found := sql.run(FIND, [user.pk, key]):
            return _existing(key, (route, digest), *found[0])
        # It was pruned between the two statements: claim it again.


def idempotency_settle(*, claim: Claimed, result: str) -> None:
    """Store the reference to what came of a claimed request, in the transaction of the claim."""
    sql.run(SETTLE, [result, claim.id])


def idempotency_prune() -> None:
    """Forget keys of more than 7 days ago. Safe to run twice."""
    sql.run(PRUNE, [KEPT_FOR])


def _existing(key: str, wanted: tuple[str, str], route: str, digest: str, result: str) -> Existing:
    if wanted != (route, digest):
        raise IdempotencyConflict(
            "This idempotency key was used before with another request; use a new one for a new request.",
            details={"key": key},
        )
    if not result:
        raise IdempotencyConflict("The first request with this key is still being carried out.", details={"key": key})
    return Existing(result)
