"""The promises, one function each: they look at what happened and say what should never have been."""

from tests.simulation.rules.accounts import a_late_refusal_leaves_a_new_connection_alone
from tests.simulation.rules.arming import an_armed_answer_is_true
from tests.simulation.rules.cancellation import what_was_called_off_is_not_sent
from tests.simulation.rules.copies import no_second_copy_unless_somebody_chose_it, one_execution_acts_per_grant
from tests.simulation.rules.exceptions import nothing_is_raised_but_refusals
from tests.simulation.rules.final_state import every_post_ends, what_is_known_is_true
from tests.simulation.rules.generations import a_delivery_claims_for_its_own_generation, messages_follow_commits
from tests.simulation.rules.history import counters_never_go_down, history_leads_to_the_row, the_lifecycle_is_kept
from tests.simulation.rules.publishing import (
    a_copy_after_a_cancel_is_an_alert,
    a_true_report_is_believed,
    published_posts_say_where_and_how_late,
)
from tests.simulation.rules.sending import one_send_per_attempt, only_what_may_be_tried_again_is_sent_again
from tests.simulation.rules.stale_workers import stale_workers_change_nothing
from tests.simulation.rules.timing import never_claimed_early, never_sent_early

ON_CHANGE = (
    the_lifecycle_is_kept,
    history_leads_to_the_row,
    counters_never_go_down,
    never_claimed_early,
    a_delivery_claims_for_its_own_generation,
    stale_workers_change_nothing,
    published_posts_say_where_and_how_late,
)
ON_ARM = (messages_follow_commits,)
ON_SEND = (
    one_send_per_attempt,
    never_sent_early,
    what_was_called_off_is_not_sent,
    only_what_may_be_tried_again_is_sent_again,
)
ON_EXECUTION = (one_execution_acts_per_grant,)
ON_COPY = (no_second_copy_unless_somebody_chose_it,)
ON_TRUE_REPORT = (a_true_report_is_believed,)
ON_ACCOUNT = (a_late_refusal_leaves_a_new_connection_alone,)
ON_END = (nothing_is_raised_but_refusals, an_armed_answer_is_true)
ONCE_CALM = (every_post_ends,)
AT_LAST = (what_is_known_is_true, a_copy_after_a_cancel_is_an_alert)
