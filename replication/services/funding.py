"""Funds of copies: given no more than the account has left, taken no more than is there, and no fall for either."""

from decimal import Decimal

from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput
from copytrade.lib.wire import plain_digits
from orders.models import TradingAccount
from replication.funds import peak_left
from replication.models import Copy
from replication.selectors.values import CopyValue, copy_values, money_asset
from replication.telling import told
from replication.vocabulary import CopyState

ZERO = Decimal(0)


class WorthUnknown(ApplicationError):
    """Something that the copy holds has no fresh price, so nobody knows how much could be taken."""

    code = ErrorCode.CONFLICT
    status = 409


def funds_refuse(*, account: TradingAccount, amount: Decimal, path: str) -> None:
    """Refuse (`InvalidInput`) funds for a copy that the account, whose row is locked, does not have left.

    What it is worth less what its running copies with funds of their own are worth is left. While nobody knows what
    the account is worth nothing is refused; no order is sized by more than that as soon as it is known.
    """
    if account.equity is None:
        return
    funded = Copy.objects.filter(account=account, allocated__isnull=False).exclude(state=CopyState.ENDED)
    taken = sum(map(_claim, copy_values(funded).values()), ZERO)
    left = max(account.equity - taken, ZERO)
    if amount > left:
        raise InvalidInput([{"path": path, "message": _left_told(account, taken, left)}])


def _claim(value: CopyValue) -> Decimal:
    """Return what a copy claims of its account; of what has no fresh price, as much as was paid for it."""
    assert value.base is not None  # funds of its own are its base
    worth = value.base + value.realized_pnl - value.fees + (value.unrealized_pnl or ZERO)
    return max(worth, ZERO)


def _left_told(account: TradingAccount, taken: Decimal, left: Decimal) -> str:
    asset, worth = money_asset(account.venue, account.equity_asset), account.equity or ZERO
    others = f", of which {told(taken)} belong to copies" if taken else ""
    return f"must be at most {told(left)} {asset}: the account is worth {told(worth)}{others}"


def peak_without(copy: Copy, taken: Decimal) -> Decimal:
    """Return the peak of a copy, whose row is locked, without funds that are taken.

    More than nothing has to be left, of what is allocated and of what the copy is worth now (`InvalidInput`).
    """
    worth = copy_values([copy])[copy.pk].value
    if worth is None:
        raise WorthUnknown(
            "Something that this copy holds has no fresh price, so nobody knows what it is worth: take funds once it "
            "has one again, or close that position first."
        )
    there = min(copy.allocated, worth)
    if taken >= there:
        raise InvalidInput([{"path": "amount", "message": f"must leave more than 0 of {plain_digits(there)}"}])
    return peak_left(peak=copy.peak_value, worth=worth, taken=taken)
