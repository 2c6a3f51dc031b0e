"""Venue keys, encrypted: the only module that turns them into ciphertext and back.

AES-256-GCM with a fresh nonce per record. The encryption keys are derived by HKDF-SHA256 (RFC 5869) from
`settings.ENCRYPTION_KEYS`: the first one encrypts, all of them decrypt. The uuid `key` of the account is associated
data, so a ciphertext that is moved to another account's row does not open there.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap
from typing import NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from copytrade.lib.errors import ApplicationError, ErrorCode
from markets.venues.base import Credentials
from orders.models import Credential

logger = logging.getLogger(__name__)

NONCE_BYTES = 12
KEY_BYTES = 32
KEY_ID_BYTES = 8


class CredentialUnreadable(ApplicationError):
    """A stored venue key cannot be decrypted here: its owner has to save it again. Tells nothing of what is stored."""

    code = ErrorCode.VENUE_AUTH_FAILED
    status = 409

    def __init__(self, why: str) -> None:
        super().__init__(f"The stored venue key cannot be read: {why}. Save the key again.")


class Sealed(NamedTuple):
    """A venue key as it is stored, and whose it is."""

    account_id: int
    account_key: UUID
    ciphertext: bytes | memoryview
    key_id: str


@dataclass(frozen=True, slots=True, repr=False)
class EncryptionKey:
    """A key of the installation, ready to use; `id` tells it from the others and nothing else."""

    id: str
    cipher: AESGCM


def seal(credentials: Credentials, account_key: UUID) -> tuple[bytes, str]:
    """Encrypt a venue key for the account with this uuid; return nonce and ciphertext, and the encryption key's id."""
    first = _first_key()
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + first.cipher.encrypt(nonce, msgspec.json.encode(credentials), account_key.bytes), first.id


def open_sealed(ciphertext: bytes | memoryview, key_id: str, account_key: UUID) -> Credentials:
    """Decrypt what `seal` made for this account; raises `CredentialUnreadable`."""
    return _open(ciphertext, key_id, account_key, _encryption_keys())


def _open(
    ciphertext: bytes | memoryview, key_id: str, account_key: UUID, keys: Mapping[str, EncryptionKey]
) -> Credentials:
    key = keys.get(key_id)
    if key is None:
        raise CredentialUnreadable("its encryption key is not among those of this installation")
    sealed = bytes(ciphertext)
    try:
        text = key.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], account_key.bytes)
        return msgspec.json.decode(text, type=Credentials)
    except (InvalidTag, ValueError, msgspec.DecodeError):
        # `from None`: nothing of the data may stand in a traceback.
        raise CredentialUnreadable("it was changed, or belongs to another account") from None


def credentials_of(account_ids: Sequence[int]) -> dict[int, Credentials]:
    """Return the venue keys of accounts by account id, in one statement.

    Accounts without one are left out, and so are those whose key cannot be read (the log names them).
    """
    rows = Credential.objects.filter(account__in=list(account_ids)).values_list(
        "account_id", "account__key", "ciphertext", "key_id"
    )
    return credentials_open(starmap(Sealed, rows))


def credentials_open(sealed: Iterable[Sealed]) -> dict[int, Credentials]:
    """Return venue keys by account id; those that cannot be read are left out (the log names their accounts)."""
    found, keys = {}, _encryption_keys()
    for each in sealed:
        try:
            found[each.account_id] = _open(each.ciphertext, each.key_id, each.account_key, keys)
        except CredentialUnreadable as error:
            # The traceback has no place here.
            logger.error("Account %s: %s", each.account_id, error.message)  # noqa: TRY400
    return found


def first_key_id() -> str:
    """Return the id of the key that encrypts now."""
    return _first_key().id


def _first_key() -> EncryptionKey:
    return _derive(settings.ENCRYPTION_KEYS[0])


def _encryption_keys() -> dict[str, EncryptionKey]:
    return {key.id: key for key in map(_derive, settings.ENCRYPTION_KEYS)}


@lru_cache(maxsize=16)
def _derive(text: str) -> EncryptionKey:
    secret = text.encode()
    identifier = _expand(secret, b"copytrade credential key id", KEY_ID_BYTES)
    return EncryptionKey(identifier.hex(), AESGCM(_expand(secret, b"copytrade credential encryption", KEY_BYTES)))


def _expand(secret: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(secret)
