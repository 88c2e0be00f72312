"""The importable workflows of docs/n8n: valid, connected, without secrets, and true to what Punctual sends."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.adapters.n8n import payload
from app.domain.ports import Submission
from app.web.schemas import ClaimRequest, PublishReport

FOLDER = Path(__file__).parent.parent / "docs" / "n8n"
PUBLISHERS = ("linkedin", "facebook", "instagram")
NAMES = (*PUBLISHERS, "router", "failure-notice")
PUBLIC_HOSTS = {"api.linkedin.com", "graph.facebook.com", "graph.instagram.com", "chat.example.com"}
TRIGGERS = ("webhook", "executeWorkflowTrigger")
Node = dict[str, Any]


class Workflow:
    def __init__(self, name: str) -> None:
        self.text = (FOLDER / f"{name}.json").read_text()
        self.data = json.loads(self.text)
        self.nodes: dict[str, Node] = {node["name"]: node for node in self.data["nodes"]}

    def targets(self, name: str) -> list[str]:
        outputs = self.data["connections"].get(name, {}).get("main", [])
        return [link["node"] for output in outputs for link in output]

    def kind(self, name: str) -> str:
        return str(self.nodes[name]["type"]).removeprefix("n8n-nodes-base.")

    def http(self) -> list[Node]:
        return [node for node in self.nodes.values() if self.kind(node["name"]) == "httpRequest"]

    def expressions(self) -> Iterator[str]:
        yield from (text for text in texts(self.data["nodes"]) if text.startswith("=") or "$(" in text)

    def reached_from(self, start: str, *, without: str = "") -> set[str]:
        """The nodes that an execution can reach from `start`, not passing `without`."""
        found, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            if name not in found and name != without:
                found.add(name)
                waiting += self.targets(name)
        return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


def sent_fields() -> set[str]:
    submission = Submission("", "", "", "", "", None, "", "", (), datetime.now(UTC), 1, "", None, None)
    return set(payload(submission))


def keys_of(expression: str) -> set[str]:
    """The names at the first level of a JSON body in an expression."""
    return set(re.findall(r"^  (\w+):", expression, re.MULTILINE))


def names_of(schema: Any) -> set[str]:
    return {field.data_key or name for name, field in schema().fields.items()}


@pytest.fixture(params=NAMES)
def workflow(request):
    return Workflow(request.param)


@pytest.fixture(params=PUBLISHERS)
def publisher(request):
    return Workflow(request.param)


def test_every_file_of_the_folder_is_tested_and_described():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)
    readme = (FOLDER / "README.md").read_text()
    assert all(f"`{name}.json`" in readme for name in NAMES)


def test_every_node_is_connected_and_every_connection_has_its_nodes(workflow):
    names = set(workflow.nodes)
    assert len(names) == len(workflow.data["nodes"])
    assert set(workflow.data["connections"]) <= names
    starts = [name for name in names if workflow.kind(name) in TRIGGERS]
    reached = set().union(*(workflow.reached_from(start) for start in starts))
    assert "Punctual" in starts
    assert names - {"Note"} == reached


def test_every_switch_has_a_connection_for_each_output(workflow):
    for name, node in workflow.nodes.items():
        if workflow.kind(name) == "switch":
            outputs = workflow.data["connections"][name]["main"]
            assert len(outputs) == len(node["parameters"]["rules"]["values"]) + 1, name
            assert all(outputs), name


def test_expressions_name_nodes_of_the_same_workflow(workflow):
    named = set(re.findall(r"\$\('([^']*)'\)", "\n".join(workflow.expressions())))
    assert named <= set(workflow.nodes)


def test_no_workflow_holds_credentials_or_data_of_an_installation(workflow):
    assert not any("credentials" in node for node in workflow.nodes.values())
    assert not {"pinData", "meta", "staticData", "shared", "versionId"} & set(workflow.data)
    assert workflow.data["active"] is False
    assert set(re.findall(r"https?://([^/`\\\"]+)", workflow.text)) <= PUBLIC_HOSTS


def test_addresses_of_platforms_are_in_the_settings_node_alone(workflow):
    others = [node for name, node in workflow.nodes.items() if name not in ("Settings", "Note")]
    assert not [text for text in texts(others) if re.search(r"https?://", text)]


def test_no_ended_execution_is_kept_because_it_holds_the_token(workflow):
    settings = workflow.data["settings"]
    assert settings["saveDataSuccessExecution"] == settings["saveDataErrorExecution"] == "none"
    assert settings["saveManualExecutions"] is False
    assert 0 < settings["executionTimeout"] < 480  # the lease


def test_webhooks_that_publish_refuse_callers_without_the_header():
    for name in (*PUBLISHERS, "router"):
        parameters = Workflow(name).nodes["Punctual"]["parameters"]
        assert (parameters["authentication"], parameters["httpMethod"]) == ("headerAuth", "POST")
        assert "ignoreBots" not in parameters["options"]


def test_workflows_read_fields_that_punctual_sends(publisher):
    expressions = "\n".join(publisher.expressions())
    read = set(re.findall(r"\$\('Post'\)\.first\(\)\.json\.(\w+)|\bpost\.(\w+)", expressions))
    assert {one or other for one, other in read} <= sent_fields()
    assert {"claimUrl", "callbackUrl", "accessToken", "personUrn", "content", "media", "imageUrl"} <= {
        one or other for one, other in read
    }


def test_claim_comes_before_the_one_call_that_publishes(publisher):
    before = publisher.reached_from("Punctual", without="Claim")
    assert publisher.nodes["Claim"]["parameters"]["url"] == "={{ $('Post').first().json.claimUrl }}"
    assert keys_of(publisher.nodes["Claim"]["parameters"]["jsonBody"]) == names_of(ClaimRequest)
    assert "Publish" not in before
    assert "Report published" not in before


def test_execution_stops_at_409_and_publishes_at_200_alone(publisher):
    rules = publisher.nodes["Granted?"]["parameters"]["rules"]["values"]
    conditions = [rule["conditions"]["conditions"][0]["leftValue"] for rule in rules]
    assert conditions == ["={{ $json.statusCode === 200 }}", "={{ $json.statusCode === 409 }}"]
    granted, claimed_before, no_answer = publisher.data["connections"]["Granted?"]["main"]
    assert "Publish" in publisher.reached_from(granted[0]["node"])
    assert publisher.reached_from(claimed_before[0]["node"]) == {"Claimed before"}
    assert publisher.reached_from(no_answer[0]["node"]) == {"No claim", "Report failure"}


def test_publishing_call_is_not_repeated_by_n8n(publisher):
    assert "retryOnFail" not in publisher.nodes["Publish"]
    assert publisher.targets("Publish") == ["Result"]


@pytest.mark.parametrize("name", [*PUBLISHERS, "router"])
def test_reports_have_the_fields_of_the_contract_and_are_repeated(name):
    reports = [node for node in Workflow(name).http() if node["name"].startswith("Report")]
    assert reports
    for node in reports:
        keys = keys_of(node["parameters"]["jsonBody"])
        assert node["parameters"]["url"] == "={{ $('Post').first().json.callbackUrl }}"
        assert {"postId", "attempt", "status"} < keys <= names_of(PublishReport)
        assert node["retryOnFail"] is True


def test_failure_report_has_all_that_decides_about_a_retry(publisher):
    keys = keys_of(publisher.nodes["Report failure"]["parameters"]["jsonBody"])
    assert {"httpStatus", "errorCode", "errorMessage", "retryable"} < keys


def test_calls_follow_no_redirect_and_have_a_bound(workflow):
    for node in workflow.http():
        options = node["parameters"]["options"]
        assert options["redirect"] == {"redirect": {"followRedirects": False}}, node["name"]
        assert 0 < options["timeout"] <= 120_000, node["name"]


def test_router_knows_the_three_workflows_by_their_ids():
    router = Workflow("router")
    called = {n["parameters"]["workflowId"]["value"] for n in router.nodes.values() if "workflowId" in n["parameters"]}
    assert called == {Workflow(name).data["id"] for name in PUBLISHERS}


def test_notice_is_sent_for_a_verified_event_alone():
    notice = Workflow("failure-notice")
    assert notice.nodes["Punctual"]["parameters"]["options"] == {"rawBody": True}
    assert notice.reached_from("Punctual", without="Verify") == {"Punctual", "Settings"}
    genuine, other, forged = notice.data["connections"]["Genuine?"]["main"]
    assert notice.reached_from(forged[0]["node"]) == {"Answer 401"}
    assert notice.reached_from(other[0]["node"]) == {"Answer 204"}
    assert {"Send to chat", "Send mail", "Answer 204"} <= notice.reached_from(genuine[0]["node"])
    code = notice.nodes["Verify"]["parameters"]["jsCode"]
    assert all(header in code for header in ("webhook-id", "webhook-timestamp", "webhook-signature"))
