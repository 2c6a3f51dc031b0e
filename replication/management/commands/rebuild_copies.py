"""Positions and days of copies from the facts."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from replication.services.rebuild import copies_rebuild


class Command(BaseCommand):
    """Count what copies hold and realised anew from their trades."""

    help = "Counts positions and days of copies anew from their trades, and tells which were different."

    def add_arguments(self, parser: CommandParser) -> None:
        """One copy, or all."""
        parser.add_argument("--copy", type=int, help="The number of one copy; all without it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and tell."""
        wrong = copies_rebuild(copy_id=options["copy"])
        for copy, market, side in wrong.positions:
            self.stdout.write(f"Copy {copy}, market {market} {side}: corrected")
        for copy, day in wrong.days:
            self.stdout.write(f"Copy {copy}, {day}: corrected")
        self.stdout.write(f"{len(wrong.positions)} positions and {len(wrong.days)} days were different.")
