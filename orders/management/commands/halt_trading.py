"""Stops trading."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from copytrade.lib.errors import ApplicationError
from orders.models import HaltMode, HaltScope, TradingAccount
from orders.services.halts import halt_create


def add_scope(parser: CommandParser) -> None:
    """Declare how far a command reaches."""
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--venue", default="", help="only this venue, such as binanceusdm")
    scope.add_argument("--account", type=int, help="only the account with this number")


def read_account(number: int | None) -> TradingAccount | None:
    """Return the account with this number; raises `CommandError` where there is none."""
    if number is None:
        return None
    account = TradingAccount.objects.filter(pk=number).first()
    if account is None:
        raise CommandError(f"There is no account {number}.")
    return account


class Command(BaseCommand):
    """Stop every order, or every one that is no exit, from now on."""

    help = "Stops trading: everywhere, at one venue or on one account."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add_scope(parser)
        parser.add_argument(
            "--mode", choices=HaltMode.values, default=HaltMode.ALL.value, help="reduce_only lets exits through"
        )
        parser.add_argument("--reason", default="Halted from the command line", help="what others read")

    def handle(self, *args: Any, **options: Any) -> None:
        """Stop, and say what was stopped."""
        account = read_account(options["account"])
        scope = HaltScope.VENUE if options["venue"] else HaltScope.ACCOUNT if account else HaltScope.GLOBAL
        try:
            halt = halt_create(
                scope=scope,
                venue=options["venue"],
                account=account,
                mode=HaltMode(options["mode"]),
                reason=options["reason"],
                actor=None,
            )
        except ApplicationError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Halt {halt.pk} holds now. {halt}")
