"""`manage.py n8n_sync_ngrok` against a small HTTP server that plays the ngrok agent."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingest.n8n.sync import WORKFLOW_FILE, Tunnel

PUBLIC_URL = "https://d95211d2.ngrok-free.app"
FALLBACK = '={{ $env.N8N_BACKEND_BASE_URL || "https://set-N8N_BACKEND_BASE_URL.invalid" }}'


def tunnel(public_url: str = PUBLIC_URL, addr: str = "http://localhost:8000") -> dict[str, Any]:
    """Return one tunnel as the agent lists it."""
    return {"name": "command_line", "public_url": public_url, "proto": "https", "config": {"addr": addr}}


@contextmanager
def serve(body: bytes) -> Iterator[str]:
    """Answer every GET with the body, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Keep the test output quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/tunnels"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """Return a copy of the workflow file."""
    return Path(shutil.copyfile(WORKFLOW_FILE, tmp_path / "workflow.json"))


def sync(workflow: Path, tunnels: list[dict[str, Any]], *options: str) -> str:
    """Run the command against an agent with these tunnels and return what it prints."""
    with serve(json.dumps({"tunnels": tunnels, "uri": "/api/tunnels"}).encode()) as api:
        return run(workflow, api, *options)


def run(workflow: Path, api: str, *options: str) -> str:
    """Run the command and return what it prints."""
    output = StringIO()
    call_command("n8n_sync_ngrok", f"--file={workflow}", f"--ngrok-api={api}", "--port=8000", *options, stdout=output)
    return output.getvalue()


def test_it_writes_the_address_and_leaves_the_rest_as_it_was(workflow: Path) -> None:
    before = workflow.read_text(encoding="utf-8")
    output = sync(workflow, [tunnel()])
    assert workflow.read_text(encoding="utf-8") == before.replace(json.dumps(FALLBACK), json.dumps(PUBLIC_URL))
    assert f"from {FALLBACK}" in output
    assert f"N8N_BACKEND_BASE_URL={PUBLIC_URL}" in output
    assert "restart n8n" in output


def test_it_keeps_the_file_mode_and_leaves_no_other_file(workflow: Path) -> None:
    workflow.chmod(0o640)
    sync(workflow, [tunnel()])
    assert workflow.stat().st_mode & 0o777 == 0o640
    assert list(workflow.parent.iterdir()) == [workflow]


def test_a_new_address_replaces_an_old_one(workflow: Path) -> None:
    sync(workflow, [tunnel("https://old.ngrok-free.app")])
    output = sync(workflow, [tunnel(f"{PUBLIC_URL}/")])
    assert "from https://old.ngrok-free.app" in output
    assert json.dumps(PUBLIC_URL) in workflow.read_text(encoding="utf-8")


def test_a_file_that_is_right_already_is_not_touched(workflow: Path) -> None:
    sync(workflow, [tunnel()])
    inode = workflow.stat().st_ino
    assert "already" in sync(workflow, [tunnel()])
    assert workflow.stat().st_ino == inode


def test_check_says_what_would_change_and_writes_nothing(workflow: Path) -> None:
    before = workflow.read_bytes()
    assert "would change" in sync(workflow, [tunnel()], "--check")
    assert workflow.read_bytes() == before


def test_the_tunnel_to_our_port_is_preferred(workflow: Path) -> None:
    others = [tunnel("https://other.ngrok-free.app", "http://localhost:3000"), tunnel()]
    assert PUBLIC_URL in sync(workflow, others)


def test_the_only_tunnel_is_taken_whatever_its_port(workflow: Path) -> None:
    assert PUBLIC_URL in sync(workflow, [tunnel(addr="http://web:80")])


@pytest.mark.parametrize("port", [8000, 3000])
def test_several_tunnels_are_listed_and_none_is_taken(workflow: Path, port: int) -> None:
    addr = f"http://localhost:{port}"
    with pytest.raises(CommandError, match=r"several tunnels.*one\.example.*two\.example"):
        sync(workflow, [tunnel("https://one.example", addr), tunnel("https://two.example", addr)])


@pytest.mark.parametrize("tunnels", [[], [tunnel("http://plain.example")], [tunnel("tcp://0.tcp.example:19")]])
def test_without_an_https_tunnel_it_says_what_to_start(workflow: Path, tunnels: list[dict[str, Any]]) -> None:
    with pytest.raises(CommandError, match="start one with `ngrok http 8000`"):
        sync(workflow, tunnels)


def test_an_agent_that_does_not_run_is_one_clear_line(workflow: Path) -> None:
    with serve(b"") as api:
        pass
    with pytest.raises(CommandError, match=r"^No ngrok agent answers at .*: start one with `ngrok http 8000`\.$"):
        run(workflow, api)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"tunnels": [{}]}', b'{"tunnels": null}'])
def test_something_else_at_the_address_is_said(workflow: Path, body: bytes) -> None:
    with serve(body) as api, pytest.raises(CommandError, match="is not an ngrok agent"):
        run(workflow, api)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nodes": []}'])
def test_another_file_is_refused_and_left_alone(workflow: Path, text: str) -> None:
    workflow.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match="not an n8n workflow"):
        sync(workflow, [tunnel()])
    assert workflow.read_text(encoding="utf-8") == text


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        sync(tmp_path / "missing.json", [tunnel()])


@pytest.mark.parametrize(
    ("addr", "port"),
    [
        ("8000", 8000),
        ("localhost:8000", 8000),
        ("http://localhost:8000", 8000),
        ("https://localhost:8443", 8443),
        ("http://localhost", 80),
        ("https://localhost", 443),
        ("file:///srv", None),
        ("http://localhost:wrong", None),
    ],
)
def test_the_local_port_is_read_from_every_form(addr: str, port: int | None) -> None:
    assert Tunnel(PUBLIC_URL, addr).port == port
