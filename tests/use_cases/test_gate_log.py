"""Lines about a delivery carry the id of its own request, also those that the gate's threads write for a group."""

import json
from concurrent.futures import ThreadPoolExecutor

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.log import in_request
from tests.support.gate_deliveries import posts_due_together
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, World
from tests.web.site import capture_log


def test_settled_lines_of_one_group_carry_the_ids_of_their_requests(world: World, gate: Gate):
    group, log = posts_due_together(world, 5), list[str]()

    def deliver(post: Post) -> Dispatched:
        with in_request(f"request-of-{post.id}"):
            return world.dispatch(post)

    with capture_log(log), ThreadPoolExecutor(len(group)) as pool:
        coming = [pool.submit(deliver, post) for post in group]
        wait_until(lambda: len(gate) == len(group))
        world.clock.set(IN_TEN_MINUTES)
        assert {each.result(TIMEOUT_SECONDS) for each in coming} == {Dispatched("dispatched")}
    lines = [json.loads(line) for line in log]
    settled = [(line["request_id"], line["post_id"]) for line in lines if line["event"] == "post.settled"]
    assert sorted(settled) == sorted((f"request-of-{post.id}", post.id) for post in group)
