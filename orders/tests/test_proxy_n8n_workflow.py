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
CODE = {node["name"]: node["parameters"]["jsCode"] for node in WORKFLOW["nodes"] if node["type"].endswith(".code")}

# What n8n 2.8.4 imported, published and ran, by hand and called. Another version of a node may want other parameters.
RAN = {
    "stickyNote": 1,
    "manualTrigger": 1,
    "executeWorkflowTrigger": 1.1,
    "set": 3.4,
    "code": 2,
    "httpRequest": 4.2,
    "if": 2.2,
    "wait": 1.1,
    "noOp": 1,
    "stopAndError": 1,
}


def fields_of(name: str) -> dict[str, str]:
    """Return the fields that a Set node gives."""
    rows = NODES[name]["parameters"]["assignments"]["assignments"]
    assert {row["type"] for row in rows} == {"string"}
    return {row["name"]: row["value"] for row in rows}


def kind_of(node: Json) -> str:
    """Return the type of a node without the package that all of them are from."""
    package, _, kind = node["type"].partition(".")
    assert package == "n8n-nodes-base"
    return str(kind)


def targets(source: str, output: int = 0) -> list[str]:
    """Return the names of the nodes that an output leads to."""
    outputs = WORKFLOW["connections"][source]["main"]
    return [target["node"] for target in outputs[output]] if output < len(outputs) else []


EXAMPLE = fields_of("Example Order")

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


def test_its_nodes_are_of_the_types_and_versions_that_n8n_ran() -> None:
    assert {(kind_of(node), node["typeVersion"]) for node in WORKFLOW["nodes"]} == set(RAN.items())


def test_its_nodes_have_the_parameters_that_these_versions_read() -> None:
    for node in WORKFLOW["nodes"]:
        parameters, kind = node["parameters"], kind_of(node)
        if kind == "if":
            conditions = parameters["conditions"]
            assert (conditions["options"]["version"], conditions["options"]["typeValidation"]) == (2, "strict")
            assert [row["operator"] for row in conditions["conditions"]] == [{"type": "string", "operation": "equals"}]
        if kind == "wait":
            assert parameters == {"amount": "={{ $json.seconds }}", "unit": "seconds"}
        if kind == "code":
            assert parameters["mode"] == "runOnceForAllItems"
        if kind == "httpRequest":  # n8n evaluates no expression in a switch
            switches = [name for name in parameters if name.startswith("send")]
            assert {name: parameters[name] for name in switches} == dict.fromkeys(switches, True)


def test_a_caller_gives_what_the_example_order_gives_and_all_of_it_reaches_the_order() -> None:
    called = NODES["When Called"]["parameters"]
    assert called["inputSource"] == "workflowInputs"
    assert called["workflowInputs"]["values"] == [{"name": name, "type": "string"} for name in EXAMPLE]
    assert targets("Run Once") == ["Example Order"]
    assert targets("Example Order") == targets("When Called") == ["Config"]
    # A Set node drops what it does not set itself, unless it is told not to.
    config = NODES["Config"]["parameters"]
    assert (config["includeOtherFields"], config["include"]) == (True, "all")
    assert fields_of("Config").keys() == {"backendBaseUrl"}


def test_each_run_by_hand_is_a_signal_of_its_own_and_a_repeated_node_keeps_it() -> None:
    assert fields_of("Example Order")["signalId"] == "={{ $now.toFormat('yyyyLLddHHmmss') }}-{{ $execution.id }}"
    assert all("$execution" not in code and "$now" not in code for code in CODE.values())


def test_what_code_throws_is_shown_whole() -> None:
    """n8n cuts an error of a Code node at ": " and shows what stands behind as the message."""
    for code in CODE.values():
        assert all(": " not in message for message in re.findall(r"throw new Error\((.*)\)", code))


def test_it_holds_no_key_and_asks_the_environment_for_the_address_only() -> None:
    assert set(re.findall(r"\$env\.(\w+)", TEXTS)) == {"N8N_BACKEND_BASE_URL"}
    assert fields_of("Config")["backendBaseUrl"] == FALLBACK
    assert "X-API-Key" not in TEXTS
    assert [node["parameters"]["genericAuthType"] for node in HTTP] == ["httpHeaderAuth"] * 2


