"""Moves stored venue keys to the first encryption key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.services.credentials import rotate_keys


class Command(BaseCommand):
    """Re-encrypt what is not under the first key. Put the new one first, and the old one into OLD_ENCRYPTION_KEYS."""

    help = "Re-encrypts all venue keys that are not under MASTER_ENCRYPTION_KEY; may be ended and begun again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, telling after each batch how far it is; records that cannot be read make it fail at the end."""
        done = unreadable = 0
        for resealed, failed in rotate_keys():
            done, unreadable = done + resealed, unreadable + failed
            self.stdout.write(f"{done} re-encrypted")
        if unreadable:
            raise CommandError(
                f"{unreadable} venue keys cannot be read with any encryption key of this installation: "
                "add the old key to OLD_ENCRYPTION_KEYS, or have their owners save them again."
            )
        self.stdout.write(f"All venue keys are under the first encryption key; {done} were re-encrypted.")
