"""Venue keys of accounts: checked with the venue, stored sealed, deleted, moved to a new encryption key."""

from collections.abc import Iterator
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.lib.errors import ApplicationError, InvalidInput
from copytrade.lib.locks import lock_for_transaction
from copytrade.lib.loop import run
from copytrade.lib.sql import update_rows
from markets.venues.base import Credentials, Permissions
from markets.venues.errors import NotSupported, VenueError
from markets.venues.registry import capabilities, venue_info
from orders.access import access_of, is_paper, venue_of
from orders.failures import presented
from orders.models import AccountState, Credential, Holding, Order, TradingAccount
from orders.services.accounts import AccountConflict, account_lock, account_lock_alone, account_target
from orders.states import FINAL
from orders.vault import CredentialUnreadable, credentials_of, first_key_id, open_sealed, seal

HINT_LENGTH = 4
SHORTEST_KEY = 2 * HINT_LENGTH
LONGEST_VENUE_ACCOUNT = 64
ROTATION_BATCH = 200


def credential_save(*, account: TradingAccount, key: str, secret: str, passphrase: str = "", actor: User) -> Credential:
    """Ask the venue what a key may do and store it, encrypted, if it may read and trade but not withdraw.

    Must not run inside a transaction: it waits for the venue. Nothing is stored unless all is well. `InvalidInput`: the
    key may withdraw, or lacks a right; `AccountConflict`: another account here uses it, or it is of another account at
    the venue than the one that has orders or holdings; `VenueAuthFailed`: the venue does not know it; `VenueRefused`:
    the venue cannot tell what a key may do; `VenueUnavailable`, `VenueRateLimited`: ask again later.
    """
    if is_paper(account) or account.state == AccountState.CLOSED:
        raise AccountConflict(f"A {'paper' if is_paper(account) else 'closed'} account needs no key.")
    credentials = _checked(Credentials(key.strip(), secret.strip(), passphrase.strip()))
    permissions = _ask(account, credentials)
    if problem := permission_problem(permissions, account.venue):
        raise InvalidInput([{"path": "key", "message": problem}])
    with transaction.atomic():
        # Only now, when the venue has said that they hold the key, may anybody learn that it is used here already.
        told = venue_account_told(permissions)
        _refuse_shared(account, credentials, told)
        locked = account_lock_alone(account)
        if locked.state == AccountState.CLOSED:
            raise AccountConflict("This account was closed.")
        _take_owner(locked, told)
        stored = _store(locked, credentials, checked=True)
        if locked.state == AccountState.AUTH_FAILED:
            locked.state, locked.state_reason = AccountState.ACTIVE, ""
        locked.save(update_fields=["state", "state_reason", "venue_account"])
        audit_record(
            actor=actor,
            action="account.key.save",
            target=account_target(locked)[:160],
            changes={"key": f"…{stored.key_hint}"},
        )
    return stored


@transaction.atomic
def credential_keep_unchecked(*, account: TradingAccount, credentials: Credentials) -> Credential:
    """Store a key of the environment without asking the venue: the first sync does, and trading waits for it.

    `AccountConflict`: another account here uses it, or it would take the place of another key while the account has
    orders or holdings: the venue has to be asked first whose it is.
    """
    _refuse_shared(account, _checked(credentials), told="")
    locked = account_lock_alone(account)
    current = credentials_of([locked.pk]).get(locked.pk)
    if current is not None and current.key != credentials.key and (things := _open_things(locked)):
        message = f"This account has {_words(things)}. Save the key by the API, which asks the venue whose it is."
        raise AccountConflict(message, details=things)
    stored = _store(locked, credentials, checked=False)
    audit_record(
        actor=None,
        action="account.key.save",
        target=account_target(account)[:160],
        changes={"key": f"…{stored.key_hint}", "source": "environment"},
    )
    return stored


def credential_is(account: TradingAccount, credentials: Credentials) -> bool:
    """Return whether just this is the stored key of an account; one that cannot be read is another one."""
    return credentials_of([account.pk]).get(account.pk) == credentials


@transaction.atomic
def credential_delete(*, account: TradingAccount, actor: User) -> None:
    """Delete the key of an account, so that nothing more can be sent for it; without one, nothing changes."""
    locked = account_lock(account)
    deleted, _ = Credential.objects.filter(account=locked).delete()
    if deleted:
        audit_record(actor=actor, action="account.key.delete", target=account_target(locked)[:160])


def permission_problem(permissions: Permissions, venue: str) -> str | None:
    """Return what is wrong with a key's rights, and what to change; None where all is well."""
    name = venue_info(venue).name
    if permissions.withdraw:
        return (
            f"this key may withdraw money. Nothing here ever withdraws, so switch that right off at {name} "
            "(or make a key without it) and save the key again"
        )
    if not permissions.read:
        return f"this key may not read the account: allow reading at {name} and save the key again"
    if not permissions.trade:
        return f"this key may not trade here: allow trading for {name} and save the key again"
    return None


def venue_account_told(permissions: Permissions | None) -> str:
    """Return the venue's own name of the account that a key is of, as it is stored; empty where it does not tell."""
    return permissions.venue_account[:LONGEST_VENUE_ACCOUNT] if permissions else ""


def key_fingerprint(key: str) -> str:
    """Return what tells whether two keys are one: the SHA-256 of the public part. It is random, so no salt."""
    return sha256(key.encode()).hexdigest()


