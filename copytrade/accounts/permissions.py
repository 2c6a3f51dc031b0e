"""What callers may do. Sessions and JWTs act for their user in everything; API keys as far as their scopes reach.

Nobody is 401, somebody who may not is 403 with a sentence that says what is missing.
"""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from copytrade.accounts.authentication import KeyHolder
from copytrade.accounts.models import Scope

if TYPE_CHECKING:  # importing it here would be a circle
    from rest_framework.views import APIView


class ScopePermission(BasePermission):
    """A user, by session or JWT, or by an API key with a scope."""

    message = ""

    def scope_for(self, request: Request) -> Scope:
        """Return the scope that an API key needs."""
        raise NotImplementedError

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return whether somebody is there, and their key, if it is one, has the scope."""
        scope = self.scope_for(request)
        if isinstance(request.auth, KeyHolder) and scope.value not in request.auth.scopes:
            self.message = f"This key lacks the scope `{scope.value}`: make one that has it in the admin."
            return False
        return bool(request.user and request.user.is_authenticated)


class MayRead(ScopePermission):
    """Users, and API keys with the scope `read` or `trade`."""

    def scope_for(self, request: Request) -> Scope:
        """Reading it is."""
        return Scope.READ


class MayTrade(ScopePermission):
    """Users, and API keys with the scope `trade`."""

    def scope_for(self, request: Request) -> Scope:
        """Trading it is."""
        return Scope.TRADE


class MayReadOrTrade(ScopePermission):
    """Users; of API keys those with `read` for GET and those with `trade` for what changes something."""

    def scope_for(self, request: Request) -> Scope:
        """Go by the method."""
        return Scope.READ if request.method in SAFE_METHODS else Scope.TRADE


class IsPerson(BasePermission):
    """Users by session or JWT only: a key that leaks must not reach the switches between a program and real money."""

    message = "An API key may not do this: log in, or send an access token."
    refuses_keys = True  # so the schema lists none for it

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return whether a person is there."""
        return not isinstance(request.auth, KeyHolder) and bool(request.user and request.user.is_authenticated)


class IsStaff(MayReadOrTrade):
    """Staff, by session, JWT, or an API key of theirs with the scope `read` (for GET) or `trade`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return whether it is staff."""
        if not super().has_permission(request, view):
            return False
        self.message = "Only staff may do this."
        return bool(request.user.is_staff)
