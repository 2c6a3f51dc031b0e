"""What belongs to the request that is being answered."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
