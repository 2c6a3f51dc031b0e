"""Who asks: by a JWT in the `Authorization` header, or by an API key in the `X-API-Key` header."""

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from copytrade.accounts.models import ApiKey, Scope, User
from copytrade.accounts.services import api_key_touch, hash_secret
from copytrade.accounts.tokens import bearer_of
from copytrade.lib.api.throttling import FailedKeyThrottle
from copytrade.lib.errors import LoginRefused

if TYPE_CHECKING:  # importing it here would be a circle
    from rest_framework.views import APIView

KEY_PARTS = 3


IMPLIED = {Scope.TRADE.value: Scope.READ.value}


@dataclass(frozen=True)
class KeyHolder:
    """The program that a request's key stands for. `key` is None for the key of the environment.

    `scopes` holds those that others imply as well: who may trade may read.
    """

    name: str
    scopes: frozenset[str]
    key: ApiKey | None

    @property
    def budget(self) -> str:
        """Return whose request budget this is."""
        return f"key:{self.key.pk}" if self.key else "key:environment"


def find_key_holder(text: str) -> KeyHolder | None:
    """Return who holds this key, None for a wrong or revoked one, or one whose user is not active.

    Secrets are compared in constant time.
    """
    expected = settings.INGEST_API_KEY
    if expected and hmac.compare_digest(text.encode(), expected.encode()):
        return KeyHolder("environment", frozenset({Scope.INGEST.value}), None)
    parts = text.split("_", KEY_PARTS - 1)
    if len(parts) != KEY_PARTS or parts[0] != "ct" or "\0" in text:
        return None
    key = ApiKey.objects.filter(prefix=parts[1], revoked_at=None).select_related("user").first()
    if key is None or not hmac.compare_digest(key.secret_sha256, hash_secret(parts[2])):
        return None
    if key.user is not None and not key.user.is_active:
        return None
    return KeyHolder(key.name, frozenset(key.scopes) | {IMPLIED.get(scope, scope) for scope in key.scopes}, key)


class TokenAuthentication(JWTAuthentication):
    """`Authorization: Bearer`: `request.user` is the token's user, `request.auth` None, as with a session."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:  # type: ignore[override]
        """Return the user, None without the header or with another kind of it; a bad token is 401."""
        header = self.get_header(request)
        text = None if header is None else self.get_raw_token(header)
        if text is None:
            return None
        try:
            return bearer_of(text.decode("latin-1")).user, None
        except LoginRefused as error:
            raise AuthenticationFailed(error.message) from error


class ApiKeyAuthentication(BaseAuthentication):
    """`X-API-Key`: `request.auth` is the `KeyHolder`, `request.user` the key's user, if it has one."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, KeyHolder] | None:
        """Return user and key holder, None without the header; a wrong key is 401, too many of them 429."""
        text = request.META.get("HTTP_X_API_KEY")
        if text is None:
            return None
        holder = find_key_holder(text)
        if holder is None:
            throttle = FailedKeyThrottle()
            if not throttle.allow_request(request):
                raise Throttled(throttle.wait())
            raise AuthenticationFailed("This X-API-Key is wrong or revoked, or its user is not active.")
        if holder.key:
            api_key_touch(key=holder.key)
        user = holder.key.user if holder.key and holder.key.user else AnonymousUser()
        return user, holder

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return "X-API-Key"


class MayIngest(BasePermission):
    """Needs a key with the scope `ingest`."""

    message = "This key lacks the scope `ingest`: make one that has it in the admin."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return whether the key may push."""
        return isinstance(request.auth, KeyHolder) and Scope.INGEST.value in request.auth.scopes
