"""The rules of the simulation, one function each: each yields a text per violation."""

from tests.simulation.rules.accounts import only_refused_tokens_are_marked, report_about_old_token_keeps_new_connection
from tests.simulation.rules.answers import (
    answered_sends_are_recorded,
    every_call_is_answered,
    gate_threads_never_fail,
    recorded_sends_are_true,
)
from tests.simulation.rules.arming import armed_answer_matches_row
from tests.simulation.rules.cancellation import cancelled_generation_is_not_sent
from tests.simulation.rules.causes import failures_have_a_cause
from tests.simulation.rules.copies import (
    no_copy_after_cancel,
    no_early_copy,
    no_second_copy,
    one_execution_publishes_per_grant,
)
from tests.simulation.rules.events import (
    each_event_is_delivered,
    endpoints_are_disabled_for_cause,
    event_is_the_same_in_every_try,
    events_have_a_cause,
    events_reach_their_owner_alone,
)
from tests.simulation.rules.exceptions import no_answer_is_a_bug, only_refusals_are_raised
from tests.simulation.rules.final_state import every_post_ends, recorded_outcomes_are_true
from tests.simulation.rules.generations import delivery_claims_only_its_generation, messages_follow_commits
from tests.simulation.rules.history import (
    counters_never_go_down,
    transitions_follow_the_lifecycle,
    transitions_lead_to_the_row,
)
from tests.simulation.rules.pausing import nothing_is_claimed_in_a_pause
from tests.simulation.rules.publishing import (
    claimed_id_is_of_an_own_copy,
    copy_after_cancel_raises_alert,
    published_posts_are_public,
    published_posts_have_lateness_and_urn,
)
from tests.simulation.rules.reports import (
    duplicate_of_an_own_copy_is_published,
    report_is_not_refused,
    true_report_is_applied,
)
from tests.simulation.rules.sending import no_send_without_proof, one_send_per_attempt, send_carries_the_claimed_text
from tests.simulation.rules.stale_workers import stale_workers_change_nothing
from tests.simulation.rules.timing import never_claimed_early, never_sent_early
from tests.simulation.rules.unknown import linkedin_is_tried_again_in_time, unknown_waits_for_its_lease
from tests.simulation.rules.waiting import generation_has_one_place, seats_are_given_back

ON_CHANGE = (
    transitions_follow_the_lifecycle,
    transitions_lead_to_the_row,
    counters_never_go_down,
    never_claimed_early,
    nothing_is_claimed_in_a_pause,
    delivery_claims_only_its_generation,
    stale_workers_change_nothing,
    published_posts_have_lateness_and_urn,
    published_posts_are_public,
    claimed_id_is_of_an_own_copy,
    failures_have_a_cause,
    unknown_waits_for_its_lease,
    linkedin_is_tried_again_in_time,
)
ON_ARM = (messages_follow_commits,)
ON_SEND = (
    one_send_per_attempt,
    never_sent_early,
    cancelled_generation_is_not_sent,
    send_carries_the_claimed_text,
    no_send_without_proof,
)
ON_EXECUTION = (one_execution_publishes_per_grant,)
ON_COPY = (no_second_copy, no_early_copy, no_copy_after_cancel)
ON_REPORT = (report_is_not_refused, true_report_is_applied, duplicate_of_an_own_copy_is_published)
ON_ACCOUNT = (report_about_old_token_keeps_new_connection, only_refused_tokens_are_marked)
ON_END = (only_refusals_are_raised, no_answer_is_a_bug, armed_answer_matches_row, answered_sends_are_recorded)
ON_EVENT = (events_have_a_cause, events_reach_their_owner_alone, event_is_the_same_in_every_try)
ON_GROUP = (generation_has_one_place,)
ON_GATE_FAILURE = (gate_threads_never_fail,)
AFTER_FAULTS = (every_post_ends,)
AT_END = (
    recorded_outcomes_are_true,
    recorded_sends_are_true,
    every_call_is_answered,
    seats_are_given_back,
    copy_after_cancel_raises_alert,
    each_event_is_delivered,
    endpoints_are_disabled_for_cause,
)
