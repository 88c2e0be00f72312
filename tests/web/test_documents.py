"""The OpenAPI document and the documentation page are complete."""

import html
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from app.web.docs import DOCUMENT
from tests.web.documented import path_of, response_of
from tests.web.site import Site, json_of

CALLBACK = "/api/social-accounts/linkedin/callback"
FOR_ANYONE = (
    *(CALLBACK, "/docs", "/openapi.json", "/healthz", "/readyz", "/api/scheduler/status", "/feeds/{token}.ics"),
    *("/", "/console", "/console/{page}", "/console/assets/{name}", "/console/oidc/begin", "/console/oidc/callback"),
)
END_SESSION = ("delete", "/console/session")  # removes a cookie of any state
METHODS = ("get", "post", "patch", "delete", "put")
USER_OPERATIONS = [
    ("get", "/api/posts"),
    ("post", "/api/posts"),
    ("get", "/api/posts/{post_id}"),
    ("patch", "/api/posts/{post_id}"),
    ("delete", "/api/posts/{post_id}"),
    ("get", "/api/posts/{post_id}/timeline"),
    ("post", "/api/posts/{post_id}/schedule"),
    ("post", "/api/posts/{post_id}/unschedule"),
    ("get", "/api/posts/counts"),
    ("post", "/api/posts/{post_id}/publish"),
    ("post", "/api/posts/{post_id}/duplicate"),
    ("post", "/api/posts/{post_id}/attach"),
    ("post", "/api/posts/recover"),
    ("get", "/api/social-accounts"),
    ("post", "/api/social-accounts"),
    ("patch", "/api/social-accounts/{account_id}"),
    ("delete", "/api/social-accounts/{account_id}"),
    ("get", "/api/social-accounts/linkedin/connect"),
    ("get", "/api/companies"),
    ("post", "/api/companies"),
    ("get", "/api/companies/{company_id}"),
    ("patch", "/api/companies/{company_id}"),
    ("delete", "/api/companies/{company_id}"),
    ("get", "/api/companies/{company_id}/members"),
    ("put", "/api/companies/{company_id}/members/{member_id}"),
    ("delete", "/api/companies/{company_id}/members/{member_id}"),
    ("get", "/api/companies/{company_id}/invitations"),
    ("post", "/api/companies/{company_id}/invitations"),
    ("delete", "/api/companies/{company_id}/invitations/{invitation_id}"),
    ("get", "/api/companies/{company_id}/audit"),
    ("get", "/api/companies/{company_id}/warnings"),
    ("get", "/api/invitations"),
    ("post", "/api/invitations/{token}/accept"),
    ("get", "/api/audit"),
    ("get", "/api/keys"),
    ("post", "/api/keys"),
    ("delete", "/api/keys/{key_id}"),
    ("get", "/api/social-accounts/{account_id}/slots"),
    ("put", "/api/social-accounts/{account_id}/slots"),
    ("get", "/api/social-accounts/{account_id}/slots/next"),
    ("get", "/api/social-accounts/shared"),
    ("get", "/api/platforms"),
    ("post", "/api/media/check"),
    ("get", "/api/companies/{company_id}/clients"),
    ("post", "/api/companies/{company_id}/clients"),
    ("get", "/api/companies/{company_id}/clients/{client_id}"),
    ("patch", "/api/companies/{company_id}/clients/{client_id}"),
    ("delete", "/api/companies/{company_id}/clients/{client_id}"),
]
WITH_BODY = [
    operation
    for operation in USER_OPERATIONS
    if operation[0] in ("post", "put", "patch") and not operation[1].endswith(("unschedule", "accept", "duplicate"))
]


@pytest.fixture
def document(small_site: Site) -> Any:
    return json_of(small_site.anonymous.get("/openapi.json"))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (method, path, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item
    ]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in references(inner)]
    return [found for inner in value for found in references(inner)] if isinstance(value, list) else []


