"""The attacks, in the order of a run."""

from tests.attack.attacks.attack import Attack
from tests.attack.attacks.floods import BadProofs, GoodCalls, PublicRoutes
from tests.attack.attacks.hostile_bodies import CombiningMarks, DeepNesting, FullPages, HugeEmoji, LongLists, ManyKeys
from tests.attack.attacks.shares import ExpiringAccounts, FailingPosts, OneInstant, Replays, RescheduleStorm
from tests.attack.attacks.slow_sockets import HalfHeads, MissingBodies, OpenAfterClose, UnreadAnswers

#: By short name. The breaker's attack is last, because an open breaker holds posts for a minute.
ATTACKS: dict[str, type[Attack]] = {
    "open": OpenAfterClose,
    "heads": HalfHeads,
    "bodies": MissingBodies,
    "answers": UnreadAnswers,
    "marks": CombiningMarks,
    "emoji": HugeEmoji,
    "nesting": DeepNesting,
    "lists": LongLists,
    "keys": ManyKeys,
    "pages": FullPages,
    "calls": GoodCalls,
    "proofs": BadProofs,
    "public": PublicRoutes,
    "instant": OneInstant,
    "replays": Replays,
    "accounts": ExpiringAccounts,
    "storm": RescheduleStorm,
    "breaker": FailingPosts,
}
