"""The success envelope."""

from typing import Any

from rest_framework.response import Response


def success(data: Any, *, meta: Any = None) -> Response:
    """Return `{"success": true, "data": data}` with status 200, and `meta` where there is something to say."""
    body = {"success": True, "data": data}
    if meta is not None:
        body["meta"] = meta
    return Response(body)
