"""A master and thousands of followers, each with an account and a key of their own, made in a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # models can be imported once Django is set up
    from copytrade.accounts.models import User
    from orders.models import TradingAccount
    from traders.models import LeadTrader

VENUE = "binance"
FUNDS = Decimal(1_000_000)
BATCH = 1_000


@dataclass(frozen=True)
class Crowd:
    """Who trades: the master's keys, here and at the venue, the leader, and how many follow at most."""

    api_key: str
    venue_key: str
    trader_id: int
    followers: int


def make_crowd(keys: Sequence[dict[str, str]]) -> Crowd:
    """Make a master with the first key and a follower with each of the others; nobody follows yet."""
    from copytrade.accounts.services import api_key_create
    from markets.services.refresh import markets_refresh
    from replication.models import LeaderAccount
    from traders.models import LeaderStatus, LeadTrader

    markets_refresh(venue=VENUE)
    users = _users(len(keys))
    accounts = _accounts(users, keys)
    master = users[0]
    leader = LeadTrader.objects.create(
        platform="house", external_id=str(master.pk), user=master, nickname="Master", status=LeaderStatus.APPROVED
    )
    LeaderAccount.objects.create(account=accounts[0], trader=leader)
    _copies(accounts[1:], leader)
    _, secret = api_key_create(name="bench", scopes=["trade"], user=master)
    return Crowd(secret, keys[0]["key"], leader.pk, len(keys) - 1)


def let_follow(crowd: Crowd, followers: int) -> None:
    """Let the first so many followers follow, and nobody else."""
    from django.db import transaction
    from django.utils import timezone

    from copytrade.lib.sql import run
    from orders.models import TradingAccount
    from replication.models import Copy
    from replication.services.flags import leader_marks_set
    from replication.vocabulary import CopyState

    now = timezone.now()
    Copy.objects.update(state=CopyState.ENDED)
    chosen = list(Copy.objects.order_by("pk").values_list("pk", flat=True)[:followers])
    Copy.objects.filter(pk__in=chosen).update(state=CopyState.ACTIVE, started_at=now)
    with transaction.atomic():
        leader_marks_set(trader_id=crowd.trader_id)
    TradingAccount.objects.update(equity=FUNDS)
    for table in ("replication_copy", "orders_tradingaccount"):
        run(f"VACUUM ANALYZE {table}")  # as PostgreSQL does itself within a minute, when all rows have changed


def _users(count: int) -> "list[User]":
    from copytrade.accounts.models import User

    return User.objects.bulk_create(
        [User(username=f"trader{number}", email=f"trader{number}@example.com") for number in range(count)],
        batch_size=BATCH,
    )


def _accounts(users: "Sequence[User]", keys: Sequence[dict[str, str]]) -> "list[TradingAccount]":
    from markets.venues.base import Credentials
    from orders.models import Credential, TradingAccount
    from orders.vault import seal

    accounts = TradingAccount.objects.bulk_create(
        [
            TradingAccount(user=user, name="Live", venue=VENUE, mode="live", live_enabled=True, equity=FUNDS)
            for user in users
        ],
        batch_size=BATCH,
    )
    sealed = [
        (account, *seal(Credentials(pair["key"], pair["secret"]), account.key))
        for account, pair in zip(accounts, keys, strict=True)
    ]
    Credential.objects.bulk_create(
        [
            Credential(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="", can_trade=True)
            for account, ciphertext, key_id in sealed
        ],
        batch_size=BATCH,
    )
    return accounts


def _copies(accounts: "Sequence[TradingAccount]", leader: "LeadTrader") -> None:
    from replication.models import Copy
    from replication.vocabulary import CopyState

    Copy.objects.bulk_create(
        [
            Copy(
                account=account,
                trader=leader,
                ratio=Decimal(1),
                max_slippage_percent=Decimal(1),
                state=CopyState.ENDED,
                base_value=FUNDS,
            )
            for account in accounts
        ],
        batch_size=BATCH,
    )