def test_repeating_a_request_is_safe_and_no_answer_is_overlooked() -> None:
    place = NODES["Place Order"]
    sent = {row["name"]: row["value"] for row in place["parameters"]["headerParameters"]["parameters"]}
    assert sent["Idempotency-Key"] == "={{ $json.key }}"
    for node in HTTP:
        assert node["retryOnFail"] is True
        # Statuses are looked at by the Code nodes. What is no JSON makes the node fail, so that it is repeated.
        expected = {"fullResponse": True, "neverError": True, "responseFormat": "json"}
        assert node["parameters"]["options"]["response"]["response"] == expected
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
const give = (rows) => ({ first: () => ({ json: rows[0] }), all: () => rows.map((json) => ({ json })) });
const node = new Function('$', '$input', '$runIndex', code);
try {
  console.log(JSON.stringify({ items: node((name) => give(nodes[name]), give([input]), run) }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
"""
INTERNAL_ERROR = {"success": False, "error": {"code": "INTERNAL_ERROR", "message": "Something failed.", "details": {}}}
NODE_JS = shutil.which("node")
needs_node_js = pytest.mark.skipif(NODE_JS is None, reason="Node.js is not installed")


def run_code(
    name: str, given: Json, *, order: Json | None = None, orders: int = 1, attempt: int = 1, run: int = 0
) -> Json:
    """Execute a Code node and return its item or its error."""
    config = EXAMPLE | {"signalId": "4711"} | (order or {})
    nodes = {"Config": [config] * orders, "Build Order": [{"attempt": attempt, "key": f"n8n-4711-{attempt}"}]}
    asked = {"code": CODE[name], "input": given, "nodes": nodes, "run": run}
    done = subprocess.run(
        [str(NODE_JS), "-e", HARNESS], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=30
    )
    result: Json = json.loads(done.stdout)
    return result if "error" in result else result["items"][0]["json"]


def read_answer(status: int, code: str, *, run: int = 0, **details: Any) -> Json:
    body = {"success": False, "error": {"code": code, "message": "No.", "details": details}}
    return run_code("Read Answer", {"statusCode": status, "body": body}, run=run)


@needs_node_js
def test_the_key_is_made_of_the_signal_and_the_attempt() -> None:
    assert run_code("Build Order", {})["key"] == "n8n-4711-1"
    assert run_code("Build Order", {"attempt": 2})["key"] == "n8n-4711-2"
    assert run_code("Build Order", {}, order={"signalId": "alert-9"})["key"] == "n8n-alert-9-1"


@needs_node_js
@pytest.mark.parametrize("signal", [None, "", "two words", "x" * 60])
def test_an_order_without_a_signal_that_makes_a_key_is_not_placed(signal: str | None) -> None:
    assert "signalId" in run_code("Build Order", {}, order={"signalId": signal})["error"]


@needs_node_js
def test_of_several_orders_in_one_call_none_is_dropped_in_silence() -> None:
    assert "one order a call, not 2" in run_code("Build Order", {}, orders=2)["error"]


@needs_node_js
def test_empty_fields_are_left_out_and_the_market_decides_the_route() -> None:
    spot = run_code("Build Order", {}, order={"timeInForce": None, "price": "", "type": "MARKET"})
    futures = run_code("Build Order", {}, order={"market": "coin_m", "account": "7"})

    assert spot["path"] == "spot"
    assert spot["body"] == {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    assert (futures["path"], futures["body"]["marketType"], futures["body"]["account"]) == ("futures", "coin_m", "7")
    for market in ("margin", None):
        assert "market is spot, usd_m or coin_m" in run_code("Build Order", {}, order={"market": market})["error"]


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
def test_every_wrong_parameter_is_named() -> None:
    errors = [{"path": "price", "message": "is missing"}, {"path": "quantity", "message": "is not a number"}]
    refusal = read_answer(400, "VALIDATION_ERROR", errors=errors, count=2)["refusal"]
    assert refusal == "VALIDATION_ERROR (HTTP 400): price: is missing; quantity: is not a number"


@needs_node_js
@pytest.mark.parametrize("body", [None, "", "<html>", {}, {"code": -2010, "msg": "No."}, INTERNAL_ERROR])
def test_after_an_answer_that_leaves_it_open_the_same_request_is_sent_and_no_new_order(body: Any) -> None:
    answers = [run_code("Read Answer", {"statusCode": 504, "body": body}, attempt=2, run=run) for run in range(3)]

    assert [(answer["outcome"], answer.get("attempt")) for answer in answers[:2]] == [("again", 2)] * 2
    assert answers[2]["outcome"] == "refused"
    assert answers[2]["refusal"].endswith("The order may have been placed under the key n8n-4711-2")


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
