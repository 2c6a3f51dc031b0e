"""The way to XTS and back: budget, token, and what the answer means.

A request that changes something is sent once. A read whose token is gone is asked once more with a new one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from markets.venues.base import AccountAccess, Credentials
from markets.venues.budget import Budget, patient
from markets.venues.budget_rules import Demand
from markets.venues.deadline import check_deadline
from markets.venues.errors import AuthFailed, OutcomeUnknown, Retryable, VenueDown, VenueError
from markets.venues.http import Answer, NoAnswerError, NotSentError, Transport, UnreadableError
from markets.venues.iifl.errors import RATE_LIMIT, SOON, SessionGoneError, error_of, is_no_data, is_success, unwrapped
from markets.venues.iifl.house import House, account_name, utc_now
from markets.venues.iifl.sessions import Session, Sessions, read_session
from markets.venues.iifl.shared import Shared

LOGIN = "/interactive/user/session"
MARKET_LOGIN = "/apimarketdata/auth/login"
# Books may be asked for once a second: whoever comes second waits.
PATIENCE = timedelta(seconds=5)
ORDERS = "/interactive/orders"
PLACES = "orders"

UNREADABLE = (UnreadableError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError)

logger = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder(decimal_format="number")
Params = Mapping[str, Any]


class Gateway:
    """Calls to one installation of XTS. It belongs to the loop on which it is first used."""

    def __init__(self, house: House, *, budget: Budget, shared: Shared, timeout_seconds: float) -> None:
        self.house, self.shared = house, shared
        self.transport = Transport(timeout_seconds)
        self.sessions = Sessions(shared, "interactive", self._login)
        self._market_sessions = Sessions(shared, "market", self._market_login)
        self._budget = budget
        self._books: dict[tuple[asyncio.AbstractEventLoop, str, str], asyncio.Task[list[Any]]] = {}

    async def place(self, account: AccountAccess, session: Session, body: Params) -> Any:
        """Send an order, at most once; return what the acknowledgement holds."""
        await self._order_turn(account)
        check_deadline()  # the last thing before it is sent
        return await self._once("POST", ORDERS, session, account=account, body=body)

    async def cancel(self, account: AccountAccess, session: Session, params: Params) -> None:
        """Send a cancellation, at most once."""
        await self._order_turn(account)
        await self._once("DELETE", ORDERS, session, account=account, params=params)

    async def read(self, account: AccountAccess, path: str, params: Params | None = None, *, dealer: str = "") -> Any:
        """Ask for an account; return the result, None where XTS says that there is no data.

        `dealer` is the path for logins that act for clients.
        """
        await self._book_turn(account, path)
        return await self._read(account, path, params, dealer)

    async def book(self, account: AccountAccess, path: str, *, dealer: str) -> list[Any]:
        """Return a book of an account, an empty one too. Questions that wait for their turn share one answer."""
        key = asyncio.get_running_loop(), _name(account), path
        task = self._books.get(key)
        if task is None:
            task = self._books[key] = asyncio.create_task(self._book_in_turn(key, account, path, dealer))
            task.add_done_callback(_note)
        return await asyncio.shield(task)

    async def session(self, account: AccountAccess) -> Session:
        """Return the session of an account."""
        return await self.sessions.session(account.credentials)

    def client_of(self, account: AccountAccess, session: Session) -> str:
        """Return the client that calls have to name, empty for a login that trades for itself."""
        named = account.credentials.passphrase if account.credentials else ""
        if not named and not session.is_investor:
            raise AuthFailed("This is a dealer's key: save it again with the client's code as its passphrase.")
        return named

    async def market_data(self, path: str, body: Params) -> Any:
        """Ask for market data with the installation's own key."""

        async def ask(session: Session) -> Any:
            return await self._once("POST", path, session, body=body, writes=False)

        return await _renewing(self._market_sessions, self.house.market_data, ask)

    async def master(self, segments: Sequence[str]) -> str:
        """Return the list of instruments, for which nobody has to log in."""
        body = {"exchangeSegmentList": list(segments)}
        return str(await self._once("POST", "/apimarketdata/instruments/master", None, body=body, writes=False))

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()
        await self._budget.close()
        await self.shared.close()

    @contextmanager
    def understood(self, *, writes: bool = False) -> Iterator[None]:
        """Turn what is missing or malformed in an answer, read in this block, into the error that it means."""
        try:
            yield
        except UNREADABLE as error:
            message = "The venue's answer cannot be read."
            raise (OutcomeUnknown(message) if writes else Retryable(message, after=SOON)) from error

    @contextmanager
    def passing_over(self, what: str) -> Iterator[None]:
        """Leave out, with a warning, one row of many that is read in this block and cannot be: the others count."""
        try:
            yield
        except UNREADABLE as error:
            logger.warning("IIFL told of %s what cannot be read (%r): passed over", what, error)

    async def _book_in_turn(
        self, key: tuple[asyncio.AbstractEventLoop, str, str], account: AccountAccess, path: str, dealer: str
    ) -> list[Any]:
        """Wait for the book's turn, and ask; who comes after that waits for the next one."""
        try:
            await self._book_turn(account, path)
        finally:
            del self._books[key]
        result = await self._read(account, path, None, dealer)
        with self.understood():
            return _rows(result)

    async def _order_turn(self, account: AccountAccess) -> None:
        pool = self.house.orders_of(_name(account))
        await self._budget.reserve(pool, Demand(weight=1, urgent=True, account=PLACES, places=True))

    async def _book_turn(self, account: AccountAccess, path: str) -> None:
        with patient(PATIENCE):
            await self._budget.reserve(self.house.books_of(_name(account)), Demand(weight=0, account=path, places=True))

    async def _read(self, account: AccountAccess, path: str, params: Params | None, dealer: str) -> Any:

        async def ask(session: Session) -> Any:
            client = self.client_of(account, session)
            asked = {**(params or {}), **({"clientID": client} if client else {})}
            chosen = path if session.is_investor or not dealer else dealer
            return await self._once("GET", chosen, session, account=account, params=asked, writes=False)

        return await _renewing(self.sessions, account.credentials, ask)

    async def _login(self, credentials: Credentials) -> Session:
        body = {"appKey": credentials.key, "secretKey": credentials.secret, "source": self.house.source}
        return await self._logged_in(LOGIN, body)

    async def _market_login(self, credentials: Credentials) -> Session:
        body = {"appKey": credentials.key, "secretKey": credentials.secret, "source": self.house.source}
        return await self._logged_in(MARKET_LOGIN, body)

    async def _logged_in(self, path: str, body: Params) -> Session:
        try:
            result = await self._once("POST", path, None, body=body, writes=False)
        except (VenueDown, Retryable):
            raise
        except VenueError as error:
            raise AuthFailed(error.message, code=error.code, status=error.status) from None
        with self.understood():
            return read_session(result)

    async def _once(
        self,
        method: str,
        path: str,
        session: Session | None,
        *,
        account: AccountAccess | None = None,
        params: Params | None = None,
        body: Params | None = None,
        writes: bool = True,
    ) -> Any:
        url = f"{self.house.url}{path}" + (f"?{urlencode(params)}" if params else "")
        headers = {"Content-Type": "application/json"} | ({"Authorization": session.token} if session else {})
        answer = await self._send(method, url, headers, _encoder.encode(body) if body else None, writes=writes)
        decoded = _decoded(answer)
        if is_success(decoded):
            return decoded.get("result")
        if not writes and is_no_data(decoded):
            return None
        error = error_of(answer.status, decoded, writes=writes, by_token=session is not None)
        if account is not None and error.code == RATE_LIMIT:
            await self._pause(account, path, writes=writes)
        raise error

    async def _pause(self, account: AccountAccess, path: str, *, writes: bool) -> None:
        """Let an account send no orders, or ask no more for one of its books, for as long as XTS wants it."""
        name, until = _name(account), utc_now() + SOON
        if writes:
            await self._budget.hold(self.house.orders_of(name), PLACES, until)
        else:
            await self._budget.hold(self.house.books_of(name), path, until)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, writes: bool
    ) -> Answer:
        try:
            return await self.transport.send(method, url, headers=headers, body=body)
        except NotSentError as error:
            raise VenueDown(f"IIFL cannot be reached ({error}).") from error
        except NoAnswerError as error:
            message = f"IIFL did not answer ({error})."
            raise (OutcomeUnknown(message) if writes else VenueDown(message)) from error


async def _renewing(
    sessions: Sessions, credentials: Credentials | None, ask: Callable[[Session], Awaitable[Any]]
) -> Any:
    """Ask with the session, and once more with a new one where it is gone.

    Where that is gone as well, somebody else logs in with the same key: it is good, and may be used again later.
    """
    session = await sessions.session(credentials)
    try:
        return await ask(session)
    except SessionGoneError:
        renewed = await sessions.session(credentials, gone=session)
    try:
        return await ask(renewed)
    except SessionGoneError as error:
        raise Retryable(error.message, after=SOON, code=error.code, status=error.status) from error


def _name(account: AccountAccess) -> str:
    if account.credentials is None:
        raise AuthFailed("The account has no key.")
    return account_name(account.credentials)


def _decoded(answer: Answer) -> Any:
    try:
        return unwrapped(answer.json())
    except UnreadableError:
        return None


def _rows(result: Any) -> list[Any]:
    if result is None:
        return []
    if not isinstance(result, list):
        raise UnreadableError(f"a book is {type(result).__name__}")
    return result


def _note(task: "asyncio.Task[list[Any]]") -> None:
    """Take notice of a failure for which nobody waits any more."""
    if not task.cancelled():
        task.exception()
