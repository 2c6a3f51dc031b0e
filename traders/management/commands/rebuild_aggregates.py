"""Makes days, scores and totals anew from the facts."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from traders.services.rebuild import rebuild


class Command(BaseCommand):
    """Rebuild what is derived; pushes wait meanwhile."""

    help = "Computes results by day, scores and totals by symbol anew from fills and positions."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and print how many rows there are now."""
        counts = rebuild(now=timezone.now())
        self.stdout.write("Rebuilt " + ", ".join(f"{name}: {count}" for name, count in counts.items()) + ".")
