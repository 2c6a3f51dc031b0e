"""Which pages may open the WebSocket."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from copytrade.lib.asgi import Application, deny


class OriginGuard:
    """Refuses pages of other sites; programs send no `Origin` and are let in."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand the connection on, or refuse it with 403."""
        origin = dict(scope["headers"]).get(b"origin")
        application = self.application if origin is None or is_ours(origin.decode("latin-1")) else deny
        await application(scope, receive, send)


def is_ours(origin: str) -> bool:
    """Return whether the page's origin is one of this installation's hosts or its named frontend."""
    if origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    bracketed = f"[{host}]" if host and ":" in host else host
    return bool(bracketed) and validate_host(str(bracketed), settings.ALLOWED_HOSTS)
