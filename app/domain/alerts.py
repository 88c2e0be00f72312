"""The kinds of alert, and what an operator does about each. Details may name posts, and stay out of public view."""

from __future__ import annotations

from datetime import timedelta

NO_SWEEP_AFTER = timedelta(minutes=15)  # three of the cron's beats
STALE_CLAIMS, STALE_WITHIN = 5, timedelta(hours=1)  # more than so many is no bad luck any more
LATE_WITHIN, USUAL_OVER = timedelta(hours=1), timedelta(days=7)
LATE_SHARE = 0.95  # the percentile that is compared with its usual
LATE_FACTOR = 2.0  # over the usual by this much
MIN_ALERT_LATENESS_MS = 5_000.0  # below, it is nobody's trouble whatever is usual
LATE_LEAST = 5  # of fewer posts nothing can be said
TOLD_FOR = timedelta(days=7)  # what happened once, and cannot be healed, is told for so long

CURES = {
    "breaker_open": "n8n fails. Posts wait, and one tries now and then; look at n8n and its log.",
    "workflow_inactive": "n8n says there is no such webhook. Activate the workflow, or correct N8N_WEBHOOK_URL.",
    "publisher_refuses_us": "n8n refuses us. Check N8N_WEBHOOK_AUTH_HEADER, and switch Ignore Bots off in the webhook.",
    "message_service_unauthorized": "QStash does not take our token. Set QSTASH_TOKEN anew.",
    "message_service_quota_exceeded": "The QStash quota is used up. Posts go out by the sweep; raise the plan.",
    "message_service_beyond_horizon": "QStash refuses to wait so long. Set QSTASH_MAX_DELAY_DAYS to the plan's limit.",
    "no_sweep": "No sweep for 15 minutes. See that the cron calls its route, or that flask sweep --every runs.",
    "stale_claims": "Senders die or hang in mid-send, or n8n does not report back. Look at the app's and at n8n's log.",
    "lateness_unusual": "Posts go out later than they used to. Look at the app's load, the database, QStash and n8n.",
    "reconnect_required": "An account must be reconnected by its owner. Its other posts are held until then.",
    "reconnect_soon": "An account's access ends within days and cannot be renewed. Its owner must reconnect it.",
    "authorization_refused": "LinkedIn refuses our app. Check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET.",
    "duplicate_publish": "A post was reported published twice, with two ids. Look for a second copy on the account.",
    "published_after_cancel": "A cancelled post is out: it was sent before it was cancelled. Tell its author.",
}

#: Subjects that name a part of the installation and not somebody's post or account.
PUBLIC_SUBJECTS = frozenset({"n8n", "qstash", "linkedin", "scheduler"})