def key_hint(key: str) -> str:
    """Return what is shown of a key: the end of its public part."""
    return key[-HINT_LENGTH:]


def rotate_keys() -> Iterator[tuple[int, int]]:
    """Re-encrypt, batch by batch, all records that are not under the first encryption key or have no fingerprint yet.

    Yields after each batch how many were done and how many could not be read. It may be ended and begun again at any
    time, and run beside a working installation: each row is locked while it is rewritten, and both keys decrypt.
    """
    last = 0
    while True:
        with transaction.atomic():
            batch = list(
                Credential.objects.select_for_update(of=("self",))
                .select_related("account")
                .filter(~Q(key_id=first_key_id()) | Q(fingerprint=""), pk__gt=last)
                .order_by("pk")[:ROTATION_BATCH]
            )
            if not batch:
                return
            done = _reseal(batch)
            audit_record(
                actor=None,
                action="account.key.rotate",
                target=f"{done} keys",
                changes={"key_id": first_key_id(), "unreadable": len(batch) - done},
            )
        last = batch[-1].pk
        yield done, len(batch) - done


def _ask(account: TradingAccount, credentials: Credentials) -> Permissions:
    asking = venue_of(account).permissions(access_of(account, credentials))
    try:
        return run(asking, timeout=settings.VENUE_TIMEOUT_SECONDS * 2)
    except NotSupported as error:
        raise _unable_to_tell(error, account.venue) from error
    except (VenueError, TimeoutError) as error:
        raise presented(error, account.venue) from error


def _unable_to_tell(error: NotSupported, venue: str) -> ApplicationError:
    name = venue_info(venue).name
    message = f"{name} does not tell what a key may do, so nobody can see that this one may not withdraw"
    return presented(NotSupported(message, code=error.code, status=error.status), venue)


def _checked(credentials: Credentials) -> Credentials:
    if not credentials.key.isascii() or not credentials.key.isprintable() or len(credentials.key) < SHORTEST_KEY:
        raise InvalidInput([{"path": "key", "message": "is not the key of a venue"}])
    if not credentials.secret:  # it may be a private key of several lines
        raise InvalidInput([{"path": "secret", "message": "is empty"}])
    return credentials


def _refuse_shared(account: TradingAccount, credentials: Credentials, told: str) -> None:
    """Refuse a key that another account at the venue uses: both would trade one wallet.

    A key of many is taken where the venue has told of each account here that it is of another one there. Must run
    before the account is locked, and once per transaction and key: that order rules out deadlocks.
    """
    fingerprint = key_fingerprint(credentials.key)
    lock_for_transaction(f"venue key {fingerprint}")
    others = Credential.objects.filter(fingerprint=fingerprint, account__venue=account.venue)
    if told and capabilities(account.venue).key_of_many:
        others = others.filter(account__venue_account__in=["", told])
    if others.exclude(account=account).exclude(account__state=AccountState.CLOSED).exists():
        name = venue_info(account.venue).name
        raise AccountConflict(f"Another account at {name} uses this key already: make one of its own there.")


def _take_owner(account: TradingAccount, told: str) -> None:
    """Note whose key it is; refuse one of another account at the venue while orders or holdings are of the one before.

    Where the venue has not told it of both, every key is taken.
    """
    another = told and account.venue_account and told != account.venue_account
    if another and (things := _open_things(account)):
        message = (
            f"This key is of another account at {venue_info(account.venue).name} than the one where this account has "
            f"{_words(things)}: close them first, or open another account here for it."
        )
        raise AccountConflict(message, details=things)
    account.venue_account = told or account.venue_account


def _open_things(account: TradingAccount) -> dict[str, int]:
    """Return how many orders that are not final and how many holdings an account has; empty where there is nothing."""
    orders = Order.objects.filter(account=account).exclude(state__in=FINAL).count()
    holdings = Holding.objects.filter(account=account).exclude(quantity=0).count()
    return {"open_orders": orders, "holdings": holdings} if orders or holdings else {}


def _words(things: dict[str, int]) -> str:
    orders, holdings = things["open_orders"], things["holdings"]
    counted = {"open order": orders, "holding": holdings}
    return " and ".join(f"{number} {word}{'' if number == 1 else 's'}" for word, number in counted.items() if number)


def _store(account: TradingAccount, credentials: Credentials, *, checked: bool) -> Credential:
    ciphertext, key_id = seal(credentials, account.key)
    now = timezone.now()
    stored, _ = Credential.objects.update_or_create(
        account=account,
        defaults={
            "ciphertext": ciphertext,
            "key_id": key_id,
            "key_hint": key_hint(credentials.key),
            "fingerprint": key_fingerprint(credentials.key),
            "can_trade": checked,
            "checked_at": now if checked else None,
            "updated_at": now,
        },
    )
    return stored


def _reseal(batch: list[Credential]) -> int:
    rows = []
    for row in batch:
        try:
            credentials = open_sealed(row.ciphertext, row.key_id, row.account.key)
        except CredentialUnreadable:
            continue
        ciphertext, key_id = seal(credentials, row.account.key)
        fingerprint = key_fingerprint(credentials.key)
        sealed = f"\\x{ciphertext.hex()}"
        rows.append({"id": row.pk, "ciphertext": sealed, "key_id": key_id, "fingerprint": fingerprint})
    update_rows("orders_credential", {"ciphertext": "bytea", "key_id": "text", "fingerprint": "text"}, rows)
    return len(rows)
