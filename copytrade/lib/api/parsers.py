"""Reading bodies."""

from typing import Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from copytrade.lib.errors import PayloadTooLarge


class UndecodedJson(BaseParser):
    """Leaves the body as it is: numbers are read from their own digits later."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the bytes of the body; raises `PayloadTooLarge`."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = bytes(stream.read(most + 1))
        if len(content) > most:
            raise PayloadTooLarge(f"The body is larger than {most} bytes; send it in parts.")
        return content
