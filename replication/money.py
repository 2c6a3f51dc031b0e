"""In which asset the money of a copy is counted (pure).

It is one asset for each account: the one in which the account's equity is told, or one that is worth the same. Funds,
results and losses are in it, and so are amounts and limits. On inverse contracts the account's asset is the coin, and
amounts, limits and worths are in the market's quote, the dollars that contracts are made of; the market's own price
changes funds and losses into these. Nothing else is changed into another asset: a market that pays in any other is not
entered, so that what a copy has won and lost is never a sum of different things.
"""

from collections.abc import Collection
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from replication.engine.instruments import quotes_like
from replication.facts import FollowerState, Refusal
from replication.telling import refuse
from replication.vocabulary import Reason

ONE = Decimal(1)


class Traded(msgspec.Struct, frozen=True):
    """What a market is priced in, and in what it pays: the coin of an inverse one, else mostly its quote."""

    symbol: str
    quote_asset: str
    pays_in: str
    inverse: bool


def quote_per_money(traded: Traded, asset: str, price: Decimal | None) -> Decimal | None:
    """Return what one of the account's asset is in the market's quote, None where that is not known.

    `price` is the market's own; only inverse markets ask for it.
    """
    if not pays_like(traded, asset):
        return None
    return (price or None) if traded.inverse else ONE


def pays_like(traded: Traded, asset: str) -> bool:
    """Whether a market pays in an account's asset, or in one that is worth the same, and is priced in it."""
    same = quotes_like(asset)
    return traded.pays_in in same and (traded.inverse or traded.quote_asset in same)


def state_in_quote(state: FollowerState, traded: Traded, asset: str, price: Decimal | None) -> FollowerState:
    """Return the state with its money in the market's quote, or with the reason why it cannot be compared with that.

    Without the price of an inverse market the funds are not known.
    """
    rate = quote_per_money(traded, asset, price)
    if rate is None:
        refusal = None if pays_like(traded, asset) else _other_money(traded, asset)
        return replace(state, funds=None, other_money=refusal)
    if rate == ONE:
        return state
    return replace(state, funds=state.funds and state.funds * rate, lost_today=state.lost_today * rate)


def holdings_refusal(traded: Traded, quotes: Collection[str]) -> Refusal | None:
    """Return why the worth of what an account holds is not known, from what that is priced in; None where it is."""
    others = sorted(set(quotes) - quotes_like(traded.quote_asset))
    if not others:
        return None
    message = (
        f"What the account may hold is limited, and it holds something that is priced in {', '.join(others)}: "
        f"what that is worth in {traded.quote_asset} is not known."
    )
    return refuse(Reason.OTHER_MONEY, message, quote=traded.quote_asset, held_in=", ".join(others))


def _other_money(traded: Traded, asset: str) -> Refusal:
    message = f"{traded.symbol} pays in {traded.pays_in}, and this account's funds and limits are in {asset}."
    return refuse(Reason.OTHER_MONEY, message, pays_in=traded.pays_in, quote=traded.quote_asset, account_asset=asset)
