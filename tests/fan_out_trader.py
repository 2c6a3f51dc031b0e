"""A master's order as a web process places it: `python -m tests.fan_out_trader SIDE QUANTITY`.

The process sends the first copies itself, and lives until its standard input ends or it is killed.
"""

import sys
from decimal import Decimal

import django

django.setup()

from markets.venues.vocabulary import OrderType, Side  # noqa: E402  (Django has to be set up first)
from replication.models import LeaderAccount  # noqa: E402
from replication.services.placing import order_place  # noqa: E402
from replication.services.placing_checks import OrderWish  # noqa: E402


def main() -> None:
    """Place the order, and wait."""
    account = LeaderAccount.objects.get().account
    side, quantity = Side(sys.argv[1]), Decimal(sys.argv[2])
    wish = OrderWish(symbol="BTCUSDT", side=side, type=OrderType.MARKET, quantity=quantity, account_id=account.pk)
    order_place(user=account.user, wish=wish)
    sys.stdin.read()


if __name__ == "__main__":
    main()
