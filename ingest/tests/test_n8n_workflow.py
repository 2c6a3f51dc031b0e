"""The n8n workflow file: its structure, and what its Code nodes do with Binance's answers."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ingest.n8n.sync import WORKFLOW_FILE

Json = dict[str, Any]

DATA = Path(__file__).with_name("data")
LEAD_ID = "4681698170884314113"
FALLBACK = '={{ $env.N8N_BACKEND_BASE_URL || "https://set-N8N_BACKEND_BASE_URL.invalid" }}'
PUSH = "Push to CopyTrade"

WORKFLOW: Json = json.loads(WORKFLOW_FILE.read_text(encoding="utf-8"))
NODES: dict[str, Json] = {node["name"]: node for node in WORKFLOW["nodes"]}
# Every text of every node, at any depth; the note is for people.
TEXTS = json.dumps([node for node in WORKFLOW["nodes"] if not node["type"].endswith(".stickyNote")])


def targets(source: str, output: int = 0) -> list[str]:
    """Return the names of the nodes that an output leads to."""
    outputs = WORKFLOW["connections"][source]["main"]
    return [target["node"] for target in outputs[output]] if output < len(outputs) else []


def sample(name: str) -> Json:
    """Return one of Binance's recorded answers."""
    answer: Json = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return answer


# The file as a whole ---------------------------------------------------------


def test_it_can_be_imported() -> None:
    assert 0 < len(WORKFLOW["id"]) <= 16
    assert WORKFLOW["name"]
    assert WORKFLOW["active"] is False
    assert WORKFLOW["settings"]["executionOrder"] == "v1"
    assert WORKFLOW["settings"]["timezone"] == "UTC"


def test_its_formatting_is_the_one_that_the_sync_command_writes() -> None:
    assert WORKFLOW_FILE.read_text(encoding="utf-8") == json.dumps(WORKFLOW, indent=2, ensure_ascii=False) + "\n"


def test_node_names_and_ids_are_unique() -> None:
    assert len(NODES) == len(WORKFLOW["nodes"])
    assert len({node["id"] for node in WORKFLOW["nodes"]}) == len(WORKFLOW["nodes"])


def test_connections_and_references_name_nodes_that_exist() -> None:
    for source, connection in WORKFLOW["connections"].items():
        assert source in NODES
        assert {target["node"] for output in connection["main"] for target in output} <= NODES.keys()
    # The Code node reaches its sources through variables too; those names are in quotes as well.
    assert set(re.findall(r"\$\('([^']+)'\)", TEXTS)) <= NODES.keys()
    assert set(re.findall(r"(?:dataOf|listOf)\('([^']+)'", TEXTS)) <= NODES.keys()


def test_it_runs_by_schedule_and_by_hand() -> None:
    for kind in ("scheduleTrigger", "manualTrigger"):
        (trigger,) = (node for node in WORKFLOW["nodes"] if node["type"] == f"n8n-nodes-base.{kind}")
        assert targets(trigger["name"]) == ["Config"]


def test_the_environment_is_asked_for_the_backend_address_only_and_fails_fast_without() -> None:
    fields = {row["name"]: row["value"] for row in NODES["Config"]["parameters"]["assignments"]["assignments"]}
    assert set(re.findall(r"\$env\.(\w+)", TEXTS)) <= {"N8N_BACKEND_BASE_URL"}
    assert fields["backendBaseUrl"] == FALLBACK


def test_it_holds_no_key() -> None:
    assert "X-API-Key" not in TEXTS
    assert NODES[PUSH]["parameters"]["genericAuthType"] == "httpHeaderAuth"
    assert NODES[PUSH]["credentials"]["httpHeaderAuth"].keys() == {"id", "name"}


# Nothing is lost silently ----------------------------------------------------


def test_the_push_fails_loudly_and_tries_again() -> None:
    push = NODES[PUSH]
    assert (push["retryOnFail"], push["maxTries"], push["waitBetweenTries"]) == (True, 5, 5000)
    assert "neverError" not in TEXTS
    assert push["parameters"]["url"].endswith("/ingest/binance-copytrade")
    assert NODES["Next Lead"]["parameters"]["batchSize"] == 1


def test_every_step_that_can_fail_leads_to_the_failure_lane() -> None:
    steps = [node["name"] for node in WORKFLOW["nodes"] if node.get("onError") == "continueErrorOutput"]
    assert set(steps) == {"Fetch Detail", "Fetch Orders", "Fetch Positions", "Build Report", PUSH}
    assert all(targets(step, output=1) == ["Failed"] for step in steps)


def test_a_run_with_failures_ends_as_failed() -> None:
    assert targets("Failed") == ["Pause"]
    assert targets("Pause") == ["Next Lead"]
    assert targets("Next Lead", output=0) == ["Only Failures"]
    assert targets("Only Failures") == ["Fail the Run"]
    assert NODES["Fail the Run"]["type"] == "n8n-nodes-base.stopAndError"


# The Code nodes, executed ----------------------------------------------------

