"""Scheduled work. Each task is safe to run twice."""

from celery import shared_task

from copytrade.accounts import tokens
from copytrade.lib import idempotency


@shared_task(name="accounts.idempotency_prune")
def idempotency_prune() -> None:
    """Forget idempotency keys of more than 7 days ago."""
    idempotency.idempotency_prune()


@shared_task(name="accounts.used_tokens_prune")
def used_tokens_prune() -> int:
    """Forget used refresh tokens that have expired."""
    return tokens.used_tokens_prune()
