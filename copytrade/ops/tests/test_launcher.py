"""`manage.py up` before anything runs: configuration, secrets, the lock, the port, the texts."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime.config import Config, only_copy
from copytrade.ops.runtime.envfile import SECRETS, ensure_secrets, parse_env, write_private
from copytrade.ops.runtime.launcher import ROOT
from copytrade.ops.runtime.messages import credentials_text, first_payload, welcome_text
from copytrade.ops.runtime.network import free_ports, get_json, listen_error, reachable_host

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def up(var_dir: Path, port: int | str) -> subprocess.CompletedProcess[str]:
    """The result of `manage.py up`, for starts that must end at once."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={**os.environ, "VAR_DIR": str(var_dir), "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_port_in_use_is_one_clear_line_and_nothing_starts(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        result = up(tmp_path, port)
    assert result.returncode == 1
    assert result.stderr == (f"Port {port} is in use: set PORT to a free one (PORT={port + 1} make up).\n")
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["up.lock"]


def test_a_second_start_on_the_same_data_is_one_clear_line(tmp_path: Path) -> None:
    with only_copy(tmp_path):
        result = up(tmp_path, free_ports(1)[0])
    assert result.returncode == 1
    assert result.stderr == (
        f"CopyTrade is already running on {tmp_path} (process {os.getpid()}): "
        "stop it, or set VAR_DIR to another folder.\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1"])
def test_a_port_that_is_none_is_one_clear_line(tmp_path: Path, port: str) -> None:
    with pytest.raises(StartupError, match="^PORT must be a number from 1 to 65535"):
        Config.read(tmp_path, {"PORT": port})


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="^Cannot use"), only_copy(tmp_path / "file" / "var"):
        pass


def test_the_data_can_be_used_again_after_the_first_copy_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with only_copy(tmp_path / "var"):
            assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nHOST=0.0.0.0\n# PORT=1\n")
    config = Config.read(tmp_path, {"PORT": "9001", "VAR_DIR": "data"})
    assert (config.port, config.host, config.var_dir) == (9001, "0.0.0.0", tmp_path / "data")
    assert config.base_url == "http://127.0.0.1:9001"


def test_defaults_and_empty_values(tmp_path: Path) -> None:
    config = Config.read(tmp_path, {"PORT": "", "VAR_DIR": "", "HOST": ""})
    assert (config.port, config.host, config.var_dir) == (8000, "127.0.0.1", tmp_path / "var")


def test_env_lines_with_quotes_exports_and_comments() -> None:
    text = "A=1\nexport B = 'two words'\n#C=3\nnot a line\nD=\"x=y\"\nE=\n"
    assert parse_env(text) == {"A": "1", "B": "two words", "D": "x=y", "E": ""}


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    first = ensure_secrets(path)
    assert ensure_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(first.values())) == len(first) == len(SECRETS)


def test_a_missing_secret_is_added_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    write_private(path, "# mine\nSECRET_KEY=kept")
    secrets = ensure_secrets(path)
    assert secrets["SECRET_KEY"] == "kept"
    assert path.read_text().startswith("# mine\nSECRET_KEY=kept\n")
    assert parse_env(path.read_text()) == secrets


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("secrets.env", "old")]


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(listen_error("127.0.0.1", port) is None for port in ports)


def test_a_server_on_all_addresses_is_reached_on_the_loopback() -> None:
    hosts = ("0.0.0.0", "::", "127.0.0.1", "copytrade.local")
    assert [reachable_host(host) for host in hosts] == ["127.0.0.1", "::1", "127.0.0.1", "copytrade.local"]


def test_no_health_page_is_no_answer() -> None:
    assert get_json("127.0.0.1", free_ports(1)[0], "/health") is None


def test_only_what_was_made_now_is_shown() -> None:
    nothing = {"staff_email": None, "staff_password": None, "ingest_key": None}
    assert credentials_text(nothing) == ""
    text = credentials_text({**nothing, "ingest_key": "key-1"})
    assert "key-1" in text
    assert "password" not in text


def test_the_curl_command_carries_a_payload_and_the_key() -> None:
    text = welcome_text("http://127.0.0.1:8000", "key-1", NOW)
    assert 'X-API-Key: key-1"' in text
    assert "ws://127.0.0.1:8000/ws/" in text
    body = re.search(r"-d '(.*)'", text)
    assert body is not None
    assert json.loads(body[1]) == first_payload(NOW)
    assert json.loads(body[1])["fetchedAt"] == "2026-01-02T03:04:05.000Z"


def test_the_curl_command_takes_a_key_that_only_the_reader_knows() -> None:
    assert 'X-API-Key: $INGEST_API_KEY"' in welcome_text("http://127.0.0.1:8000", None, NOW)
