"""Logins: one for each key, shared by all processes, for a second login ends the first.

Whoever finds no token takes a lock in Redis and logs in; the others wait for what comes of it. Tokens are kept in Redis
encrypted by the key's own secret, so that nobody else can use one that leaks from there.
"""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from markets.venues.base import Credentials
from markets.venues.budget import fingerprint
from markets.venues.errors import AuthFailed, VenueDown
from markets.venues.iifl.shared import Shared

GOOD_SECONDS = 20 * 3600  # tokens live for a day
LOGIN_SECONDS = 20
LOOK_SECONDS = 0.05


class Session(msgspec.Struct, frozen=True):
    """A login. Its token is never shown; a dealer's acts for clients, and has to name one in every call."""

    token: str
    user: str
    is_investor: bool = True
    clients: tuple[str, ...] = ()
    at: float = 0.0

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"Session(is_investor={self.is_investor})"

    @property
    def is_fresh(self) -> bool:
        """Whether it will be good for some hours to come."""
        return time.time() - self.at < GOOD_SECONDS


@dataclass(slots=True)
class _Seat:
    """What this process has of one key."""

    loop: asyncio.AbstractEventLoop
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    session: Session | None = None


Login = Callable[[Credentials], Awaitable[Session]]


class Sessions:
    """The sessions of one kind of interface; `login` asks for a new one."""

    def __init__(self, shared: Shared, kind: str, login: Login) -> None:
        self._shared, self._kind, self._login = shared, kind, login
        self._seats: dict[str, _Seat] = {}

    async def session(self, credentials: Credentials | None, *, gone: Session | None = None) -> Session:
        """Return a session that is good; `gone` is one that the venue no longer takes."""
        if credentials is None or not (credentials.key and credentials.secret):
            raise AuthFailed("The account has no key.")
        seat = self._seat(credentials)
        if _is_good(seat.session, gone):
            return seat.session
        async with seat.lock:
            if not _is_good(seat.session, gone):
                seat.session = await self._common(credentials, gone)
            return seat.session

    async def _common(self, credentials: Credentials, gone: Session | None) -> Session:
        """Return the session of all processes, logged in by whoever has the lock."""
        name = f"{self._kind}:{fingerprint(credentials.key)}"
        key, lock, owner = f"session:{name}", f"login:{name}", secrets.token_hex(8)
        until = time.monotonic() + LOGIN_SECONDS
        while time.monotonic() < until:
            if _is_good(found := await self._stored(key, credentials), gone):
                return found
            if await self._shared.take(lock, owner, LOGIN_SECONDS):
                try:
                    return await self._new(key, credentials, gone)
                finally:
                    await self._shared.drop(lock, owner)
            await asyncio.sleep(LOOK_SECONDS)
        raise VenueDown("Another process is logging in at IIFL, and does not get through.")

    async def _new(self, key: str, credentials: Credentials, gone: Session | None) -> Session:
        """Log in, unless somebody has since this process looked."""
        if _is_good(found := await self._stored(key, credentials), gone):
            return found
        session = await self._login(credentials)
        sealed = _cipher(credentials).encrypt(msgspec.json.encode(session)).decode()
        await self._shared.write(key, sealed, GOOD_SECONDS)
        return session

    async def _stored(self, key: str, credentials: Credentials) -> Session | None:
        sealed = await self._shared.read(key)
        if sealed is not None:
            with contextlib.suppress(InvalidToken, msgspec.MsgspecError):
                return msgspec.json.decode(_cipher(credentials).decrypt(sealed), type=Session)
        return None

    def _seat(self, credentials: Credentials) -> _Seat:
        name, loop = fingerprint(f"{credentials.key}|{credentials.secret}"), asyncio.get_running_loop()
        if name not in self._seats or self._seats[name].loop is not loop:
            self._seats[name] = _Seat(loop)
        return self._seats[name]


def read_session(result: Mapping[str, Any]) -> Session:
    """Return the session of a login's answer."""
    return Session(
        token=str(result["token"]),
        user=str(result["userID"]),
        is_investor=bool(result.get("isInvestorClient", True)),
        clients=tuple(str(each) for each in result.get("clientCodes") or ()),
        at=time.time(),
    )


def _is_good(session: Session | None, gone: Session | None) -> TypeGuard[Session]:
    return session is not None and session.is_fresh and (gone is None or session.token != gone.token)


def _cipher(credentials: Credentials) -> Fernet:
    digest = hashlib.sha256(b"IIFL session\0" + credentials.secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