# What n8n gives a Code node, as far as ours use it. The code comes in as text and never as a file.
HARNESS = """
const { code, input, nodes } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const first = (json) => ({ first: () => ({ json }) });
const run = new Function('$', '$input', code);
try {
  console.log(JSON.stringify({ items: run((name) => first(nodes[name]), first(input)) }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
"""
NODE_JS = shutil.which("node")
needs_node_js = pytest.mark.skipif(NODE_JS is None, reason="Node.js is not installed")


def run_code(name: str, *, given: Json | None = None, nodes: dict[str, Json] | None = None) -> Json:
    """Execute a Code node and return its items or its error."""
    code = NODES[name]["parameters"]["jsCode"]
    done = subprocess.run(
        [str(NODE_JS), "-e", HARNESS],
        input=json.dumps({"code": code, "input": given, "nodes": nodes}),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    result: Json = json.loads(done.stdout)
    return result


def build_report(**answers: Json) -> Json:
    """Execute Build Report on the recorded answers, some of them replaced."""
    nodes: dict[str, Json] = {
        "Config": {"timeRange": "30D"},
        "Lead": {"leadId": LEAD_ID, "startTime": 1767720070788, "endTime": 1770312070788},
        "Fetch Detail": answers.get("detail", sample("binance_detail")),
        "Fetch Orders": answers.get("orders", sample("binance_orders")),
        "Fetch Positions": answers.get("positions", sample("binance_positions")),
    }
    return run_code("Build Report", nodes=nodes)


def detail_with(**fields: Any) -> Json:
    """Return the recorded detail with some fields replaced."""
    answer = sample("binance_detail")
    return answer | {"data": answer["data"] | fields}


@needs_node_js
def test_lead_ids_stay_text_and_are_taken_once() -> None:
    result = run_code("List Leads", given={"leadIds": f" {LEAD_ID}, 4408641296780988672,{LEAD_ID},"})
    assert result["items"] == [{"json": {"leadId": LEAD_ID}}, {"json": {"leadId": "4408641296780988672"}}]


@needs_node_js
@pytest.mark.parametrize("lead_ids", ["", " , ", "4.68e18", f"{LEAD_ID};123", "https://example.com"])
def test_wrong_lead_ids_fail_the_run(lead_ids: str) -> None:
    assert "leadIds" in run_code("List Leads", given={"leadIds": lead_ids})["error"]


@needs_node_js
def test_three_good_answers_become_one_raw_report() -> None:
    (item,) = build_report()["items"]
    report = item["json"]
    assert report["leadId"] == LEAD_ID
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", report["fetchedAt"])
    assert report["portfolioDetail"] == sample("binance_detail")["data"]
    orders = sample("binance_orders")["data"]
    assert report["orderHistory"] == {"total": orders["total"], "allOrders": orders["list"]}


@needs_node_js
def test_the_report_has_the_form_of_a_recorded_scrape() -> None:
    (item,) = build_report()["items"]
    assert item["json"].keys() <= sample("scrape_combined").keys()


@needs_node_js
def test_rows_without_an_amount_are_dropped() -> None:
    (item,) = build_report()["items"]
    assert [row["id"] for row in item["json"]["activePositions"]] == ["0_HYPEUSDT_LONG", "0_BTCUSDT_SHORT"]


@needs_node_js
def test_a_lead_without_positions_is_reported_flat() -> None:
    (item,) = build_report(positions=sample("binance_positions") | {"data": []})["items"]
    assert item["json"]["activePositions"] == []


@needs_node_js
def test_hidden_positions_are_left_out_instead_of_reported_flat() -> None:
    (item,) = build_report(detail=detail_with(positionShow=False), positions=sample("binance_error"))["items"]
    assert "activePositions" not in item["json"]
    assert item["json"]["orderHistory"]["allOrders"]


@needs_node_js
@pytest.mark.parametrize("answer", ["detail", "orders", "positions"])
@pytest.mark.parametrize(
    "broken",
    [
        sample("binance_error"),
        {"code": "000000", "success": False, "data": []},
        {"code": "000000", "success": True, "data": None},
        {},
    ],
)
def test_anything_but_three_good_answers_is_an_error_and_no_report(answer: str, broken: Json) -> None:
    result = build_report(**{answer: broken})
    assert "items" not in result
    assert f"Fetch {answer.title()}" in result["error"]


@needs_node_js
@pytest.mark.parametrize(("answer", "previous"), [("orders", "detail"), ("positions", "orders")])
def test_the_answer_of_the_node_before_is_an_error(answer: str, previous: str) -> None:
    """n8n hands that on where a fetch breaks on an empty body."""
    result = build_report(**{answer: sample(f"binance_{previous}")})
    assert f"Fetch {answer.title()}" in result["error"]


@needs_node_js
@pytest.mark.parametrize("fields", [{"leadPortfolioId": "1"}, {"positionShow": None}])
def test_the_detail_of_another_lead_or_form_is_an_error(fields: Json) -> None:
    assert "Fetch Detail" in build_report(detail=detail_with(**fields))["error"]
