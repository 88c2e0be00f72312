"""The rules of the simulation, one function each: each yields a text per violation."""

from tests.simulation.rules.accounts import report_about_old_token_keeps_new_connection
from tests.simulation.rules.arming import armed_answer_matches_row
from tests.simulation.rules.cancellation import cancelled_generation_is_not_sent
from tests.simulation.rules.copies import no_second_copy_unless_forced_or_by_policy, one_execution_publishes_per_grant
from tests.simulation.rules.exceptions import only_refusals_are_raised
from tests.simulation.rules.final_state import every_post_ends, recorded_outcomes_are_true
from tests.simulation.rules.generations import delivery_claims_only_its_generation, messages_follow_commits
from tests.simulation.rules.history import (
    counters_never_go_down,
    transitions_follow_the_lifecycle,
    transitions_lead_to_the_row,
)
from tests.simulation.rules.publishing import (
    copy_after_cancel_raises_alert,
    published_posts_have_lateness_and_urn,
    true_report_is_applied,
)
from tests.simulation.rules.sending import one_send_per_attempt, only_retryable_attempts_are_resent
from tests.simulation.rules.stale_workers import stale_workers_change_nothing
from tests.simulation.rules.timing import never_claimed_early, never_sent_early

ON_CHANGE = (
    transitions_follow_the_lifecycle,
    transitions_lead_to_the_row,
    counters_never_go_down,
    never_claimed_early,
    delivery_claims_only_its_generation,
    stale_workers_change_nothing,
    published_posts_have_lateness_and_urn,
)
ON_ARM = (messages_follow_commits,)
ON_SEND = (
    one_send_per_attempt,
    never_sent_early,
    cancelled_generation_is_not_sent,
    only_retryable_attempts_are_resent,
)
ON_EXECUTION = (one_execution_publishes_per_grant,)
ON_COPY = (no_second_copy_unless_forced_or_by_policy,)
ON_TRUE_REPORT = (true_report_is_applied,)
ON_ACCOUNT = (report_about_old_token_keeps_new_connection,)
ON_END = (only_refusals_are_raised, armed_answer_matches_row)
AFTER_FAULTS = (every_post_ends,)
AT_END = (recorded_outcomes_are_true, copy_after_cancel_raises_alert)
