"""The Binance key of the environment, as accounts of the first administrator. Nothing else reads those settings."""

import logging
import uuid

from django.conf import settings
from django.db import transaction

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from markets.venues.base import Credentials
from markets.venues.registry import BINANCE_VENUES, VenueInfo
from orders.models import AccountState, Credential, Mode, TradingAccount
from orders.services.accounts import UNCHECKED, AccountConflict, account_target
from orders.services.credentials import credential_is, credential_keep_unchecked

logger = logging.getLogger(__name__)

NAMESPACE = uuid.UUID("6a1d9f0c-52a4-4d0e-9a55-0f3c5d7a2b41")


@transaction.atomic
def environment_accounts_make(*, user: User) -> list[TradingAccount]:
    """Give a user a live account at each Binance venue, with the key of the environment; return those made now.

    Without `BINANCE_API_KEY` and `BINANCE_API_SECRET` nothing is made. The venue is not asked: an account stays paused
    until the first sync has seen that its key may trade and not withdraw. Accounts of an earlier run stay as they are,
    except that another key in the environment takes the place of the one that they have. Where somebody's account uses
    the key already, that one stays the only one: the log says so, and the start goes on.
    """
    credentials = Credentials(settings.BINANCE_API_KEY, settings.BINANCE_API_SECRET)
    if not credentials.key or not credentials.secret:
        return []
    made = []
    for info in BINANCE_VENUES:
        key = uuid.uuid5(NAMESPACE, f"{user.pk} {info.slug}")
        account = TradingAccount.objects.filter(key=key).first()
        try:
            with transaction.atomic():
                if account is None:
                    made.append(_make(user, info, key, credentials))
                else:
                    _renew(account, credentials)
        except AccountConflict as error:
            logger.warning("BINANCE_API_KEY is not used at %s: %s", info.name, error.message)
    return made


def _make(user: User, info: VenueInfo, key: uuid.UUID, credentials: Credentials) -> TradingAccount:
    account = TradingAccount.objects.create(
        key=key,
        user=user,
        name=_free_name(user, info.name),
        venue=info.slug,
        mode=Mode.LIVE,
        state=AccountState.PAUSED,
        state_reason=UNCHECKED,
        live_enabled=settings.LIVE_TRADING,
    )
    credential_keep_unchecked(account=account, credentials=credentials)
    audit_record(
        actor=None,
        action="account.create",
        target=account_target(account),
        changes={"venue": account.venue, "mode": account.mode, "source": "environment"},
    )
    return account


def _renew(account: TradingAccount, credentials: Credentials) -> None:
    """Take another key from the environment; an account that was closed, or whose key was deleted, stays without."""
    if not Credential.objects.filter(account=account).exists() or credential_is(account, credentials):
        return
    credential_keep_unchecked(account=account, credentials=credentials)
    if account.state in {AccountState.ACTIVE, AccountState.AUTH_FAILED}:
        account.state, account.state_reason = AccountState.PAUSED, UNCHECKED
        account.save(update_fields=["state", "state_reason"])


def _free_name(user: User, wanted: str) -> str:
    taken = TradingAccount.objects.filter(user=user, name=wanted).exists()
    return f"{wanted} (BINANCE_API_KEY)" if taken else wanted
