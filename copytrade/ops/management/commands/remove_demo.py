"""Removes the demo world."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from copytrade.ops.demo.key import key_file, trade_key_file
from copytrade.ops.demo.listing import markets_remove
from copytrade.ops.demo.plans import plans_remove
from copytrade.ops.demo.store import world_remove
from copytrade.ops.demo.trader import trader_remove
from traders.services.rebuild import rebuild


class Command(BaseCommand):
    """Delete everything that is marked as demo data; run again, it finds nothing and changes nothing."""

    help = "Deletes the demo leaders and the demo's trader with all that belongs to them, its markets, and its keys."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and make the totals by symbol anew from what is left."""
        for path in (key_file(), trade_key_file()):
            path.unlink(missing_ok=True)
        counts = world_remove() | {
            "paper orders": trader_remove(),
            "plans": plans_remove(),
            "markets": markets_remove(),
        }
        rebuild(now=timezone.now())
        self.stdout.write("Removed " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")
