"""Logging in by name and password for tokens, and exchanging them.

An access token (a JWT) says for some minutes who its bearer is. A refresh token is exchanged once for a new pair. One
that comes a second time was copied, or its reply was lost: its whole login ends, so that a thief is out as well. A
new password ends all tokens of before, since each carries a hash that is made of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from copytrade.accounts.logins import WRONG_LOGIN
from copytrade.accounts.models import UsedRefreshToken, User
from copytrade.lib.errors import LoginRefused

FAMILY = "family"  # the claim that all tokens of one login share


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login yields. `expires_in` is how many seconds the access token holds."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom an access token speaks for, and until when."""

    user: User
    expires_at: datetime


def tokens_for_login(*, request: HttpRequest, login: str, password: str) -> Tokens:
    """Log somebody in by username or email address; `LoginRefused` says nothing of who has an account."""
    user = authenticate(request, username=login, password=password)
    if not isinstance(user, User):
        raise LoginRefused(WRONG_LOGIN)
    update_last_login(type(user), user)
    return tokens_for_user(user=user)


def tokens_for_user(*, user: User) -> Tokens:
    """Begin a login of a user who has shown who they are."""
    refresh = RefreshToken.for_user(user)
    refresh[FAMILY] = uuid4().hex
    return _pair(refresh)


def tokens_refresh(*, refresh: str) -> Tokens:
    """Exchange a refresh token, once; one that is wrong, expired or used is `LoginRefused`."""
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]  # it takes texts; the package types it as a token
        user = _user_of(token)
    except (TokenError, APIException) as error:
        raise LoginRefused("This refresh token is wrong or expired: log in again.") from error
    if not _use(token):
        _end_family(token)
        raise LoginRefused("This refresh token was used before, which ends its login: log in again.")
    following = RefreshToken.for_user(user)
    following[FAMILY] = token[FAMILY]
    return _pair(following)


def tokens_end(*, refresh: str) -> None:
    """End the login that a refresh token is of; nothing lasts of one that is wrong or expired."""
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]  # it takes texts; the package types it as a token
    except TokenError:
        return
    _end_family(token)


def bearer_of(access: str) -> Bearer:
    """Return whom an access token speaks for; one that is wrong or expired, or of nobody, is `LoginRefused`."""
    try:
        token = AccessToken(access)  # type: ignore[arg-type]  # it takes texts; the package types it as a token
        return Bearer(_user_of(token), datetime.fromtimestamp(token["exp"], UTC))
    except (TokenError, APIException) as error:
        raise LoginRefused("This token is wrong or expired: refresh it, or log in again.") from error


def bearer_token(header: bytes) -> str | None:
    """Return the token of an `Authorization` header, None of another kind; one in the wrong form is `LoginRefused`."""
    try:
        token = JWTAuthentication().get_raw_token(header)
    except APIException as error:
        raise LoginRefused("Write one token after Bearer, without spaces in it.") from error
    return None if token is None else token.decode("latin-1")


def used_tokens_prune() -> int:
    """Forget used refresh tokens that have expired; return how many. Safe to run twice."""
    return UsedRefreshToken.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def _pair(refresh: RefreshToken) -> Tokens:
    access = refresh.access_token
    return Tokens(str(access), str(refresh), int(access.lifetime.total_seconds()))


def _user_of(token: Token) -> User:
    user = JWTAuthentication().get_user(token)
    assert isinstance(user, User)
    return user


def _use(token: RefreshToken) -> bool:
    """Return whether the token's login has not ended and this is its first use; of several at once one is first."""
    if UsedRefreshToken.objects.filter(identifier=token[FAMILY]).exists():
        return False
    expires_at = datetime.fromtimestamp(token["exp"], UTC)
    _, first = UsedRefreshToken.objects.get_or_create(identifier=token["jti"], defaults={"expires_at": expires_at})
    return first


def _end_family(token: RefreshToken) -> None:
    """Refuse all tokens of the login, of which the newest may hold for a whole lifetime yet."""
    last = timezone.now() + RefreshToken.lifetime
    UsedRefreshToken.objects.get_or_create(identifier=token[FAMILY], defaults={"expires_at": last})
