"""Making and revoking keys, and writing the audit trail."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from copytrade.accounts.models import PERSONAL_SCOPES, ApiKey, AuditEvent, Scope, User
from copytrade.lib.errors import InvalidInput

PREFIX_BYTES = 5
SECRET_BYTES = 32
LAST_USED_PRECISION = timedelta(minutes=1)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret, as hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def api_key_create(
    *, name: str, scopes: Sequence[str], user: User | None = None, is_demo: bool = False
) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key itself, which cannot be read again.

    No scope, an unknown one, or one that acts for a user without that user (or for one who is not active) is
    `InvalidInput`.
    """
    if problems := list(api_key_problems(scopes=scopes, user=user)):
        raise InvalidInput(problems)
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    row = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        secret_sha256=hash_secret(secret),
        scopes=list(dict.fromkeys(scopes)),
        user=user,
        is_demo=is_demo,
    )
    return row, f"ct_{prefix}_{secret}"


def api_key_problems(*, scopes: Sequence[str], user: User | None) -> Iterator[dict[str, str]]:
    """Yield what is wrong with a wished key, each with the `path` of its field and a `message`."""
    if not scopes:
        yield {"path": "scopes", "message": "choose at least one"}
    if unknown := sorted(set(scopes) - set(Scope.values)):
        yield {"path": "scopes", "message": f"{', '.join(unknown)}: write some of {', '.join(Scope.values)}"}
    personal = sorted(PERSONAL_SCOPES.intersection(scopes))
    if personal and user is None:
        yield {"path": "user", "message": f"a key with the scope {' or '.join(personal)} acts for a user: choose one"}
    if user is not None and not user.is_active:
        yield {"path": "user", "message": "is not active, so the key would be refused"}


def api_key_revoke(*, key: ApiKey, actor: User) -> None:
    """End a key; it is refused from now on. Revoking it again changes nothing."""
    now = timezone.now()
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        key.revoked_at = now
        audit_record(actor=actor, action="api_key.revoke", target=str(key))


def api_key_touch(*, key: ApiKey) -> None:
    """Remember that the key was used, to the minute: one write a minute, not one a request."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_PRECISION:
        unseen = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
        ApiKey.objects.filter(unseen, pk=key.pk).update(last_used_at=now)


def audit_record(
    *,
    actor: User | None,
    action: str,
    target: str,
    changes: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Append one event to the audit trail; no actor means the system itself."""
    return AuditEvent.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor else "system",
        action=action,
        target=target,
        changes=changes or {},
        reason=reason,
    )
