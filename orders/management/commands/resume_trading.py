"""Lets trading go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.management.commands.halt_trading import add_scope, read_account
from orders.selectors.halts import active_halts
from orders.services.halts import halt_lift


class Command(BaseCommand):
    """Lift halts of one scope: that of everything, of a venue or of an account; `--all` lifts every one."""

    help = "Lifts the halt of everything, of a venue or of an account, or all halts."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add_scope(parser)
        parser.add_argument("--all", action="store_true", help="lift every halt, of whatever scope")

    def handle(self, *args: Any, **options: Any) -> None:
        """Lift, and say what was lifted and what still holds."""
        account = read_account(options["account"])
        wanted = (options["venue"], account.pk if account else None)
        halts = active_halts()
        lifted = [halt for halt in halts if options["all"] or (halt.venue, halt.account_id) == wanted]
        for halt in lifted:
            halt_lift(halt=halt, actor=None)
        self.stdout.write(f"Lifted {len(lifted)}; {len(halts) - len(lifted)} of other scopes still hold.")
