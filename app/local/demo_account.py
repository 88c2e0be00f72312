"""The social account that lets a fresh stack publish: made through the API, once per user."""

from typing import Any

from app.local.client import Client

DEMO_ACCOUNT = {
    "platform": "linkedin",
    "personUrn": "urn:li:person:local-demo",
    "accountName": "Demo account",
    "accessToken": "local-demo-token",  # the n8n stand-in asks for none in particular
}


def ensure_account(api: Client) -> str:
    """The id of the user's first LinkedIn account; makes the demo account where there is none."""
    found = _listed(api.get("/api/social-accounts"))
    ours = [account for account in found if account.get("platform") == "linkedin"]
    account = ours[0] if ours else api.post("/api/social-accounts", dict(DEMO_ACCOUNT))
    return str(account["id"])


def _listed(answer: Any) -> list[dict[str, Any]]:
    return list(answer["data"] if isinstance(answer, dict) else answer)
