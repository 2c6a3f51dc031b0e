"""What an account at IIFL has, and what its key may do."""

from markets.venues.base import AccountAccess, AccountReport, Permissions
from markets.venues.errors import NotSupported
from markets.venues.iifl.gateway import Gateway
from markets.venues.iifl.house import utc_now
from markets.venues.iifl.instruments import Instruments
from markets.venues.iifl.listing import CURRENCY
from markets.venues.iifl.master import Master
from markets.venues.iifl.numbers import amount
from markets.venues.iifl.orders import is_share, read_balance, read_position, rows_of, symbol_of
from markets.venues.netting import netted
from markets.venues.vocabulary import MarketKind

PROFILE, BALANCE = "/interactive/user/profile", "/interactive/user/balance"
POSITIONS, DEALER_POSITIONS = "/interactive/portfolio/positions", "/interactive/portfolio/dealerpositions"


class Accounts:
    """Balances, positions and permissions; see `markets.venues.base.Execution`."""

    gateway: Gateway
    instruments: Instruments

    async def account(self, account: AccountAccess) -> AccountReport:
        """Return the rupees and the net positions of the account."""
        now = utc_now()
        # One after the other: where the first fails, nothing may go on asking behind it.
        balance = await self.gateway.read(account, BALANCE)
        positions = await self.gateway.read(account, POSITIONS, {"dayOrNet": "NetWise"}, dealer=DEALER_POSITIONS)
        with self.gateway.understood():
            rows = [] if positions is None else rows_of(positions, "positionList")
            held = [row for row in rows if is_share(row) and amount(row["Quantity"])]
            balances = () if balance is None else (read_balance(balance),)
        master = await self.instruments.master() if held else Master()
        with self.gateway.understood():
            told = [read_position(row, symbol=symbol_of(row, master)) for row in held]
        equity = balances[0].total if balances else None
        return AccountReport(now, balances, netted(told), equity=equity, equity_asset=CURRENCY if balances else "")

    async def permissions(self, account: AccountAccess) -> Permissions:
        """Return what the key may do: whoever may log in trades, and no key of XTS takes money out.

        It is of who logged in, or with a dealer's key of the client that is named.
        """
        await self.gateway.read(account, PROFILE)
        session = await self.gateway.session(account)
        owner = session.user if session.is_investor else self.gateway.client_of(account, session)
        return Permissions(read=True, trade=True, withdraw=False, venue_account=owner)

    async def set_leverage(self, account: AccountAccess, symbol: str, kind: MarketKind, leverage: int) -> None:
        """Refuse: the broker sets the margin of shares."""
        raise NotSupported("The leverage of shares is the broker's.")
