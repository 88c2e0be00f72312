"""The kinds of alert, their thresholds and their cures.

Invariant: an alert's detail may name a post, so the public status page never shows it.
"""

from __future__ import annotations

from datetime import timedelta

NO_SWEEP_AFTER = timedelta(minutes=15)  # three periods of the cron
TOLERATED_STALE_CLAIMS = 5  # within the window below. More of them are not chance.
STALE_CLAIM_WINDOW = timedelta(hours=1)
MIN_MISSING_REPORTS = 10  # posts accepted by n8n and not reported. Fewer can be the executions of one restart.
MISSING_REPORTS_WINDOW = timedelta(hours=1)
LATENESS_WINDOW, LATENESS_BASELINE = timedelta(hours=1), timedelta(days=7)
LATENESS_PERCENTILE = 0.95  # compared with the same percentile of the baseline
LATENESS_FACTOR = 2.0  # alert above this multiple of the baseline
MIN_ALERT_LATENESS_MS = 5_000.0  # no alert below this, however low the baseline
MIN_LATENESS_SAMPLES = 5  # posts. Fewer say nothing about lateness.
MAX_CLOCK_SKEW = timedelta(seconds=10)  # between the host's clock and the database's. No sweep runs from there on.
EVENT_ALERT_LIFETIME = timedelta(days=7)  # for events that cannot be undone, such as a duplicate publish

SWEPT_WINDOW, TOLERATED_SWEPT = timedelta(hours=1), 2  # posts sent by the sweep, because no message had arrived
LONG_OVERDUE = timedelta(minutes=10)  # two periods of the cron: the sweep had its chance
REFUSAL_ALERT_PERIOD = timedelta(minutes=1)  # one database write for any number of refused calls

REFUSAL_ALERT_LIFETIME = timedelta(days=1)  # without an accepted call. A stranger may have made the only calls.

REPORTS_REFUSED, CRON_REFUSED, DELIVERIES_REFUSED = "reports_refused", "cron_refused", "deliveries_refused"
REFUSED = frozenset({REPORTS_REFUSED, CRON_REFUSED, DELIVERIES_REFUSED})

OVERLOADED = "n8n_overloaded"
OVERLOADED_AFTER = timedelta(seconds=1)  # of deliveries that wait for room in flight
OVERLOADED_RENEWED = timedelta(seconds=5)
OVERLOADED_LASTS = timedelta(seconds=30)  # without a renewal: the process has ended

SENDING_PAUSED = "sending_paused"

CURES = {
    "sending_paused": "An operator has paused all sending. Due posts wait. To send them: flask resume.",
    "breaker_open": "n8n fails. Posts wait, and one post tries from time to time. Look at n8n and its log.",
    "n8n_overloaded": "n8n takes fewer posts a second than fall due. Give n8n more workers, or spread the posts.",
    "workflow_inactive": "n8n does not know the webhook. Activate the workflow, or correct N8N_WEBHOOK_URL.",
    "publisher_refuses_us": "n8n refuses us. Check N8N_WEBHOOK_AUTH_HEADER, and switch Ignore Bots off in the webhook.",
    "publisher_address_wrong": "n8n's host name or certificate is wrong. Check N8N_WEBHOOK_URL and DNS. Posts wait.",
    "message_service_unreachable": "QStash cannot be reached. Check QSTASH_URL and the network. The sweep sends posts.",
    "message_service_unauthorized": "QStash refuses our token. Set QSTASH_TOKEN to a valid one.",
    "message_service_quota_exceeded": "The QStash quota is used up. The sweep sends the posts. Raise the plan.",
    "message_service_beyond_horizon": "QStash refuses so long a delay. Set QSTASH_MAX_DELAY_DAYS to the plan's limit.",
    "publisher_not_configured": "No post can be sent. Set N8N_WEBHOOK_URL. The posts wait until then.",
    "tokens_unreadable": "A token cannot be decrypted. Add its key to TOKEN_ENCRYPTION_KEYS again. The posts wait.",
    "no_sweep": "No sweep for 15 minutes. Check that the cron calls its route, or that flask sweep --every runs.",
    "posts_overdue": "Posts are more than 10 minutes overdue. Check that the sweep runs, and look at the app's log.",
    "deliveries_missing": "QStash's messages do not arrive. Check PUBLIC_BASE_URL and QStash's log. The sweep sends.",
    "deliveries_refused": "A delivery was refused. Compare PUBLIC_BASE_URL, signing keys and INTERNAL_API_SECRET.",
    "reports_refused": "A report without a proof was refused. Give n8n N8N_CALLBACK_SECRET or let it call callbackUrl.",
    "cron_refused": "A call of the cron was refused. Give it the value of CRON_SECRET or run flask cron install again.",
    "stale_claims": "Senders stop or hang during a send, or n8n does not report back. Look at the app's log and n8n's.",
    "reports_missing": "No report of n8n arrives. Check callbackUrl, N8N_CALLBACK_SECRET and PUBLIC_BASE_URL.",
    "clock_skew": "A host's clock is 10 s or more off the database's. Let NTP set both. No sweep runs until then.",
    "lateness_unusual": "Posts go out later than usual. Look at the app's load, the database, QStash and n8n.",
    "reconnect_required": "An account must be reconnected by its owner. Its other posts are held until then.",
    "member_left": "A member left a company, so posts through their profile are held. An owner decides about them.",
    "reconnect_soon": "An account's access ends within days and cannot be renewed. Its owner must reconnect it.",
    "authorization_refused": "LinkedIn refuses our app. Check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET.",
    "database_went_back": "The database went back in time. Posts in doubt are held. Run flask after-restore.",
    "webhook_disabled": "A webhook endpoint failed too often and is switched off. Its owner can switch it on again.",
    "duplicate_publish": "A post was reported published twice, with two ids. Look for a second copy on the account.",
    "published_after_cancel": "A cancelled post was published. It was sent before the cancellation. Inform its author.",
}

#: Kinds about one account or post of a user. They are shown as one alert each, after the operator's own.
PER_OBJECT = ("reconnect_required", "reconnect_soon", "webhook_disabled", "duplicate_publish", "published_after_cancel")
MAX_COUNTED, EXAMPLES = 1_000, 3  # of one such kind

#: Kinds whose stored detail names no post and no user, so the status page shows it.
PUBLIC_DETAILS = frozenset({OVERLOADED})

#: Subjects that name a part of the installation, not a post or account of a user.
PUBLIC_SUBJECTS = frozenset({"n8n", "qstash", "linkedin", "scheduler", "TOKEN_ENCRYPTION_KEYS"})


#: The alerts that say how a service fails, the most telling first.
OF_MESSAGES = {
    "message_service_unreachable": "unreachable",
    "message_service_unauthorized": "unauthorized",
    "message_service_quota_exceeded": "quota_exceeded",
    "message_service_beyond_horizon": "beyond_horizon",
    "deliveries_refused": "deliveries_refused",
    "deliveries_missing": "deliveries_missing",
}
OF_PUBLISHERS = {
    "publisher_address_wrong": "unreachable",
    "publisher_refuses_us": "refuses_us",
    "workflow_inactive": "workflow_inactive",
    "n8n_overloaded": "overloaded",
}


def overload_text(accepted: float, reported: float) -> str:
    """Return the alert's text with n8n's rate, in posts per second. It names no post and no user."""
    rate = f"n8n accepts {accepted:.1f} and reports {reported:.1f} posts a second, and more fall due."
    return f"{rate} Posts wait for it. Give n8n more workers (queue mode), or spread the posts over more seconds."
