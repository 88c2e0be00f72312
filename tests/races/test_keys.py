"""Equal requests at once: one is begun, whoever they are and whatever died before."""

from datetime import timedelta
from functools import partial

from app.store.operations import idempotency
from app.store.operations.idempotency import Claim, Known
from tests.support.fakes import START
from tests.support.threads import errors, together
from tests.support.world import World

LEASE, DAY = timedelta(seconds=60), timedelta(hours=24)
ROUNDS = 4


def begin(world: World, key: str, now=START, fingerprint: str = "same"):
    with world.db.transaction() as tx:
        return idempotency.begin(tx, "u", key, fingerprint, now=now, lease_until=now + LEASE, keep=now + DAY)


def one_of(results: list) -> Claim:
    assert errors(results) == []
    (claim,) = [result for result in results if isinstance(result, Claim)]
    assert all(isinstance(result, Known) for result in results if result is not claim)
    return claim


def test_of_twenty_equal_requests_one_is_begun(crowd: World):
    for n in range(ROUNDS):
        one_of(together([partial(begin, crowd, f"k{n}")] * 20))


def test_of_twenty_who_find_a_dead_ones_key_one_takes_it_over(crowd: World):
    for n in range(ROUNDS):
        begin(crowd, f"k{n}")
        one_of(together([partial(begin, crowd, f"k{n}", START + LEASE)] * 20))


def test_of_twenty_who_find_an_old_key_one_takes_it_over(crowd: World):
    for n in range(ROUNDS):
        claim = begin(crowd, f"k{n}")
        assert isinstance(claim, Claim)
        with crowd.db.transaction() as tx:
            idempotency.finish(tx, claim, 201, {}, "{}")
        one_of(together([partial(begin, crowd, f"k{n}", START + DAY, f"of {who}") for who in range(20)]))
