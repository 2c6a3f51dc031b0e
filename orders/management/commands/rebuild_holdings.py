"""Holdings from the facts."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.services.rebuild import holdings_rebuild


class Command(BaseCommand):
    """Count holdings anew from fills and adjustments."""

    help = "Counts holdings anew from fills and adjustments, and tells which were different."

    def add_arguments(self, parser: CommandParser) -> None:
        """One account, or all."""
        parser.add_argument("--account", type=int, help="The number of one account; all without it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and tell."""
        wrong = holdings_rebuild(account_id=options["account"])
        for key in wrong:
            self.stdout.write(f"Account {key.account_id}, market {key.market_id} {key.side}: corrected")
        self.stdout.write(f"{len(wrong)} holdings were different.")
