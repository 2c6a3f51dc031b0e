"""Logs, as text or as JSON lines, each with the request that it belongs to."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from copytrade.lib.context import request_id
from copytrade.lib.wire import iso_time


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id and, if any, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": iso_time(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class RequestIdFilter(logging.Filter):
    """Lets every line carry the id of the request that it belongs to; `-` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id."""
        record.request_id = request_id.get()
        return True


def logging_of(*, level: str, form: str) -> dict[str, Any]:
    """Return Django's `LOGGING`: lines of a form, "text" or "json", from a level on."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s"},
            "json": {"()": "copytrade.lib.logging.JsonFormatter"},
        },
        "filters": {"request_id": {"()": "copytrade.lib.logging.RequestIdFilter"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form, "filters": ["request_id"]}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": ["console"], "level": level, "propagate": False},
            # Refused requests are the client's business; the access log and the batches tell of them.
            "django.request": {"level": "ERROR"},
        },
    }
