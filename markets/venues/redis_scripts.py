"""Scripts in Redis, asked for by many coroutines at once and sent in batches over one connection.

What is asked while a batch is on its way goes with the next one: a thousand orders cost a few round trips, and one
order costs one.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

TIMEOUT_SECONDS = 0.5
BATCH = 200


@dataclass(frozen=True, slots=True)
class _Question:
    digest: str
    keys: Sequence[str]
    arguments: Sequence[int | str]
    answer: "asyncio.Future[Any]"


class Scripts:
    """The scripts of one server. It belongs to the event loop on which it is first used."""

    def __init__(self, url: str, scripts: Iterable[str]) -> None:
        self._url = url
        self._texts = {hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(): text for text in scripts}
        self._digests = {text: digest for digest, text in self._texts.items()}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: redis.asyncio.Redis | None = None
        self._waiting: list[_Question] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[int | str]) -> Any:
        """Return what a script returns; raises what redis-py raises."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._client, self._waiting, self._sender = loop, None, [], None
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Question(self._digests[script], keys, arguments, answer))
        if self._sender is None or self._sender.done():
            self._sender = loop.create_task(self._send())
        return await answer

    async def close(self) -> None:
        """Close the connection."""
        if self._sender is not None:
            await self._sender
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                answers = await self._ask(batch)
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                answers = [error] * len(batch)
            for question, answer in zip(batch, answers, strict=True):
                _tell(question, answer)

    async def _ask(self, batch: Sequence[_Question]) -> list[Any]:
        answers = await self._execute(batch)
        forgotten = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if forgotten:
            # A server that was restarted has run none of them.
            for text in self._texts.values():
                await self._connection().script_load(text)
            again = await self._execute([batch[number] for number in forgotten])
            for number, answer in zip(forgotten, again, strict=True):
                answers[number] = answer
        return answers

    async def _execute(self, batch: Sequence[_Question]) -> list[Any]:
        pipeline = self._connection().pipeline(transaction=False)
        for question in batch:
            pipeline.evalsha(question.digest, len(question.keys), *question.keys, *question.arguments)
        return list(await pipeline.execute(raise_on_error=False))

    def _connection(self) -> "redis.asyncio.Redis":
        if self._client is None:
            self._client = redis.asyncio.Redis.from_url(
                self._url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client


def _tell(question: _Question, answer: Any) -> None:
    if question.answer.done():
        return
    if isinstance(answer, Exception):
        question.answer.set_exception(answer)
    else:
        question.answer.set_result(answer)
