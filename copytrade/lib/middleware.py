"""Middleware that every request passes."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import is_valid_path

from copytrade.lib.context import request_id

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives each request an id that its logs, its 500 and its `X-Request-ID` header carry."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the id."""
        identifier = uuid.uuid4().hex
        token = request_id.set(identifier)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = identifier
        return response


class EitherSlashMiddleware:
    """Serves every route with and without its trailing slash, and after a doubled leading one.

    Clients that follow a redirect turn their POST into a GET and lose its body (n8n does), so nothing is redirected.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer at the spelling that the routes know."""
        path = "/" + request.path_info.lstrip("/")
        if not is_valid_path(path):
            other = path.rstrip("/") if path.endswith("/") else f"{path}/"
            path = other if other and is_valid_path(other) else path
        request.path_info = path
        return self.get_response(request)
