"""Examples of the main requests and answers, by the name of their schema."""

from __future__ import annotations

from typing import Any

POST_ID, ACCOUNT_ID = "7f0c2f63-6f44-4f5c-9d0e-0d6b7f3b1c55", "b0f7c1de-9a4d-4b43-8a0c-6f0a6a6d7a10"
AT, LOCAL = "2026-12-01T08:00:00.000Z", "2026-12-01T09:00:00"
EXAMPLES: dict[str, Any] = {
    "PostCreate": {"content": "We ship on Tuesday.", "platform": "linkedin", "socialAccountId": ACCOUNT_ID},
    "PostEdit": {"content": "We ship on Wednesday."},
    "ScheduleRequest": {"scheduledAt": LOCAL, "timeZone": "Europe/Berlin"},
    "ScheduleAnswer": {
        "status": "scheduled",
        "postId": POST_ID,
        "scheduledAt": AT,
        "timeZone": "Europe/Berlin",
        "localTime": LOCAL,
        "messageId": "msg_26hZCxZCuWyyTWPmSVBrNB882AHrzoZHZ",
        "armed": True,
        "warnings": [],
    },
    "UnscheduleAnswer": {"status": "unscheduled", "postId": POST_ID},
    "AttachRequest": {"externalPostId": "urn:li:share:7399"},
    "RecoverRequest": {"postId": POST_ID, "action": "retry"},
    "AccountCreate": {
        "platform": "linkedin",
        "personUrn": "urn:li:person:8xTb3Q",
        "accountName": "Ada Lovelace",
        "accessToken": "the-token-of-the-platform",
    },
    "NameBody": {"name": "Analytical Engines Ltd"},
    "MemberBody": {"role": "editor"},
    "InvitationBody": {"role": "editor", "email": "ada@example.com"},
    "Delivery": {"postId": POST_ID, "userId": "auth0|ada", "generation": 1},
    "DeliveryAnswer": {"status": "dispatched"},
    "PublishReport": {"postId": POST_ID, "status": "published", "linkedinPostUrn": "urn:li:share:7399", "attempt": 1},
    "ReportAnswer": {"received": True, "applied": True, "status": "published"},
    "ClaimRequest": {"postId": POST_ID, "attempt": 1},
    "Problem": {
        "type": "about:blank",
        "title": "Invalid",
        "status": 422,
        "detail": "scheduledAt: Name the time zone.",
        "code": "timezone_required",
        "errors": [{"field": "scheduledAt", "code": "timezone_required", "message": "Name the time zone."}],
    },
}


def add_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
