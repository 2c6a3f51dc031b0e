"""Users, API keys and the audit trail."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """A person who can log in; staff curate leaders."""

    email = models.EmailField("email address", unique=True)


class Scope(models.TextChoices):
    """What an API key may be used for."""

    INGEST = "ingest", "Push leaders' trades"


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
        help_text="Whose data a key may reach; none for ingest.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)

    class Meta:
        """Newest first."""

        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        """Return the name and the part of the key that is no secret."""
        return f"{self.name} (ct_{self.prefix}_…)"


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
