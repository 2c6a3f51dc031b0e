"""Removes the demo world."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from copytrade.ops.demo.key import key_file
from copytrade.ops.demo.store import world_remove
from traders.services.rebuild import rebuild


class Command(BaseCommand):
    """Delete everything that is marked as demo data; run again, it finds nothing and changes nothing."""

    help = "Deletes the demo leaders with all that belongs to them, and the demo's key."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and make the totals by symbol anew from what is left."""
        key_file().unlink(missing_ok=True)
        counts = world_remove()
        rebuild(now=timezone.now())
        self.stdout.write("Removed " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")
