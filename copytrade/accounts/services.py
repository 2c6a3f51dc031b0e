"""Making users and keys, revoking keys, and writing the audit trail."""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from copytrade.accounts.models import PERSONAL_SCOPES, ApiKey, AuditEvent, Role, Scope, User
from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput

PREFIX_BYTES = 5
SECRET_BYTES = 32
LAST_USED_PRECISION = timedelta(minutes=1)
# No @: a name that reads like somebody's address would come before it at the login.
USERNAME = re.compile(r"[\w.+-]{1,150}")
IIFL_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{0,32}", re.ASCII)


class AddressTaken(ApplicationError):
    """The address belongs to a user already; the sentence does not say so (see docs/auth.md)."""

    code = ErrorCode.CONFLICT
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "This registration cannot be accepted: log in if you have an account, else change the details."
        )


def user_register(
    *, username: str, email: str, password: str, role: str, full_name: str = "", iifl_account_id: str = ""
) -> User:
    """Make a user who registers; `replication.services.people` gives them an account along.

    What is wrong is `InvalidInput` with each field, a name that is taken too; an address that is taken is
    `AddressTaken`. Both come after the work of hashing the password, as success does.
    """
    user = User(
        username=User.normalize_username(username),
        email=User.objects.normalize_email(email),
        role=role,
        full_name=full_name.strip(),
        iifl_account_id=iifl_account_id,
    )
    if problems := [*user_problems(user), *password_problems(password, user)]:
        raise InvalidInput(problems)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        if User.objects.filter(username__iexact=user.username).exists():
            raise InvalidInput([{"path": "username", "message": "is taken: choose another"}]) from None
        raise AddressTaken from None
    audit_record(actor=user, action="user.register", target=user_target(user), changes={"role": user.role})
    return user


def user_problems(user: User) -> Iterator[dict[str, str]]:
    """Yield what is wrong with a wished user beside the password, each with the `path` of its field and a `message`."""
    if not USERNAME.fullmatch(user.username):
        yield {"path": "username", "message": "write up to 150 letters, digits, and . + - _"}
    try:
        validate_email(user.email)
    except ValidationError:
        yield {"path": "email", "message": "is no email address"}
    if user.role == "ADMIN":
        yield {"path": "role", "message": "nobody registers as ADMIN, staff appoint staff: write MASTER or FOLLOWER"}
    elif user.role not in Role.values:
        yield {"path": "role", "message": "write MASTER or FOLLOWER"}
    if not user.full_name.isprintable():
        yield {"path": "full_name", "message": "write visible characters"}
    if not IIFL_ACCOUNT.fullmatch(user.iifl_account_id):
        yield {"path": "iifl_account_id", "message": "write up to 32 letters, digits, - and _"}


def password_problems(password: str, user: User, *, path: str = "password") -> Iterator[dict[str, str]]:
    """Yield what is wrong with the password that a user wishes."""
    if "\0" in password:
        yield {"path": path, "message": "holds characters that are none"}
    try:
        validate_password(password, user)
    except ValidationError as error:
        yield from ({"path": path, "message": message} for message in error.messages)


def user_change_password(*, request: HttpRequest, user: User, old: str, new: str) -> User:
    """Give a user, who has to know the old password, a new one, which ends all sessions and tokens of before.

    A wrong old one is `InvalidInput` and counted as a login that fails, so this may raise `TooManyLogins`.
    """
    known = authenticate(request, username=user.username, password=old)
    if not isinstance(known, User) or known != user:
        raise InvalidInput([{"path": "old_password", "message": "is wrong"}])
    if problems := list(password_problems(new, known, path="new_password")):
        raise InvalidInput(problems)
    with transaction.atomic():
        known.set_password(new)
        known.save(update_fields=["password"])
        user_password_note(user=known, actor=known)
    return known


def user_password_note(*, user: User, actor: User) -> None:
    """Tell the audit trail that somebody has a new password, which ends all tokens of before."""
    audit_record(actor=actor, action="user.password", target=user_target(user))


def user_target(user: User) -> str:
    """Return how the audit trail names a user."""
    return f"user:{user.pk} {user.username}"[:160]


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
