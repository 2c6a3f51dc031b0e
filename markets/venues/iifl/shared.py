"""What all processes share about IIFL in Redis: tokens, who logs in, and which of our ids an identifier stands for.

Where Redis does not answer, each process goes on alone: it knows what it has seen itself.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from markets.venues.redis_scripts import Scripts

logger = logging.getLogger(__name__)

PREFIX = "iifl:"
NAME_SECONDS = 2 * 24 * 3600  # XTS tells of the orders of one day
MOST_NAMES = 50_000
# How long this process keeps to itself after Redis did not answer.
ALONE_SECONDS = 1.0

READ = "return redis.call('MGET', unpack(KEYS))"
WRITE = "return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])"
TAKE = "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) and 1 or 0"
DROP = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"
# KEYS: name, mark. ARGV: client order id, seconds to keep it, seconds for the mark. 0 where the mark was there.
NAME = """
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return redis.call('SET', KEYS[2], ARGV[1], 'NX', 'EX', ARGV[3]) and 1 or 0
"""


class Shared:
    """The shared values, as this process sees them."""

    def __init__(self, url: str) -> None:
        self._scripts = Scripts(url, (READ, WRITE, TAKE, DROP, NAME))
        self._names: dict[str, str] = {}
        self._alone = False
        self._alone_until = 0.0

    async def read(self, key: str) -> bytes | None:
        """Return a value, None where there is none or nobody can tell."""
        found = await self._ask(READ, [key], [])
        return found[0] if found else None

    async def write(self, key: str, value: str, seconds: int) -> None:
        """Keep a value for so long."""
        await self._ask(WRITE, [key], [value, seconds])

    async def take(self, key: str, owner: str, seconds: int) -> bool:
        """Return whether a lock is the owner's now; without Redis everybody has it."""
        return bool(await self._ask(TAKE, [key], [owner, seconds]) != 0)

    async def drop(self, key: str, owner: str) -> None:
        """Give a lock back, where it is still the owner's."""
        await self._ask(DROP, [key], [owner])

    async def name(self, account: str, identifier: str, client_order_id: str, *, seconds: int) -> bool:
        """Remember whom an identifier stands for; return whether it was not sent within so many seconds before."""
        self._keep(identifier, client_order_id)
        keys = [f"name:{identifier}", f"sent:{account}:{identifier}"]
        return bool(await self._ask(NAME, keys, [client_order_id, NAME_SECONDS, seconds]) != 0)

    async def forget_sent(self, account: str, identifier: str, client_order_id: str) -> None:
        """Let an identifier be sent again, since it certainly was not."""
        await self.drop(f"sent:{account}:{identifier}", client_order_id)

    async def client_order_ids(self, identifiers: Sequence[str]) -> dict[str, str]:
        """Return what identifiers stand for; one that is not known stands for itself."""
        unknown = sorted({each for each in identifiers if each and each not in self._names})
        if unknown:
            found = await self._ask(READ, [f"name:{each}" for each in unknown], []) or []
            for identifier, name in zip(unknown, found, strict=False):
                if name is not None:
                    self._keep(identifier, name.decode())
        return {each: self._names.get(each, each) for each in identifiers}

    async def close(self) -> None:
        """Close the connection."""
        await self._scripts.close()

    def _keep(self, identifier: str, client_order_id: str) -> None:
        if len(self._names) >= MOST_NAMES:
            self._names.clear()  # Redis knows them still
        self._names[identifier] = client_order_id

    async def _ask(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        if time.monotonic() < self._alone_until:
            return None
        try:
            answer = await self._scripts.run(script, [f"{PREFIX}{key}" for key in keys], arguments)
        except (RedisError, OSError, TimeoutError) as error:
            if not self._alone:
                logger.warning("Redis is away (%s): this process knows of IIFL what it saw", type(error).__name__)
            self._alone, self._alone_until = True, time.monotonic() + ALONE_SECONDS
            return None
        self._alone = False
        return answer
