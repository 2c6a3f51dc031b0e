"""The n8n workflow file of the proxy: its structure, and what its Code nodes do with our own answers."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orders.tests.proxy_kit import Caller
from tests.simulators.binance import BinanceSimulator

Json = dict[str, Any]

WORKFLOW_FILE = Path(__file__).parents[1] / "n8n" / "workflow.json"
FALLBACK = '={{ $env.N8N_BACKEND_BASE_URL || "https://set-N8N_BACKEND_BASE_URL.invalid" }}'
WORKFLOW: Json = json.loads(WORKFLOW_FILE.read_text(encoding="utf-8"))
NODES: dict[str, Json] = {node["name"]: node for node in WORKFLOW["nodes"]}
# Every text of every node, at any depth; the note is for people.
TEXTS = json.dumps([node for node in WORKFLOW["nodes"] if not node["type"].endswith(".stickyNote")])
HTTP = [node for node in WORKFLOW["nodes"] if node["type"].endswith(".httpRequest")]


def targets(source: str, output: int = 0) -> list[str]:
    """Return the names of the nodes that an output leads to."""
    outputs = WORKFLOW["connections"][source]["main"]
    return [target["node"] for target in outputs[output]] if output < len(outputs) else []


# The file as a whole ---------------------------------------------------------


def test_it_can_be_imported() -> None:
    assert 0 < len(WORKFLOW["id"]) <= 16
    assert WORKFLOW["active"] is False
    assert WORKFLOW["settings"]["executionOrder"] == "v1"
    assert len(NODES) == len(WORKFLOW["nodes"]) == len({node["id"] for node in WORKFLOW["nodes"]})
    assert WORKFLOW_FILE.read_text(encoding="utf-8") == json.dumps(WORKFLOW, indent=2, ensure_ascii=False) + "\n"


def test_connections_and_references_name_nodes_that_exist() -> None:
    for source, connection in WORKFLOW["connections"].items():
        assert source in NODES
        assert {target["node"] for output in connection["main"] for target in output} <= NODES.keys()
    assert set(re.findall(r"\$\('([^']+)'\)", TEXTS)) <= NODES.keys()


def test_every_node_is_reached_from_a_trigger() -> None:
    reached, waiting = set(), [name for name, node in NODES.items() if node["type"].endswith("Trigger")]
    assert len(waiting) == 2
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            outputs = WORKFLOW["connections"].get(name, {"main": []})["main"]
            waiting += [target["node"] for output in outputs for target in output]
    assert reached == NODES.keys() - {"Read Me"}


def test_it_holds_no_key_and_asks_the_environment_for_the_address_only() -> None:
    fields = {row["name"]: row["value"] for row in NODES["Config"]["parameters"]["assignments"]["assignments"]}
    assert set(re.findall(r"\$env\.(\w+)", TEXTS)) == {"N8N_BACKEND_BASE_URL"}
    assert fields["backendBaseUrl"] == FALLBACK
    assert "X-API-Key" not in TEXTS
    assert [node["parameters"]["genericAuthType"] for node in HTTP] == ["httpHeaderAuth"] * 2


def test_repeating_a_request_is_safe_and_no_answer_is_overlooked() -> None:
    place = NODES["Place Order"]
    sent = {row["name"]: row["value"] for row in place["parameters"]["headerParameters"]["parameters"]}
    assert sent["Idempotency-Key"] == "={{ $json.key }}"
    for node in HTTP:
        assert node["retryOnFail"] is True
        # Statuses are looked at by the Code nodes, which fail the run on anything that they do not know.
        assert node["parameters"]["options"]["response"]["response"]["fullResponse"] is True
        assert "onError" not in node


def test_an_order_in_doubt_leads_to_reading_and_never_back_to_placing() -> None:
    assert targets("Read It?") == ["Pause"]
    assert targets("Still in Doubt?") == ["Pause"]
    assert targets("Pause") == ["Read It Back"]
    assert [name for name in WORKFLOW["connections"] if "Build Order" in targets(name)] == [
        "Config",
        "Wait for the Venue",
    ]
    assert targets("Try Again?", output=1) == targets("Still in Doubt?", output=1) == ["Fail the Run"]


# The Code nodes, executed ----------------------------------------------------

# What n8n gives a Code node, as far as ours use it. The code comes in as text and never as a file.
HARNESS = """
const { code, input, nodes, run } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const first = (json) => ({ first: () => ({ json }) });
const node = new Function('$', '$input', '$execution', '$runIndex', code);
try {
  console.log(JSON.stringify({ items: node((name) => first(nodes[name]), first(input), { id: '4711' }, run) }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
"""
NODE_JS = shutil.which("node")
needs_node_js = pytest.mark.skipif(NODE_JS is None, reason="Node.js is not installed")
CONFIG = {
    row["name"]: row["value"]
    for row in NODES["Config"]["parameters"]["assignments"]["assignments"]
    if row["name"] != "backendBaseUrl"
}


def run_code(name: str, given: Json, *, config: Json | None = None, attempt: int = 1, run: int = 0) -> Json:
    """Execute a Code node and return its item or its error."""
    nodes = {"Config": CONFIG | (config or {}), "Build Order": {"attempt": attempt}}
    asked = {"code": NODES[name]["parameters"]["jsCode"], "input": given, "nodes": nodes, "run": run}
    done = subprocess.run(
        [str(NODE_JS), "-e", HARNESS], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=30
    )
    result: Json = json.loads(done.stdout)
    return result if "error" in result else result["items"][0]["json"]


def read_answer(status: int, code: str, *, run: int = 0, **details: Any) -> Json:
    body = {"success": False, "error": {"code": code, "message": "No.", "details": details}}
    return run_code("Read Answer", {"statusCode": status, "body": body}, run=run)


@needs_node_js
def test_the_key_is_made_of_the_execution_or_of_the_signal() -> None:
    assert run_code("Build Order", {})["key"] == "n8n-4711-1"
    assert run_code("Build Order", {"attempt": 2})["key"] == "n8n-4711-2"
    assert run_code("Build Order", {}, config={"signalId": "alert-9"})["key"] == "n8n-alert-9-1"
    assert "signalId" in run_code("Build Order", {}, config={"signalId": "two words"})["error"]


@needs_node_js
def test_empty_fields_are_left_out_and_the_market_decides_the_route() -> None:
    spot = run_code("Build Order", {}, config={"timeInForce": "", "price": "", "type": "MARKET"})
    futures = run_code("Build Order", {}, config={"market": "coin_m", "account": "7"})

    assert spot["path"] == "spot"
    assert spot["body"] == {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    assert (futures["path"], futures["body"]["marketType"], futures["body"]["account"]) == ("futures", "coin_m", "7")
    assert "market" in run_code("Build Order", {}, config={"market": "margin"})["error"]


@needs_node_js
@pytest.mark.parametrize(
    ("status", "code", "attempt"),
    [
        (429, "THROTTLED", 1),
        (503, "SERVICE_UNAVAILABLE", 1),
        (429, "VENUE_RATE_LIMITED", 2),
        (503, "VENUE_UNAVAILABLE", 2),
    ],
)
def test_what_was_not_placed_is_tried_again_as_long_as_that_is_proven(status: int, code: str, attempt: int) -> None:
    answer = read_answer(status, code, retry_after_seconds=7)

    assert (answer["outcome"], answer["attempt"], answer["seconds"]) == ("again", attempt, 7)
    assert read_answer(status, code, run=2)["outcome"] == "refused"


@needs_node_js
@pytest.mark.parametrize("code", ["VENUE_REJECTED", "VALIDATION_ERROR", "TRADING_HALTED", "IDEMPOTENCY_CONFLICT"])
def test_other_refusals_end_the_run_with_their_words(code: str) -> None:
    assert read_answer(422, code) == {"outcome": "refused", "refusal": f"{code} (HTTP 422): No."}


@needs_node_js
@pytest.mark.parametrize("body", [None, "", "<html>", {}, {"code": -2010, "msg": "No."}])
def test_an_answer_of_somebody_else_fails_the_run(body: Any) -> None:
    assert "not the answer of CopyTrade" in run_code("Read Answer", {"statusCode": 502, "body": body})["error"]


@needs_node_js
@pytest.mark.django_db
def test_its_order_is_placed_and_read_back_through_the_proxy(ada: Caller, binance: BinanceSimulator) -> None:
    order = run_code("Build Order", {})
    placed = ada.post(f"{order['path']}/order", order["body"], key=order["key"])
    answer = run_code("Read Answer", {"statusCode": placed.status, "body": placed.body})

    assert answer["outcome"] == "read"
    query = NODES["Read It Back"]["parameters"]["queryParameters"]["parameters"]
    fields = {row["name"]: re.sub(r".*order\.(\w+) .*", r"\1", row["value"]) for row in query}
    found = ada.get(f"{order['path']}/order", **{name: answer["order"][field] for name, field in fields.items()})
    stands = run_code("Where It Stands", {"statusCode": found.status, "body": found.body})
    assert (stands["outcome"], stands["order"]["id"]) == ("placed", placed.data["id"])
    assert len(binance.placements()) == 1


@needs_node_js
@pytest.mark.django_db
def test_a_lost_answer_is_read_until_it_is_known(ada: Caller, binance: BinanceSimulator) -> None:
    order = run_code("Build Order", {})
    binance.fault("drop_after", method="POST", path="/api/v3/order")
    quiet = binance.fault("error", method="GET", path="/api/v3/order", count=None, status=500)
    placed = ada.post("spot/order", order["body"], key=order["key"])
    answer = run_code("Read Answer", {"statusCode": placed.status, "body": placed.body})
    assert (placed.status, answer["outcome"], answer["seconds"]) == (202, "read", 3)

    def where_it_stands() -> str:
        query = {"symbol": "BTCUSDT", "origClientOrderId": answer["order"]["client_order_id"]}
        found = ada.get("spot/order", **query)
        return str(run_code("Where It Stands", {"statusCode": found.status, "body": found.body})["outcome"])

    assert where_it_stands() == "read"
    binance.clear_faults(quiet)
    assert where_it_stands() == "placed"
