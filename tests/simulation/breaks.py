"""The planted bugs: each has the rule that must report it, and the worlds in which it shows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.simulation import planted, planted_events, planted_gate
from tests.simulation.scenario import NO_GATES, Focus


@dataclass(frozen=True, slots=True)
class Break:
    """One patch. `caught_by` names the rule that must report it in the worlds of `focus`.

    `first_seed` is one shortly before a seed that shows it, so the search is short.
    """

    context: Callable[[], AbstractContextManager[Any]]
    caught_by: str
    focus: Focus = NO_GATES
    first_seed: int = 0


def _copies(platform: str, *faults: str, backoff: float = 30.0, **workflow: Any) -> Focus:
    """Return the worlds of one platform, judged by its second copies alone."""
    settings = {"unknown_outcome_policy": "auto", "max_retries": 3, "retry_base_seconds": backoff}
    return Focus(faults, platform, workflow, settings, rule="no_second_copy")


_LOST = ("n8n_hangs", "proxy_gives_up", "report_lost")
_BUSY_AND_MISNAMED = ("report_misnamed", "report_repeated", "report_late", "platform_busy", "platform_times_out")
_GATED = Focus(gated=True)
_LATE_SETTLES = Focus(("gate_settle_late",), gated=True)
_LISTENED = Focus(("death", "commit_fails", "message_lost", "endpoint_fails"), events=True)
_WRONG_CLOCKS = Focus(("clock_ahead", "clock_righted_in_hold", "clock_back_in_hold"), gated=True)
BREAKS = {
    "all-4xx-are-verdicts": Break(
        planted.all_4xx_are_verdicts, "failures_have_a_cause", Focus(("n8n_refuses",)), first_seed=25
    ),
    "any-urn-of-a-duplicate-is-ours": Break(
        planted.any_urn_of_a_duplicate_is_ours,
        "claimed_id_is_of_an_own_copy",
        Focus(("posted_before",), "linkedin"),
        first_seed=11,
    ),
    "arm-before-commit": Break(planted.arm_before_commit, "messages_follow_commits"),
    "bad-attempts-refuse-reports": Break(
        planted.bad_attempts_refuse_reports, "report_is_not_refused", Focus(("report_misnamed",))
    ),
    "claim-without-generation": Break(
        planted.claim_without_generation, "delivery_claims_only_its_generation", Focus(("slowness",)), first_seed=29
    ),
    "claims-ignore-the-pause": Break(
        planted.claims_ignore_the_pause, "nothing_is_claimed_in_a_pause", Focus(gated=True, pauses=True), first_seed=50
    ),
    "codeless-failures-are-transient": Break(
        planted.codeless_failures_are_transient,
        "no_second_copy",
        _copies("facebook", "platform_times_out", forms=("bare",)),
        first_seed=12,
    ),
    "codes-are-read-from-prose": Break(
        planted.codes_are_read_from_prose, "failures_have_a_cause", Focus(("platform_fails", "workflow_fails_early"))
    ),
    "deferral-gives-the-attempt-back": Break(
        planted.deferral_gives_the_attempt_back, "counters_never_go_down", first_seed=28
    ),
    "edits-after-an-unknown-attempt": Break(
        planted.edits_after_an_unknown_attempt,
        "no_second_copy",
        _copies("linkedin", "platform_times_out", "n8n_dies_after"),
        first_seed=27,
    ),
    "facebook-has-a-guard": Break(planted.facebook_has_a_guard, "no_send_without_proof", Focus(_LOST, "facebook")),
    "failures-of-the-platform-are-transient": Break(
        planted.failures_of_the_platform_are_transient,
        "no_second_copy",
        _copies("instagram", "platform_fails", forms=("status",)),
        first_seed=29,
    ),
    "finish-without-attempt": Break(
        planted.finish_without_attempt,
        "stale_workers_change_nothing",
        Focus(("stall", "n8n_acts_late", "report_lost")),
        first_seed=52,
    ),
    "granted-failures-are-believed": Break(
        planted.granted_failures_are_believed,
        "no_second_copy",
        _copies("instagram", "platform_times_out", asks_first=True, careless=True, forms=("retryable",)),
    ),
    "instagram-has-a-guard": Break(planted.instagram_has_a_guard, "no_second_copy", _copies("instagram", *_LOST)),
    "late-truth-is-ignored": Break(planted.late_truth_is_ignored, "true_report_is_applied", Focus(("report_late",))),
    "leases-end-without-an-alarm": Break(
        planted.leases_end_without_an_alarm,
        "linkedin_is_tried_again_in_time",
        Focus(("n8n_hangs", "report_lost"), "linkedin", settings={"publish_lease_seconds": 400.0}),
        first_seed=50,
    ),
    "linkedin-guard-never-ends": Break(
        planted.linkedin_guard_never_ends,
        "no_second_copy",
        _copies("linkedin", "platform_times_out", backoff=700.0),
        first_seed=48,
    ),
    "lost-answers-are-failures": Break(
        planted.lost_answers_are_failures, "no_second_copy", _copies("instagram", "proxy_gives_up"), first_seed=69
    ),
    "media-verdicts-outlive-edits": Break(
        planted.media_verdicts_outlive_edits,
        "failures_have_a_cause",
        Focus(("media_gone", "slowness"), settings={"media_check_seconds": 3.0}),
        first_seed=44,
    ),
    "misnamed-attempts-are-believed": Break(
        planted.misnamed_attempts_are_believed, "stale_workers_change_nothing", Focus(_BUSY_AND_MISNAMED), first_seed=12
    ),
    "answers-come-before-the-settle": Break(
        planted_gate.answers_come_before_the_settle, "answered_sends_are_recorded", _GATED
    ),
    "held-claims-are-committed-early": Break(
        planted_gate.held_claims_are_committed_early, "never_claimed_early", _WRONG_CLOCKS, first_seed=32
    ),
    "lost-claims-are-sent": Break(planted_gate.lost_claims_are_sent, "one_send_per_attempt", _GATED),
    "members-are-forgotten-after-the-send": Break(
        planted_gate.members_are_forgotten_after_the_send, "every_call_is_answered", _LATE_SETTLES, first_seed=145
    ),
    "members-are-forgotten-before-the-send": Break(
        planted_gate.members_are_forgotten_before_the_send, "every_call_is_answered", _GATED
    ),
    "neighbours-are-settled": Break(
        planted_gate.neighbours_are_settled, "recorded_sends_are_true", _LATE_SETTLES, first_seed=35
    ),
    "duplicates-are-sent-too": Break(
        planted_gate.duplicates_are_sent_too, "one_send_per_attempt", _GATED, first_seed=129
    ),
    "generations-have-many-places": Break(
        planted_gate.generations_have_many_places, "generation_has_one_place", _GATED, first_seed=129
    ),
    "seats-are-kept": Break(planted_gate.seats_are_kept, "seats_are_given_back", _GATED),
    "withdrawn-deliveries-are-forgotten": Break(
        planted_gate.withdrawn_deliveries_are_forgotten, "every_call_is_answered", _GATED, first_seed=85
    ),
    "twins-are-both-claimed": Break(
        planted_gate.twins_are_both_claimed, "one_send_per_attempt", _GATED, first_seed=138
    ),
    "deliveries-are-recorded-before-the-send": Break(
        planted_events.deliveries_are_recorded_before_the_send, "each_event_is_delivered", _LISTENED
    ),
    "events-are-written-after-the-commit": Break(
        planted_events.events_are_written_after_the_commit, "each_event_is_delivered", _LISTENED
    ),
    "events-are-written-for-rollbacks": Break(
        planted_events.events_are_written_for_rollbacks, "events_have_a_cause", _LISTENED
    ),
    "events-reach-all-owners": Break(
        planted_events.events_reach_all_owners, "events_reach_their_owner_alone", _LISTENED
    ),
    "failures-disable-at-once": Break(
        planted_events.failures_disable_at_once, "endpoints_are_disabled_for_cause", _LISTENED, first_seed=30
    ),
    "published-events-are-forgotten": Break(
        planted_events.published_events_are_forgotten, "each_event_is_delivered", _LISTENED
    ),
}
