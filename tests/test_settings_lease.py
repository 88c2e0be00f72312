"""The lease and n8n's timeout must end within LinkedIn's duplicate guard."""

import pytest

from tests.test_settings import problems, read


@pytest.mark.parametrize(
    "values",
    [
        {"PUBLISH_LEASE_SECONDS": "600"},
        {"PUBLISH_LEASE_SECONDS": "510"},
        {"N8N_TIMEOUT_SECONDS": "60"},
        {"PUBLISH_LEASE_SECONDS": "60", "N8N_TIMEOUT_SECONDS": "481"},
    ],
    ids=str,
)
def test_lease_with_n8n_timeout_must_end_within_the_duplicate_guard(values: dict[str, str]):
    assert any(text.startswith("PUBLISH_LEASE_SECONDS") for text in problems(values))
    for policy in ("hold", "retry"):  # neither relies on the guard
        read({**values, "UNKNOWN_OUTCOME_POLICY": policy, "PUBLISH_LEASE_SECONDS": "1000"})


def test_longest_lease_within_the_duplicate_guard_is_accepted():
    assert read({"PUBLISH_LEASE_SECONDS": "509.9"}).publish_lease_seconds == 509.9
