"""Guards around the application that have to act before Django sees a request."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import Resolver404

from copytrade.lib.errors import ErrorCode

Application = Callable[[Any, Any, Any], Awaitable[None]]


class BodyLimit:
    """Refuses a body that is too large before it is read: Django would first store all of it on disk."""

    def __init__(self, application: Application, *, most_bytes: int) -> None:
        self.application = application
        self.most_bytes = most_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 413, or hand the request on with its body counted."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.most_bytes:
            await self._refuse(send)
            return
        refused = False
        seen = 0

        async def counted() -> Any:
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most_bytes and not refused:
                refused = True
                await self._refuse(send)
            return {"type": "http.disconnect"} if refused else message

        async def once(message: Any) -> None:
            if not refused:
                await send(message)

        await self.application(scope, counted, once)

    async def _refuse(self, send: Any) -> None:
        error = {
            "code": ErrorCode.PAYLOAD_TOO_LARGE.value,
            "message": f"The body is larger than {self.most_bytes} bytes; send it in parts.",
            "details": {"most_bytes": self.most_bytes},
        }
        body = json.dumps({"success": False, "error": error}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def deny(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a WebSocket with 403. Unlike the one of channels, this needs no Redis."""
    await send({"type": "websocket.close"})


class ClosedElsewhere:
    """Refuses WebSockets at paths that do not exist, instead of failing."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand the connection on, or refuse it."""
        try:
            await self.application(scope, receive, send)
        except (Resolver404, ValueError) as error:
            if not str(error).startswith("No route found"):
                raise
            await deny(scope, receive, send)
