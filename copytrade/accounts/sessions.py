"""Whom a session speaks for."""

from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from copytrade.accounts.models import User
from copytrade.accounts.tokens import Bearer
from copytrade.lib.errors import LoginRefused


def session_bearer(key: str | None) -> Bearer:
    """Return whom the session with this key speaks for now, and until when; one that has ended is `LoginRefused`."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    if not isinstance(user, User):
        raise LoginRefused("This session has ended: log in again.")
    expires_at: datetime = request.session.get_expiry_date()
    return Bearer(user, expires_at)
