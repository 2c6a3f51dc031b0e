"""Redis itself, for what the cache cannot do in one round trip."""

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache
def client(url: str) -> "redis.Redis":
    """Return this process' client of a server; its connections are shared by all threads."""
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)


def count(key: str, *, seconds: int, by: int = 1) -> int:
    """Add to a counter that ends after `seconds` without being counted; return the sum."""
    pipeline = client(settings.REDIS_URL).pipeline(transaction=False)
    pipeline.incr(key, by)
    pipeline.expire(key, seconds)
    return int(pipeline.execute()[0])