def test_the_document_is_openapi_3_1(document: Any):
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Punctual"
    assert document["info"]["version"]
    assert document["components"]["securitySchemes"]["user"]["scheme"] == "bearer"
    for method, path, operation in operations(document):
        assert all(re.fullmatch(r"[1-5]\d\d|default", status) for status in operation["responses"]), (method, path)
        assert all("description" in response or "$ref" in response for response in operation["responses"].values())
        named = set(re.findall(r"\{(\w+)\}", path))
        parameters = [*document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        assert named == {parameter["name"] for parameter in parameters if parameter.get("in") == "path"}, path
        assert operation["summary"], (method, path)


def test_every_reference_resolves(document: Any):
    found = references(document)
    assert found
    for reference in found:
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_route_is_documented_and_every_documented_one_exists(document: Any, small_site: Site):
    routes = {
        (method.lower(), path_of(rule.rule))
        for rule in small_site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_document_follows_the_specification(document: Any):
    validate(document)


def test_every_operation_has_a_readable_id_a_summary_and_a_proof_or_none(document: Any):
    ids = []
    for method, path, operation in operations(document):
        ids.append(operation["operationId"])
        assert re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)*", operation["operationId"])
        assert operation["summary"], (method, path)
        assert set().union(*operation["security"]) <= set(document["components"]["securitySchemes"])
        assert operation["security"] or path in FOR_ANYONE or (method, path) == END_SESSION, (method, path)
    assert len(ids) == len(set(ids))


def test_every_error_is_a_problem_with_its_codes(document: Any):
    for method, path, operation in operations(document):
        errors = [status for status in operation["responses"] if status >= "400"]
        assert errors or path in FOR_ANYONE, (method, path)
        for status in errors:
            response = response_of(operation, int(status), document)
            assert response is not None
            if path in ("/readyz", CALLBACK) and "x-codes" not in response:
                continue
            assert response["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
            assert response["x-codes"], (method, path, status)


def test_fields_of_answers_are_required(document: Any):
    schemas = document["components"]["schemas"]
    assert set(schemas["PostView"]["required"]) == set(schemas["PostView"]["properties"])
    assert set(schemas["Problem"]["properties"]) - set(schemas["Problem"]["required"]) == {"errors"}


@pytest.mark.parametrize(("method", "path"), USER_OPERATIONS)
def test_every_user_route_is_documented_with_security_and_answer(document: Any, method: str, path: str):
    operation = document["paths"][path][method]
    assert operation["security"] == [{"user": []}]
    good = [response for status, response in operation["responses"].items() if status.startswith("2")]
    assert len(good) == 1
    if method != "delete":
        schema = good[0]["content"]["application/json"]["schema"]
        assert schema["$ref"].startswith("#/components/schemas/")


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_every_body_is_documented_by_name(document: Any, method: str, path: str):
    schema = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["$ref"].startswith("#/components/schemas/")


def test_the_documented_post_has_the_fields_of_the_real_one(document: Any, small_site: Site):
    reference = document["paths"]["/api/posts/{post_id}"]["get"]["responses"]["200"]["content"]["application/json"]
    schema = document["components"]["schemas"][reference["schema"]["$ref"].rpartition("/")[2]]
    assert set(schema["properties"]) == set(small_site.user("alice").draft())
    assert schema["properties"]["status"]["enum"]


def test_the_documented_account_takes_tokens_and_shows_none(document: Any):
    operation = document["paths"]["/api/social-accounts"]["post"]
    schemas = document["components"]["schemas"]
    taken = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    shown = operation["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert "accessToken" in schemas[taken]["properties"]
    assert not {"accessToken", "refreshToken"} & set(schemas[shown]["properties"])


def test_docs_page_names_every_operation(document: Any, small_site: Site):
    answer = small_site.anonymous.get("/docs")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    page = html.unescape(answer.get_data(as_text=True))
    assert "<script" not in page
    for method, path, operation in operations(document):
        assert f"<b>{method.upper()}</b> {path}" in page
        assert operation["summary"].split(";")[0] in page


def test_document_is_built_once_on_first_use(small_site: Site):
    made = small_site.app.extensions[DOCUMENT]
    assert "content" not in vars(made)
    first = json_of(small_site.anonymous.get("/openapi.json"))
    content = made.content
    assert json_of(small_site.anonymous.get("/openapi.json")) == first
    assert made.content is content


def test_no_field_has_a_default_that_typed_clients_would_require(document: Any):
    schemas = document["components"]["schemas"]
    assert not [name for name, schema in schemas.items() for f in schema["properties"].values() if "default" in f]
    assert schemas["ScheduleRequest"]["properties"]["force"]["description"] == "Default: false."


def test_ids_of_answers_have_the_format_that_paths_take(document: Any):
    schemas = document["components"]["schemas"]
    for schema, field in (
        ("PostView", "id"),
        ("PostView", "companyId"),
        ("ScheduleAnswer", "postId"),
        ("JobView", "id"),
    ):
        assert schemas[schema]["properties"][field]["format"] == "uuid", (schema, field)
    assert "format" not in schemas["AuditView"]["properties"]["id"]
