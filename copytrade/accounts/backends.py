"""How names and passwords are checked."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest

from copytrade.accounts.models import User


class NameOrAddressBackend(ModelBackend):
    """Takes the username or the email address; a username wins over an address that reads the same."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the active user with this name and password, None without one.

        A password is hashed in any case, so that the time it takes does not tell who has an account.
        """
        if username is None or password is None:
            return None
        user = find_user(username)
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def find_user(login: str) -> User | None:
    """Return who has this username, else who has this email address in whatever case."""
    either = Q(username=login) | Q(address=login.lower())
    found = {user.username == login: user for user in User.objects.annotate(address=Lower("email")).filter(either)}
    return found.get(True) or found.get(False)
