"""The kinds of alert, and what an operator does about each. Details may name posts, and stay out of public view."""

from __future__ import annotations

CURES = {
    "breaker_open": "n8n fails. Posts wait, and one tries now and then; look at n8n and its log.",
    "workflow_inactive": "n8n says there is no such webhook. Activate the workflow, or correct N8N_WEBHOOK_URL.",
    "publisher_refuses_us": "n8n refuses us. Check N8N_WEBHOOK_AUTH_HEADER, and switch Ignore Bots off in the webhook.",
    "message_service_unauthorized": "QStash does not take our token. Set QSTASH_TOKEN anew.",
    "message_service_quota_exceeded": "The QStash quota is used up. Posts go out by the sweep; raise the plan.",
    "message_service_beyond_horizon": "QStash refuses to wait so long. Set QSTASH_MAX_DELAY_DAYS to the plan's limit.",
    "reconnect_required": "An account must be reconnected by its owner. Its other posts are held until then.",
    "reconnect_soon": "An account's access ends within days and cannot be renewed. Its owner must reconnect it.",
    "authorization_refused": "LinkedIn refuses our app. Check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET.",
    "duplicate_publish": "A post was reported published twice, with two ids. Look for a second copy on the account.",
    "published_after_cancel": "A cancelled post is out: it was sent before it was cancelled. Tell its author.",
}

#: Subjects that name a part of the installation and not somebody's post or account.
PUBLIC_SUBJECTS = frozenset({"n8n", "qstash", "linkedin"})
