"""The rights of each role, and the rules for owners and names."""

import pytest

from app.domain.audit import harmless_cell
from app.domain.companies import RIGHTS, Right, Role, is_page, leaves_no_owner, may_grant, name_key, roles_with


def test_rights_of_each_role():
    assert {
        Role.OWNER: {Right.READ, Right.WRITE, Right.GOVERN},
        Role.EDITOR: {Right.READ, Right.WRITE},
        Role.VIEWER: {Right.READ},
    } == RIGHTS


def test_roles_with_lists_every_role_with_the_right():
    assert roles_with(Right.READ) == [Role.OWNER, Role.EDITOR, Role.VIEWER]
    assert roles_with(Right.WRITE) == [Role.OWNER, Role.EDITOR]
    assert roles_with(Right.GOVERN) == [Role.OWNER]


@pytest.mark.parametrize(
    ("current", "wanted", "owners", "expected"),
    [
        (Role.OWNER, Role.EDITOR, 1, True),
        (Role.OWNER, Role.VIEWER, 1, True),
        (Role.OWNER, None, 1, True),
        (Role.OWNER, Role.OWNER, 1, False),
        (Role.OWNER, Role.EDITOR, 2, False),
        (Role.OWNER, None, 2, False),
        (Role.EDITOR, None, 1, False),
        (Role.VIEWER, Role.EDITOR, 1, False),
        (None, Role.EDITOR, 1, False),
    ],
)
def test_leaves_no_owner_only_for_the_last_owner(
    current: Role | None, wanted: Role | None, owners: int, expected: bool
):
    assert leaves_no_owner(current, wanted, owners) is expected


@pytest.mark.parametrize(("one", "other"), [("ACME", "acme"), ("Straße", "STRASSE"), ("Café", "Cafe\u0301")])
def test_equal_looking_names_share_a_key(one: str, other: str):
    assert name_key(one) == name_key(other)


def test_different_names_have_different_keys():
    assert len({name_key(name) for name in ("Acme", "Acne", "Acme 2", "Café", "Cafe")}) == 5


@pytest.mark.parametrize(
    ("own", "may"), [(Role.OWNER, set(Role)), (Role.EDITOR, {Role.EDITOR, Role.VIEWER}), (Role.VIEWER, {Role.VIEWER})]
)
def test_role_with_more_rights_than_the_own_is_not_granted(own: Role, may: set[Role]):
    assert {role for role in Role if may_grant(own, role)} == may


@pytest.mark.parametrize(
    ("platform", "external_id", "page"),
    [
        ("linkedin", "urn:li:person:1", False),
        ("linkedin", "urn:li:organization:1", True),
        ("linkedin", "urn:li:organizationBrand:1", True),
        ("facebook", "1", True),
        ("instagram", "1", False),
    ],
)
def test_page_is_told_from_a_profile(platform: str, external_id: str, page: bool):
    assert is_page(platform, external_id) == page


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formula_in_a_csv_cell_is_made_harmless(cell: str):
    assert harmless_cell(cell) == f"'{cell}"
    assert harmless_cell(f"x{cell}") == f"x{cell}"
