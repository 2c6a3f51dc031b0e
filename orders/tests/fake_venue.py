"""A venue that answers what a test tells it to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from unittest.mock import patch

from django.utils import timezone

from markets.venues import registry
from markets.venues.base import AccountAccess, AccountReport, BalanceReport, Permissions, PositionReport
from markets.venues.vocabulary import MarketKind, PositionSide

Answer = TypeVar("Answer")
ALL_BUT_WITHDRAW = Permissions(read=True, trade=True, withdraw=False)


@dataclass
class FakeVenue:
    """Answers by account id (`""` for any other); an exception is raised. `asked` holds each question."""

    slug: str = "fake"
    rights: "Permissions | Exception" = ALL_BUT_WITHDRAW
    accounts: "dict[str, AccountReport | Exception]" = field(default_factory=dict)
    leverage_error: Exception | None = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def permissions(self, account: AccountAccess) -> Permissions:
        self.asked.append(("permissions", account))
        return _given(self.rights)

    async def account(self, account: AccountAccess) -> AccountReport:
        self.asked.append(("account", account))
        return _given(self.accounts.get(account.id) or self.accounts.get("") or make_report())

    async def set_leverage(self, account: AccountAccess, symbol: str, kind: MarketKind, leverage: int) -> None:
        self.asked.append(("leverage", account.id, symbol, kind, leverage))
        if self.leverage_error:
            raise self.leverage_error


@contextmanager
def fake_venue(**values: Any) -> Iterator[FakeVenue]:
    """Let every account, on paper or live, trade at one fake venue."""
    fake = FakeVenue(**values)
    with patch.object(registry, "adapter", lambda slug, *, paper=False: fake):
        yield fake


def make_report(time: datetime | None = None, **values: Any) -> AccountReport:
    """Return what an account has: 100 USDT, unless `balances` (asset to total) say something else."""
    balances = values.pop("balances", {"USDT": "100"})
    rows = tuple(BalanceReport(asset, Decimal(total), Decimal(total)) for asset, total in balances.items())
    return AccountReport(time or timezone.now(), rows, **{"positions": (), **values})


def make_position(quantity: str, **values: Any) -> PositionReport:
    """Return a position in BTCUSDT."""
    return PositionReport(
        **{
            "symbol": "BTCUSDT",
            "kind": MarketKind.USD_M,
            "position_side": PositionSide.BOTH,
            "quantity": Decimal(quantity),
            "entry_price": Decimal("86232.40"),
            **values,
        }
    )


def _given(answer: Answer | Exception) -> Answer:
    if isinstance(answer, Exception):
        raise answer
    return answer
