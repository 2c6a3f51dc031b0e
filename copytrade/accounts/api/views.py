"""Tokens for people's own programs, logging out, and new passwords."""

from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.api.serializers import (
    LoginAnswer,
    LoginBody,
    LogoutAnswer,
    PasswordAnswer,
    PasswordBody,
    RefreshAnswer,
    RefreshBody,
    login_answer,
    read_texts,
    token_set,
)
from copytrade.accounts.models import User
from copytrade.accounts.permissions import IsPerson
from copytrade.accounts.services import user_change_password
from copytrade.accounts.tokens import tokens_end, tokens_for_login, tokens_for_user, tokens_refresh
from copytrade.lib.api.responses import success

TOKENS = {"access_token": "eyJhbGciOi…", "refresh_token": "eyJhbGciOi…", "token_type": "bearer", "expires_in": 900}


def no_store(response: Response) -> Response:
    """Return a response with secrets, not to be stored."""
    response["Cache-Control"] = "no-store"
    return response


def plain(request: Request) -> HttpRequest:
    """Return the request as Django knows it."""
    return request._request  # noqa: SLF001  (REST framework has no other name for it)


class LoginView(APIView):
    """Logging in."""

    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = [JSONParser, FormParser]

    @extend_schema(
        operation_id="user_login",
        summary="Log in for tokens",
        tags=["Users"],
        request=LoginBody,
        responses=LoginAnswer,
        examples=[
            OpenApiExample("Ada", {"username": "ada", "password": "correct horse battery"}, request_only=True),
            OpenApiExample("Tokens", TOKENS, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Return an access token and a refresh token."""
        body = read_texts(request.data, LoginBody)
        tokens = tokens_for_login(request=plain(request), login=body.username, password=body.password)
        return no_store(Response(login_answer(tokens)))


class RefreshView(APIView):
    """Exchanging a refresh token."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="user_refresh",
        summary="Exchange a refresh token",
        tags=["Users"],
        request=RefreshBody,
        responses=RefreshAnswer,
        examples=[
            OpenApiExample("Refresh token", {"refresh_token": TOKENS["refresh_token"]}, request_only=True),
            OpenApiExample("Tokens", {"success": True, "data": TOKENS}, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Return new tokens. A refresh token works once: sent again, it ends its login."""
        body = read_texts(request.data, RefreshBody)
        return no_store(success(token_set(tokens_refresh(refresh=body.refresh_token))))


class LogoutView(APIView):
    """Logging out. Who holds a refresh token may end its login, also when the access token has expired."""

    authentication_classes = [SessionAuthentication]
    permission_classes = [AllowAny]
    failures = ("403",)

    @extend_schema(
        operation_id="user_logout",
        summary="Log out",
        tags=["Users"],
        request=RefreshBody,
        responses=LogoutAnswer,
        examples=[
            OpenApiExample("Refresh token", {"refresh_token": TOKENS["refresh_token"]}, request_only=True),
            OpenApiExample("Logged out", {"success": True, "data": None}, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        """End the login of the refresh token, and the session if there is one; with a session the body may be empty.

        A token that is wrong, expired or used is answered the same. Access tokens hold until their time is over.
        """
        if request.data or not request.user.is_authenticated:
            tokens_end(refresh=read_texts(request.data, RefreshBody).refresh_token)
        if request.user.is_authenticated:
            logout(plain(request))
        return success(None)


class PasswordView(APIView):
    """Changing one's own password."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="user_password",
        summary="Change my password",
        tags=["Users"],
        request=PasswordBody,
        responses=PasswordAnswer,
        examples=[
            OpenApiExample(
                "Ada",
                {"old_password": "correct horse battery", "new_password": "another horse battery"},
                request_only=True,
            ),
            OpenApiExample("Tokens", {"success": True, "data": TOKENS}, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Set a new password and return new tokens: all sessions and tokens of before end, but not this session.

        A wrong old password counts as a login that fails.
        """
        assert isinstance(request.user, User)
        body = read_texts(request.data, PasswordBody)
        asked = plain(request)
        user = user_change_password(request=asked, user=request.user, old=body.old_password, new=body.new_password)
        if isinstance(request.successful_authenticator, SessionAuthentication):
            update_session_auth_hash(asked, user)
        return no_store(success(token_set(tokens_for_user(user=user))))
