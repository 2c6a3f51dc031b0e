"""Makes the demo world: invented leaders with weeks of history."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from copytrade.ops.demo.key import key_for_seeding
from copytrade.ops.demo.store import personas_behind, world_load
from ingest.services import push_receive

SEED = 11  # a history in which the leader who doubles his losses loses everything
UP_TO_DATE = timedelta(minutes=10)


class Command(BaseCommand):
    """Push the history of each demo leader, from its last report (or its beginning) until now."""

    help = "Makes demo leaders with weeks of history; run again, it adds what is missing up to now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--days", type=int, default=45, help="how long the history is at most (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Push through the service behind the endpoint, so that all that follows from a push is there."""
        now = timezone.now()
        behind = personas_behind(now=now, patience=UP_TO_DATE)
        with key_for_seeding() as holder:
            if not behind:
                self.stdout.write("The demo world is up to date.")
                return
            world = world_load(personas=behind, now=now, days=options["days"], seed=SEED)
            receipts = [push_receive(body=body, holder=holder) for body in world.history(now)]
        events = sum(receipt.events_inserted for receipt in receipts)
        self.stdout.write(f"The demo world: {len(behind)} leaders, {len(receipts)} pushes, {events} events.")
