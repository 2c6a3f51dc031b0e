"""Tokens for people's own programs."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.api.serializers import (
    LoginAnswer,
    LoginBody,
    RefreshAnswer,
    RefreshBody,
    login_answer,
    read_texts,
    token_set,
)
from copytrade.accounts.tokens import tokens_for_login, tokens_refresh
from copytrade.lib.api.responses import success

TOKENS = {"access_token": "eyJhbGciOi…", "refresh_token": "eyJhbGciOi…", "token_type": "bearer", "expires_in": 900}


class TokenView(APIView):
    """Answers hold secrets, so nothing keeps them."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def no_store(self, response: Response) -> Response:
        """Return the response, not to be stored."""
        response["Cache-Control"] = "no-store"
        return response


class LoginView(TokenView):
    """Logging in."""

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
        asked = request._request  # noqa: SLF001  (REST framework has no other name for it)
        tokens = tokens_for_login(request=asked, login=body.username, password=body.password)
        return self.no_store(Response(login_answer(tokens)))


class RefreshView(TokenView):
    """Exchanging a refresh token."""

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
        return self.no_store(success(token_set(tokens_refresh(refresh=body.refresh_token))))
