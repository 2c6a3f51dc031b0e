"""The ASGI application: HTTP and the WebSocket at `/ws/`."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "copytrade.settings")
django.setup(set_prefix=False)

# Django has to be set up before what follows is imported.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from django.conf import settings  # noqa: E402

from copytrade.lib.asgi import BodyLimit, ClosedElsewhere  # noqa: E402
from copytrade.lib.garbage import garbage_look_rarely  # noqa: E402
from copytrade.lib.handler import ThreadedHandler  # noqa: E402
from copytrade.realtime.consumer import LiveConsumer  # noqa: E402
from copytrade.realtime.origin import OriginGuard  # noqa: E402
from markets.venues.registry import adapters_import  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(ThreadedHandler(), most_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        "websocket": OriginGuard(
            AuthMiddlewareStack(ClosedElsewhere(URLRouter([re_path(r"^ws/?$", LiveConsumer.as_asgi())])))
        ),
    }
)

adapters_import()
garbage_look_rarely()
