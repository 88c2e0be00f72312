"""Instants in fields and queries: one reader, bounds at both ends, and the same errors everywhere."""

import base64
import json
from typing import Any

import pytest

from tests.web.site import Site, User, json_of, refused
from tests.web.test_accounts import BODY

POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
BOUNDS = ["1970-01-01T00:00:00Z", "2999-12-31T23:59:59.999999999Z", "1970-01-01T14:00:00%2B14:00"]
WRONG = [
    ("0001-01-01T00:00:00Z", "time_out_of_range"),
    ("0001-01-01T00:00:00%2B14:00", "invalid_time"),
    ("1969-12-31T23:59:59Z", "time_out_of_range"),
    ("3000-01-01T00:00:00Z", "time_out_of_range"),
    ("9999-12-31T23:59:59Z", "time_out_of_range"),
    ("9999-12-31T23:59:59-14:00", "invalid_time"),
    ("2026-02-30T00:00:00Z", "invalid_time"),
    ("2026-12-01T24:61:00Z", "invalid_time"),
    ("2026-12-01T00:00:00", "timezone_required"),
    ("2026-12-01T00:00:00 01:00", "invalid_time"),
]


def asked(user: User, field: str, text: str) -> Any:
    """Send the text as a field of an account or as a parameter of the list of posts."""
    if field == "expiresAt":
        return user.post("/api/social-accounts", json=BODY | {"expiresAt": text.replace("%2B", "+")})
    return user.get(f"/api/posts?{field}={text}")


@pytest.mark.parametrize("field", ["expiresAt", "from", "to"])
def test_instants_at_the_bounds_are_accepted(site: Site, alice: User, field: str):
    for text in BOUNDS:
        assert asked(alice, field, text).status_code in (200, 201), text


@pytest.mark.parametrize("field", ["expiresAt", "from", "to"])
@pytest.mark.parametrize(("text", "code"), WRONG)
def test_wrong_instant_is_refused_with_its_field_and_reason(small_site: Site, field: str, text: str, code: str):
    problem = refused(asked(small_site.user("alice"), field, text), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    if code == "time_out_of_range":
        assert "1970-01-01T00:00:00.000Z to 2999-12-31T23:59:59.999Z" in problem["detail"]


def test_fraction_of_any_length_is_cut_to_microseconds(site: Site, alice: User):
    account = json_of(asked(alice, "expiresAt", "2027-01-01T00:00:00.123456789Z"), 201)
    assert account["expiresAt"] == "2027-01-01T00:00:00.123Z"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "2026-12-01T00:00:00"])
def test_forged_cursor_with_an_instant_out_of_range_is_refused(site: Site, alice: User, at: str):
    cursor = base64.urlsafe_b64encode(json.dumps([at, POST_ID]).encode()).decode().rstrip("=")
    for path in ("/api/posts", "/api/social-accounts", "/api/companies"):
        refused(alice.get(f"{path}?cursor={cursor}"), 422, "invalid_cursor")
