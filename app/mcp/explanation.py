"""Why a post did not go out: facts of the API as sentences, each cause with its cure.

Invariant: it adds no guess. Each sentence comes from a field of the post, the timeline or the status.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.mcp.times import sentence, shown
from app.mcp.views import zone_of_post

Facts = dict[str, Any]
OVERDUE_SECONDS = 5.0
LINE_INSTANTS = ("at", "wokenAt", "startedAt", "sentAt", "acceptedAt", "reportedAt", "finishedAt")


def explain(post: Facts, attempts: list[Facts], transitions: list[Facts], status: Facts, default_zone: str) -> Facts:
    """Return `explanation`, `causes` with cures, and the last lines of the timeline."""
    zone = zone_of_post(post, default_zone)
    sentences, causes = _by_status(post, transitions, zone)
    causes += [_cause(risk.get("code"), risk.get("message"), risk.get("cure")) for risk in post.get("risks") or []]
    if post.get("status") in ("scheduled", "publishing", "failed"):
        causes += _installation(status)
    return {
        "explanation": " ".join(sentences),
        "causes": causes,
        "attempts": [_line(one, zone) for one in attempts],
        "changes": [_line(one, zone) for one in transitions],
    }


def _by_status(post: Facts, transitions: list[Facts], zone: str) -> tuple[list[str], list[Facts]]:
    last = transitions[-1] if transitions else {}
    since = (
        f" since {sentence(last['at'], zone)} (reason: {last.get('reason')}, by {last.get('actor')})" if last else ""
    )
    match post.get("status"):
        case "draft":
            cure = "Give it a date with schedule_post, or publish it with publish_post_now."
            return [f"It is a draft{since}. A draft has no date and does not go out."], [_cause("draft", None, cure)]
        case "scheduled":
            return _scheduled(post, zone)
        case "publishing":
            text = f"It is going out{since}. The publisher has it and has not reported the result yet."
            return [text], [_cause("in_flight", None, "Wait, then call explain_post again. It cannot be stopped now.")]
        case "published":
            return _published(post, zone), []
        case "failed":
            cure = _cure_of_failure(str(post.get("errorCode")))
            return [f"It failed{since}."], [_cause(post.get("errorCode"), post.get("errorMessage"), cure)]
    return [f"It is {post.get('status')}{since}. It does not go out any more."], []


def _scheduled(post: Facts, zone: str) -> tuple[list[str], list[Facts]]:
    due = str(post.get("nextAttemptAt") or post["scheduledAt"])
    late = (datetime.now(UTC) - datetime.fromisoformat(due)).total_seconds()
    sentences = [f"It is scheduled for {sentence(post['scheduledAt'], zone)}."]
    causes: list[Facts] = []
    if post.get("errorCode"):
        causes.append(_cause(post["errorCode"], post.get("errorMessage"), "It is tried again by itself."))
    if due != post["scheduledAt"]:
        sentences.append(f"The next try is due at {sentence(due, zone)}.")
    if late > OVERDUE_SECONDS:
        sentences.append(f"It is overdue by {late:.0f} seconds.")
        causes.append(_cause("overdue", None, "The sweep sends overdue posts every five minutes. See the alerts."))
    elif not post.get("armed") and not post.get("risks"):
        cure = "The sweep arms it before its time. Nothing has to be done, unless an alert names the message service."
        causes.append(_cause("not_armed", "No message is set for its time yet.", cure))
    return sentences, causes


def _published(post: Facts, zone: str) -> list[str]:
    sentences = [
        f"It was published at {sentence(post['publishedAt'], zone)}."
        if post.get("publishedAt")
        else "It was published."
    ]
    if post.get("scheduledAt"):
        sentences.append(f"It was scheduled for {sentence(post['scheduledAt'], zone)}.")
    if post.get("latenessMs") is not None:
        sentences.append(f"It was sent {post['latenessMs']:.0f} ms after the scheduled instant.")
    return sentences + ([f"It is at {post['externalUrl']}."] if post.get("externalUrl") else [])


def _cure_of_failure(code: str) -> str:
    if code == "outcome_unknown":
        return (
            "It is not known whether it is out. Look at the platform first. If it is there, attach its link in "
            "Punctual. If it is not, call retry_post with force true."
        )
    if code == "reconnect_required":
        return "The account has to be connected again in Punctual. Then call retry_post."
    return "Mend what the message says, then call retry_post, or schedule_post for another time."


def _installation(status: Facts) -> list[Facts]:
    """Return the causes for all posts: alerts, an open breaker, an absent database or message service."""
    causes = [_cause(one.get("kind"), one.get("detail"), None) for one in status.get("alerts") or []]
    breaker = status.get("breaker") or {}
    if breaker.get("state") not in (None, "closed"):
        message = "The publisher fails, so sends are paused. They go on by themselves when it works again."
        causes.append(_cause("breaker_open", message, None))
    return causes


def _cause(code: Any, message: Any, cure: Any) -> Facts:
    return {name: value for name, value in (("code", code), ("message", message), ("cure", cure)) if value}


def _line(line: Facts, zone: str) -> Facts:
    """Return a line of the timeline with its instants in the post's zone, without empty fields."""
    known = {name: value for name, value in line.items() if value is not None}
    return known | {name: shown(known[name], zone) for name in LINE_INSTANTS if name in known}
