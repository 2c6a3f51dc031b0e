"""How names and passwords are checked."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.http import HttpRequest

from copytrade.accounts.logins import LoginAttempt
from copytrade.accounts.models import User


class NameOrAddressBackend(ModelBackend):
    """Takes the username or the email address; a username wins over an address that reads the same."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the active user with this name and password, None without one.

        Those of requests are counted, so this may raise `TooManyLogins`.
        """
        if username is None or password is None:
            return None
        user = find_user(username)
        if request is None:
            return self._let_in(user, password)
        attempt = LoginAttempt(request=request, login=username, user=user)
        attempt.begin()
        let_in = self._let_in(user, password)
        if let_in:
            attempt.succeed()
        return let_in

    def _let_in(self, user: User | None, password: str) -> User | None:
        """Return the user with a right password; one is hashed in any case, so that the time tells nothing."""
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def find_user(login: str) -> User | None:
    """Return who has this username, else who has this email address, in whatever case."""
    wanted = Lower(Value(login))
    known = User.objects.annotate(name=Lower("username"), address=Lower("email"))
    found = known.filter(Q(name=wanted) | Q(address=wanted)).annotate(by_name=Q(name=wanted))
    return found.order_by("-by_name").first()
