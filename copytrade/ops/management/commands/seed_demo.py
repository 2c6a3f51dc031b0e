"""Makes the demo world: invented leaders with weeks of history, and a trader with paper orders."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from copytrade.accounts.authentication import KeyHolder
from copytrade.ops.demo.key import key_for_seeding, trade_key_ensure
from copytrade.ops.demo.listing import markets_seed
from copytrade.ops.demo.plans import plans_seed
from copytrade.ops.demo.prices import DemoPrices
from copytrade.ops.demo.store import market_load, personas_behind, world_load
from copytrade.ops.demo.trader import trader_seed
from ingest.services import push_receive

SEED = 11  # a history in which the leader who doubles his losses loses everything
UP_TO_DATE = timedelta(minutes=10)


class Command(BaseCommand):
    """Push the history of each demo leader, from its last report (or its beginning) until now; then let one trade."""

    help = "Makes demo leaders with weeks of history and a paper trader; run again, it adds what is missing up to now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--days", type=int, default=45, help="how long the history is at most (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Push and trade through the services behind the endpoints, so that all that follows from it is there."""
        with key_for_seeding() as holder:
            done = [*self._seed_leaders(holder, options["days"]), *self._seed_trading()]
        self.stdout.write(f"The demo world: {', '.join(done)}." if done else "The demo world is up to date.")

    def _seed_leaders(self, holder: KeyHolder, days: int) -> list[str]:
        now = timezone.now()
        behind = personas_behind(now=now, patience=UP_TO_DATE)
        if not behind:
            return []
        world = world_load(personas=behind, now=now, days=days, seed=SEED)
        receipts = [push_receive(body=body, holder=holder) for body in world.history(now)]
        events = sum(receipt.events_inserted for receipt in receipts)
        return [f"{len(behind)} leaders", f"{len(receipts)} pushes", f"{events} events"]

    def _seed_trading(self) -> list[str]:
        markets = markets_seed()
        user, orders = trader_seed(prices=market_load(SEED).prices, feed=DemoPrices(self.stdout.write))
        trade_key_ensure(user=user)
        counts = {"markets": markets, "paper orders": orders, "plans": plans_seed(user=user)}
        return [f"{count} {what}" for what, count in counts.items() if count]
