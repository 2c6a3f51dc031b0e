"""Fixtures for the WebSocket's tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async

from copytrade.realtime.hub import Hub
from copytrade.realtime.tests.live import LiveClient

Connect = Callable[[], Awaitable[LiveClient]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open connections; in the end they are closed, and nothing of them may be left."""
    clients: list[LiveClient] = []

    async def open_one() -> LiveClient:
        client = LiveClient()
        clients.append(client)
        assert await client.open()
        return client

    before = asyncio.all_tasks()
    yield open_one
    for client in clients:
        await client.close()
    hub = Hub.current()
    assert (hub._tasks, hub._members, dict(hub._listeners)) == ([], set(), {})
    assert {task for task in asyncio.all_tasks() if task not in before and task is not asyncio.current_task()} == set()


@pytest.fixture
def push_live(push: Any) -> Callable[..., Awaitable[Any]]:
    """Push a body as `push` does, from an asynchronous test; return the decoded answer of a 200."""

    def post(body: Any) -> Any:
        response = push(body)
        assert response.status_code == 200, response.content
        return response.json()

    later: Callable[..., Awaitable[Any]] = database_sync_to_async(post)
    return later
