"""Points the n8n workflow file at the public address that ngrok gave this backend."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

import requests

WORKFLOW_FILE = Path(__file__).with_name("workflow.json")
NGROK_API = "http://127.0.0.1:4040/api/tunnels"
FIELD = "backendBaseUrl"


class SyncError(Exception):
    """The workflow cannot be pointed at a tunnel; the message says what to do."""


@dataclass(frozen=True)
class Tunnel:
    """One public HTTPS address and the local address behind it."""

    public_url: str
    forwards_to: str

    @property
    def port(self) -> int | None:
        """The local port, or None where the address has no readable one."""
        # ngrok reports what it was given: "8000", "localhost:8000" or "http://localhost:8000".
        address = self.forwards_to
        if address.isdigit():
            return int(address)
        parts = urlsplit(address if "://" in address else f"http://{address}")
        try:
            return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            return None


@dataclass(frozen=True)
class Change:
    """The workflow's backend address before and after, and the file's text with the new one."""

    before: str
    after: str
    text: str


def tunnel_find(api_url: str, *, port: int, timeout: float = 5.0) -> Tunnel:
    """Ask the ngrok agent for the tunnel that leads to our port."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # the agent is local: no proxy of the environment is in between
            response = session.get(api_url, timeout=timeout)
    except requests.RequestException as error:
        raise SyncError(f"No ngrok agent answers at {api_url}: start one with `ngrok http {port}`.") from error
    try:
        tunnels = tunnels_parse(response.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SyncError(f"What answers at {api_url} is not an ngrok agent.") from error
    return tunnel_choose(tunnels, port=port)


def tunnels_parse(answer: Any) -> list[Tunnel]:
    """Read the agent's answer; only HTTPS tunnels count."""
    return [
        Tunnel(public_url=tunnel["public_url"].rstrip("/"), forwards_to=str(tunnel["config"]["addr"]))
        for tunnel in answer["tunnels"]
        if tunnel["public_url"].startswith("https://")
    ]


def tunnel_choose(tunnels: list[Tunnel], *, port: int) -> Tunnel:
    """Return the tunnel to our port, or else the only one there is."""
    candidates = [tunnel for tunnel in tunnels if tunnel.port == port] or tunnels
    if not candidates:
        raise SyncError(f"ngrok has no HTTPS tunnel: start one with `ngrok http {port}`.")
    if len(candidates) > 1:
        listing = ", ".join(f"{tunnel.public_url} -> {tunnel.forwards_to}" for tunnel in candidates)
        raise SyncError(f"ngrok has several tunnels, keep one of them for port {port}: {listing}")
    return candidates[0]


def workflow_point_at(text: str, url: str) -> Change:
    """Return the workflow's text with `url` as the backend address and everything else as it was."""
    try:
        workflow = json.loads(text)
        field = _backend_field(workflow)
        before = str(field["value"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SyncError(f"This is not an n8n workflow with one {FIELD} in a Set node.") from error
    field["value"] = url
    return Change(before, url, json.dumps(workflow, indent=2, ensure_ascii=False) + "\n")


def workflow_read(path: Path) -> str:
    """Return the file's text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SyncError(f"{path} cannot be read: {error}") from error


def workflow_write(path: Path, text: str) -> None:
    """Replace the file at once: a reader sees the old text or the new, never a part."""
    target = path.resolve()
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as file:
            file.write(text)
        temporary = Path(file.name)
        temporary.chmod(target.stat().st_mode)
        temporary.replace(target)
    except OSError as error:
        raise SyncError(f"{path} cannot be written: {error}") from error


def _backend_field(workflow: dict[str, Any]) -> dict[str, Any]:
    """Return the one assignment of a Set node that holds the backend address."""
    fields: list[dict[str, Any]] = [
        assignment
        for node in workflow["nodes"]
        for assignment in node["parameters"].get("assignments", {}).get("assignments", [])
        if assignment["name"] == FIELD
    ]
    (field,) = fields
    return field
