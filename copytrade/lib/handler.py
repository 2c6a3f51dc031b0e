"""How requests get from the event loop to the views, which are all synchronous."""

from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.urls import set_script_prefix

THREADS = 16  # requests that are answered at the same time; the others wait


class ThreadedHandler(ASGIHandler):
    """Answers a request in one go in one of a few lasting threads.

    Django's own handler makes a thread for each request and goes there and back for the signals, for each middleware
    that could be asynchronous, for the view and for closing. That cost a push as much time as storing it did.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002  (Django's signature)
        """Build the synchronous chain."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request. One whose sender hangs up is carried out all the same: it may have stored."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        in_thread = sync_to_async(self._answer, thread_sensitive=False, executor=self._threads)
        response = await in_thread(scope, body)
        await self.send_response(response, send)
        if response.streaming:
            await sync_to_async(response.close, thread_sensitive=False, executor=self._threads)()

    def _answer(self, scope: Any, body: Any) -> HttpResponseBase:
        """Return the response, with the thread's database connection given back."""
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response = self.get_response(request) if request is not None else refusal
        assert response is not None
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # noqa: SLF001  (as Django's own do)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            parts = list(cast("Iterable[bytes]", response.streaming_content))  # of a file: read where one may wait
            response.streaming_content = _one_by_one(parts)
        if not response.streaming:
            response.close()
        body.close()
        return response


async def _one_by_one(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
