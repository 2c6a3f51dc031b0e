"""Stops of trading."""

from django.db.models import QuerySet

from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from orders.models import TradingAccount, TradingHalt


def active_halts() -> list[TradingHalt]:
    """Return the halts that hold now, newest first."""
    return list(TradingHalt.objects.filter(lifted_at=None))


def halts_list(*, page: Page, active: bool | None) -> tuple[list[TradingHalt], int]:
    """Return a page of all halts, or only those that hold (or no longer hold), newest first, and how many there are."""
    halts = _described() if active is None else _described().filter(lifted_at__isnull=active)
    return list(halts[page.offset : page.offset + page.limit]), halts.count()


def halt_get(pk: int) -> TradingHalt:
    """Return a halt; raises `NotFound`."""
    halt = _described().filter(pk=pk).first()
    if halt is None:
        raise NotFound("There is no such halt.")
    return halt


def account_halts(account: TradingAccount) -> list[TradingHalt]:
    """Return the halts of this very account that hold now, newest first."""
    return list(_described().filter(account=account, lifted_at=None))


def _described() -> "QuerySet[TradingHalt]":
    return TradingHalt.objects.select_related("account", "created_by")
