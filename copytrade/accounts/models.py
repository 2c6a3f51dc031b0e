"""Users, API keys, what keeps requests from being carried out twice, and the audit trail."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class Role(models.TextChoices):
    """What somebody came for; a master may follow others as well."""

    MASTER = "MASTER", "Master"
    FOLLOWER = "FOLLOWER", "Follower"


class User(AbstractUser):
    """A person who can log in, by name or by address; staff curate leaders.

    `full_name` is what others see of a master. `role` is changed by `replication.services.people`, since a master has a
    leader's profile.
    """

    email = models.EmailField("email address", unique=True)
    full_name = models.CharField(max_length=128, blank=True)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.FOLLOWER, editable=False)
    iifl_account_id = models.CharField("IIFL account", max_length=32, blank=True, help_text="The client id at IIFL.")

    class Meta:
        """One person per name and per address, in whatever case they are written."""

        verbose_name = "user"
        verbose_name_plural = "users"
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_user_per_address",
                violation_error_message="A user with that email address already exists.",
            ),
            models.UniqueConstraint(
                Lower("username"),
                name="one_user_per_name",
                violation_error_message="A user with that username already exists.",
            ),
        ]


class Scope(models.TextChoices):
    """What an API key may be used for."""

    INGEST = "ingest", "Push leaders' trades"
    TRADE = "trade", "Place and cancel the user's orders, and read"
    READ = "read", "Read what is the user's"


# A key with one of these acts for its user, so it needs one.
PERSONAL_SCOPES = frozenset({Scope.TRADE.value, Scope.READ.value})


class ApiKey(models.Model):
    """A key for a program. Only the SHA-256 of its secret is stored: the key is 256 random bits, so no salt."""

    name = models.CharField(max_length=80, help_text="Who or what uses this key.")
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope.choices))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text="Who the key acts for; needed to trade and to read, not to push.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)

    class Meta:
        """Newest first."""

        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                name="personal_keys_have_a_user",
                condition=Q(user__isnull=False) | ~Q(scopes__overlap=sorted(PERSONAL_SCOPES)),
                violation_error_message="Choose the user for whom a key with the scope trade or read acts.",
            )
        ]

    def __str__(self) -> str:
        """Return the name and the part of the key that is no secret."""
        return f"{self.name} (ct_{self.prefix}_…)"


class IdempotencyKey(models.Model):
    """A request that created something, by the key that its sender gave it; `copytrade.lib.idempotency` writes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    route = models.CharField(max_length=64)
    body_sha256 = models.CharField(max_length=64)
    result = models.CharField(max_length=160, default="", help_text='A reference such as "order:123".')
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """One request per key."""

        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_request_per_key")]

    def __str__(self) -> str:
        """Return the key and what came of it."""
        return f"{self.key} → {self.result or 'nothing yet'}"


class UsedRefreshToken(models.Model):
    """A refresh token that was exchanged (by its id), or a login that was ended (by its family's)."""

    identifier = models.CharField(max_length=32, primary_key=True)
    expires_at = models.DateTimeField(help_text="After it, the token is refused anyway.")

    def __str__(self) -> str:
        """Return the id."""
        return self.identifier


class AuditEvent(models.Model):
    """Who did what to what, and why. Rows are appended, never changed."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=254)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=160)
    changes: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        """Newest first."""

        ordering = ["-created_at"]

    def __str__(self) -> str:
        """Return the event as a sentence."""
        return f"{self.actor_name} {self.action} {self.target}"
