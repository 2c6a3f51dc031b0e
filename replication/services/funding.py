"""Taking funds from a copy: no more than is there, and without ending it for a fall that is none."""

from decimal import Decimal

from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput
from copytrade.lib.wire import plain_digits
from replication.funds import peak_left
from replication.models import Copy
from replication.selectors.values import copy_values


class WorthUnknown(ApplicationError):
    """Something that the copy holds has no fresh price, so nobody knows how much could be taken."""

    code = ErrorCode.CONFLICT
    status = 409


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
