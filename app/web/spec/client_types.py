"""Describe fields so that generators of typed clients get the types that a caller needs."""

from __future__ import annotations

from typing import Any

UUIDS = ("id", "postId", "socialAccountId", "companyId", "clientId", "endpointId")
NUMBERED = ("AuditView",)  # schemas whose `id` is no UUID


def adapt_schemas(schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            _describe_default(described)
            if field in UUIDS and "string" in described.get("type", ()) and not (field == "id" and name in NUMBERED):
                described.setdefault("format", "uuid")


def _describe_default(field: dict[str, Any]) -> None:
    """Tell the default in words: openapi-typescript takes a field with a default for one that every body has."""
    default = field.pop("default", None)
    if default is not None:
        text = str(default).lower() if isinstance(default, bool) else default
        field["description"] = f"{field.get('description', '')} Default: {text}.".strip()
