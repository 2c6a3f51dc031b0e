"""Who may open the WebSocket, and where it is."""

from typing import Any

import pytest

from copytrade.realtime.tests.live import LiveClient

database = pytest.mark.django_db(transaction=True)  # only who is let in needs it


async def accepted(path: str = "/ws/", origin: str | None = None) -> bool:
    """Return whether a connection is accepted; it is closed again."""
    client = LiveClient(path, origin=origin)
    try:
        return await client.open()
    finally:
        await client.close()


@database
@pytest.mark.parametrize("path", ["/ws/", "/ws"])
async def test_the_websocket_is_open_with_and_without_a_slash(path: str) -> None:
    assert await accepted(path)


@database
async def test_programs_send_no_origin_and_are_let_in() -> None:
    assert await accepted(origin=None)


@database
@pytest.mark.parametrize("origin", ["http://testserver", "https://testserver", "http://testserver:8000"])
async def test_pages_of_this_installation_are_let_in(origin: str) -> None:
    assert await accepted(origin=origin)


@database
async def test_pages_of_an_address_in_brackets_are_let_in(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["[::1]"]
    assert await accepted(origin="http://[::1]:8000")


@database
async def test_pages_of_the_named_frontend_are_let_in(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.test"]
    assert await accepted(origin="https://app.example.test")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://testserver.evil.example",
        "https://evil.example/testserver",
        "https://testserver@evil.example",
        "http://app.example.test",  # the frontend, but not over https
        "null",
        "",
        "testserver",
        "http://[",
        "\xff",
    ],
)
async def test_pages_of_other_sites_are_refused(settings: Any, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.test"]
    assert not await accepted(origin=origin)


@pytest.mark.parametrize("path", ["/", "/ws/more", "/wss", "/api/ws/", "/health", "/ws%2F"])
async def test_other_paths_are_refused(path: str) -> None:
    assert not await accepted(path)


async def test_refusing_needs_no_redis(settings: Any) -> None:
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": ["redis://127.0.0.1:1/0"]}}}
    assert not await accepted("/none")
    assert not await accepted(origin="https://evil.example")
