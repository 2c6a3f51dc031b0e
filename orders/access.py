"""How accounts reach their venues: the adapter, and what it needs to act for them."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from markets.venues import registry
from markets.venues.base import AccountAccess, Credentials, Venue
from orders.models import Mode, TradingAccount
from orders.vault import Sealed, credentials_of, credentials_open


class Sender(Protocol):
    """An account with its sealed key, as it was read; no key where there is none."""

    id: int
    key: UUID
    hedge_mode: bool
    ciphertext: bytes | None
    key_id: str | None

    @property
    def is_paper(self) -> bool:
        """Whether it trades in our own books."""
        ...


def is_paper(account: TradingAccount) -> bool:
    """Return whether the account trades in our own books."""
    return account.mode == Mode.PAPER


def venue_of(account: TradingAccount) -> Venue:
    """Return the adapter that the account trades through."""
    return registry.adapter(account.venue, paper=is_paper(account))


def access_of(account: TradingAccount, credentials: Credentials | None) -> AccountAccess:
    """Return what adapters take as the account."""
    return AccountAccess(id=str(account.key), credentials=credentials, hedge_mode=account.hedge_mode)


def accesses_of(accounts: Sequence[TradingAccount]) -> dict[int, AccountAccess]:
    """Return the accesses of those accounts that have what they need, by account id, in at most one statement.

    Live accounts without a key, or with one that cannot be read, are left out; paper accounts need none.
    """
    live = [account.pk for account in accounts if not is_paper(account)]
    keys = credentials_of(live) if live else {}
    return {
        account.pk: access_of(account, keys.get(account.pk))
        for account in accounts
        if is_paper(account) or account.pk in keys
    }


def accesses_open(senders: Collection[Sender]) -> dict[int, AccountAccess]:
    """Return the accesses of accounts that were read with their keys, as `accesses_of` does; no statement."""
    sealed = [
        Sealed(sender.id, sender.key, sender.ciphertext, sender.key_id)
        for sender in senders
        if not sender.is_paper and sender.ciphertext is not None and sender.key_id is not None
    ]
    keys = credentials_open(sealed)
    return {
        sender.id: AccountAccess(str(sender.key), keys.get(sender.id), sender.hedge_mode)
        for sender in senders
        if sender.is_paper or sender.id in keys
    }
