"""The demo social account: created through the API, once per user, so that a fresh stack can publish."""

from typing import Any

from app.local.client import Client

DEMO_ACCOUNT = {
    "platform": "linkedin",
    "personUrn": "urn:li:person:local-demo",
    "accountName": "Demo account",
    "accessToken": "local-demo-token",  # the n8n stand-in accepts any token
}


def ensure_account(api: Client) -> str:
    """Return the id of the user's first LinkedIn account.

    Creates the demo account if the user has no LinkedIn account.
    """
    found = _listed(api.get("/api/social-accounts"))
    ours = [account for account in found if account.get("platform") == "linkedin"]
    account = ours[0] if ours else api.post("/api/social-accounts", dict(DEMO_ACCOUNT))
    return str(account["id"])


def _listed(answer: Any) -> list[dict[str, Any]]:
    return list(answer["data"] if isinstance(answer, dict) else answer)
