"""First run: a staff user, an ingest key and the Binance accounts of the environment, told once as one JSON object."""

import json
import os
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from copytrade.accounts.models import ApiKey, Scope, User
from copytrade.accounts.services import api_key_create
from copytrade.lib.locks import lock_for_transaction
from orders.services.environment import environment_accounts_make

DEFAULT_EMAIL = "admin@example.com"


class Command(BaseCommand):
    """Make what a new installation lacks; run again, it makes nothing and tells nothing.

    Where BINANCE_API_KEY and BINANCE_API_SECRET are set, the first administrator gets a live account at each Binance
    venue with that key. Binance is not asked here: what the key may do is checked at the first sync, and the accounts
    are paused until then.
    """

    help = (
        "Makes the first staff user, the first ingest key and (with BINANCE_API_KEY) accounts at Binance, and prints "
        "what it made once, as JSON. What the Binance key may do is checked at the first sync."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Print `{"staff_email", "staff_password", "ingest_key"}`; null is what was there or was given.

        The names of new accounts are in `binance_accounts`, which is left out where there are none.
        """
        lock_for_transaction("bootstrap")
        email, password = self._staff()
        told: dict[str, Any] = {"staff_email": email, "staff_password": password, "ingest_key": self._ingest_key()}
        if accounts := self._accounts():
            told["binance_accounts"] = accounts
        self.stdout.write(json.dumps(told))

    def _staff(self) -> tuple[str | None, str | None]:
        if User.objects.filter(is_superuser=True).exists():
            return None, None
        email = os.environ.get("DJANGO_SUPERUSER_EMAIL") or DEFAULT_EMAIL
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"DJANGO_SUPERUSER_EMAIL is {email!r}: write an email address") from error
        given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        password = given or secrets.token_urlsafe(15)
        User.objects.create_superuser(username=email, email=email, password=password)
        return email, None if given else password

    def _ingest_key(self) -> str | None:
        if settings.INGEST_API_KEY or ApiKey.objects.filter(scopes__contains=[Scope.INGEST]).exists():
            return None
        return api_key_create(name="First ingest key", scopes=[Scope.INGEST])[1]

    def _accounts(self) -> list[str]:
        administrator = User.objects.filter(is_superuser=True).order_by("pk").first()
        return [account.name for account in environment_accounts_make(user=administrator)] if administrator else []
