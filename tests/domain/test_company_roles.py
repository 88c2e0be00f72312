"""The rights of each role, and the rules for owners and names."""

import pytest

from app.domain.companies import RIGHTS, Right, Role, leaves_no_owner, name_key, roles_with


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
