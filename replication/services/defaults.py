"""What the copies of an account begin with is set by its owner; it holds for those that begin after it."""

from collections.abc import Mapping

from django.db import transaction

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.billing.limits import LIMITS, Figure, limits_problems
from copytrade.lib.errors import InvalidInput
from orders.models import TradingAccount
from orders.services.accounts import account_lock, account_target
from replication.models import CopyDefaults
from replication.selectors.defaults import own_limits


@transaction.atomic
def copy_defaults_set(*, account: TradingAccount, limits: Mapping[str, Figure | None], actor: User) -> CopyDefaults:
    """Set limits of an account's new copies, None to say nothing; those that are not among `limits` stay.

    What is impossible, or does not fit together with the others, is `InvalidInput`.
    """
    row = own_limits(account_lock(account))
    before = row.said_in_digits
    for name, value in limits.items():
        setattr(row, name, value)
    if problems := list(limits_problems({name: getattr(row, name) for name in LIMITS})):
        raise InvalidInput(problems)
    row.save()
    after = row.said_in_digits
    changes = {name: [before.get(name), after.get(name)] for name in LIMITS if before.get(name) != after.get(name)}
    if changes:
        target = account_target(account)[:160]
        audit_record(actor=actor, action="account.copy_defaults", target=target, changes=changes)
    return row
