"""Where IIFL is and how this installation deals with it, read once from the settings."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from markets.venues.base import Credentials
from markets.venues.budget import fingerprint
from markets.venues.budget_rules import Pool, Span
from markets.venues.iifl.numbers import INDIA

SECOND = timedelta(seconds=1)
ALWAYS = "always"
SATURDAY = 5
# XTS counts orders and book calls; this one only keeps a runaway process from flooding it.
REQUESTS = Span(SECOND, 2000)


@dataclass(frozen=True, slots=True)
class Hours:
    """When the exchange trades, in India, from Monday to Friday."""

    since: time
    until: time

    def contain(self, now: datetime) -> bool:
        """Whether the exchange trades at a moment; holidays are not known here."""
        there = now.astimezone(INDIA)
        return there.weekday() < SATURDAY and self.since <= there.time() < self.until


@dataclass(frozen=True, slots=True)
class House:
    """One installation of XTS, and how orders are sent to it.

    `protection` is in percent, 0 for accounts that may send market orders. `hours` is None where no clock is asked.
    """

    url: str
    source: str = "WebAPI"
    product: str = "MIS"
    protection: Decimal = Decimal(0)
    orders_per_second: int = 10
    book_calls_per_second: int = 1
    hours: Hours | None = None
    market_data: Credentials | None = None

    @property
    def socket(self) -> str:
        """Return the address of the interactive socket."""
        return f"{self.url.replace('http', 'ws', 1)}/interactive/socket.io/"

    def orders_of(self, account: str) -> Pool:
        """Return the budget of an account; XTS counts by account, so a pause concerns nobody else."""
        return Pool(f"iifl:{account}", REQUESTS, (Span(SECOND, self.orders_per_second),))

    def books_of(self, account: str) -> Pool:
        """Return the budget of an account for each of its books."""
        return Pool(f"iifl-books:{account}", REQUESTS, (Span(SECOND, self.book_calls_per_second),))


def account_name(credentials: Credentials) -> str:
    """Return a name of an account for budgets: its key, and with a dealer's key the client."""
    return fingerprint(f"{credentials.key}|{credentials.passphrase}")


def house_of(settings: Any) -> House:
    """Return the house as the settings describe it."""
    key, secret = settings.IIFL_MARKET_DATA_KEY, settings.IIFL_MARKET_DATA_SECRET
    return House(
        url=settings.IIFL_URL.rstrip("/"),
        source=settings.IIFL_SOURCE,
        product=settings.IIFL_PRODUCT,
        protection=settings.IIFL_PROTECTION_PERCENT,
        orders_per_second=settings.IIFL_ORDERS_PER_SECOND,
        book_calls_per_second=settings.IIFL_BOOK_CALLS_PER_SECOND,
        hours=read_hours(settings.IIFL_MARKET_HOURS),
        market_data=Credentials(key, secret) if key and secret else None,
    )


def read_hours(text: str) -> Hours | None:
    """Return the hours that a text such as 09:15-15:30 names, None for `always`; `ValueError` where it is neither."""
    if text == ALWAYS:
        return None
    since, _, until = text.partition("-")
    return Hours(time.fromisoformat(since), time.fromisoformat(until))


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
