"""Build the OpenAPI document from the blueprints of users' routes and from the list of all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Blueprint, Flask
from flask_smorest import Api

from app.version import VERSION
from app.web import addresses
from app.web.blueprint import ERRORS, KEYED
from app.web.spec import components, machines
from app.web.spec.client_types import adapt_schemas
from app.web.spec.examples import add_examples
from app.web.spec.responses import complete_responses

INFO: dict[str, Any] = {
    "description": "Publishes a social post at the second its author chose. Errors follow RFC 9457.",
    "license": {"name": "MIT", "identifier": "MIT"},
}
OF_FLASK_SMOREST = ("Error", "PaginationMetadata")  # schemas that no answer of ours has


def build_document(blueprints: Sequence[Blueprint]) -> dict[str, Any]:
    """Build the document in an app of its own, because flask-smorest builds it while it registers routes."""
    app = Flask("punctual_document", static_folder=None)
    addresses.prepare(app)
    app.config.update(
        API_TITLE="Punctual", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0", API_SPEC_OPTIONS={"info": INFO}
    )
    api = Api(app)
    for documented in blueprints:
        api.register_blueprint(documented)
    machines.add_operations(api.spec)
    components.add_schemas(api.spec)
    document = cast(dict[str, Any], api.spec.to_dict())
    components.replace_components(document, without=OF_FLASK_SMOREST)
    for item in document["paths"].values():
        _describe_ids(item)
        for method in (one for one in components.METHODS if one in item):
            _complete(method, item[method], document["components"]["schemas"])
    components.share_responses(document)
    adapt_schemas(document["components"]["schemas"])
    add_examples(document)
    return document


def _complete(method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Replace our marks in an operation by its responses and parameters."""
    keyed, errors = operation.pop(KEYED, False), operation.pop(ERRORS, [])
    if "requestBody" in operation:
        operation["requestBody"]["required"] = _is_required(operation["requestBody"], schemas)
    complete_responses(operation, errors, method=method, keyed=keyed)
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    parameters.append({"$ref": "#/components/parameters/RequestId"})
    if keyed:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})


def _is_required(body: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Return True if the body has a required field. Any other body may be absent, which means no field."""
    schema = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return bool(schemas[schema].get("required"))


def _describe_ids(item: dict[str, Any]) -> None:
    """Describe ids in the path as UUIDs, except those of users."""
    for parameter in item.get("parameters", []):
        if parameter["name"].endswith("_id") and parameter["name"] != "member_id":
            parameter["schema"] = {"type": "string", "format": "uuid"}
