"""Reading the bodies of requests from their own digits, with everything that is wrong named."""

from typing import Any, TypeVar

import msgspec
from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from copytrade.lib.errors import MalformedJson, PayloadTooLarge
from copytrade.lib.structs import Problems, RowReader

Body = TypeVar("Body", bound=msgspec.Struct)


class UndecodedJson(BaseParser):
    """Leaves the body as it is: `read_body` decodes it."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the bytes of the body; raises `PayloadTooLarge`."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = bytes(stream.read(most + 1))
        if len(content) > most:
            raise PayloadTooLarge(f"The body is larger than {most} bytes.")
        return content


def read_body(request: Request, kind: type[Body]) -> Body:
    """Return the body of a view with `UndecodedJson` as a struct; raises `MalformedJson` or `InvalidInput`."""
    content = request.data
    if not isinstance(content, bytes) or not content:
        raise MalformedJson("The body is empty: send a JSON object.")
    try:
        content.decode()
        raw = msgspec.json.decode(content, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body is not JSON: {error}") from error
    problems = Problems()
    body = RowReader(kind).read(raw, "", problems)
    problems.refuse_if_any()
    assert body is not None
    return body
