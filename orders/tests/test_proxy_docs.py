"""The curl lines of the documentation work as they stand."""

import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from orders.tests.proxy_kit import Caller
from tests.simulators.binance import BinanceSimulator

DOCUMENT = Path(__file__).parents[2] / "docs" / "order-proxy.md"
BLOCKS = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", " ").split("\ncurl ")]
COMMANDS = [command for line in LINES if "/api/binance/" in (command := line.removeprefix("curl "))]


def options(command: str) -> dict[str, Any]:
    """Return method, path, query, body and key of a curl line."""
    words = shlex.split(command)
    found: dict[str, Any] = {"method": "GET", "body": None, "key": None}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "-X":
            found["method"] = following
        elif word == "-d":
            found["body"] = following
        elif following.startswith("Idempotency-Key: "):
            found["key"] = following.partition(": ")[2]
        elif word.startswith("$COPYTRADE/api/binance/"):
            address = urlsplit(word.removeprefix("$COPYTRADE/api/binance/"))
            found |= {"path": address.path, "query": dict(parse_qsl(address.query))}
    return found


@pytest.mark.django_db
def test_every_curl_line_of_the_documentation_works(ada: Caller, binance: BinanceSimulator) -> None:
    assert len(COMMANDS) == 8
    for command in COMMANDS:
        asked = options(command)
        match asked["method"]:
            case "POST":
                answer = ada.post(asked["path"], asked["body"], key=asked["key"])
                assert answer.status == 201, (command, answer.body)
            case "DELETE":
                assert ada.delete(asked["path"], **asked["query"]).data["client_order_id"] == "signal-4712"
            case _:
                assert ada.get(asked["path"], **asked["query"]).data, command
    assert len(binance.placements()) == 4
