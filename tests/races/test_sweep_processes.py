"""`flask sweep --every`, as a system service runs it: several processes, a database that restarts, and the end."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sweep.poll import RESERVED_FOR
from tests.adapters.servers import HttpServer, Seen, http_server
from tests.support.databases import upgrade
from tests.support.durable_postgres import Postgres
from tests.support.pollers import PATIENCE_SECONDS, Shelf, pollers, wait_for

POSTS = 200
ANSWER_SECONDS = 0.1  # one worker alone would take four seconds for all, so that the others get their share


class Workflow:
    """n8n: takes every post, and its time over it. `held` keeps it from answering."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.open = threading.Event()
        self.open.set()
        self.seconds = 0.0
        server.answer = self._answer

    def _answer(self, _seen: Seen) -> tuple[int, dict[str, str], bytes]:
        assert self.open.wait(PATIENCE_SECONDS)
        time.sleep(self.seconds)
        return 200, {}, b"{}"

    @property
    def sent(self) -> Counter[str]:
        return Counter(seen.json()["postId"] for seen in self.server.seen if seen.method == "POST")


@pytest.fixture
def workflow() -> Iterator[Workflow]:
    with http_server() as server:
        made = Workflow(server)
        yield made
        made.open.set()


def test_four_processes_share_what_is_due_and_send_each_post_once(
    postgresql_url: str, workflow: Workflow, tmp_path: Path
):
    shelf = Shelf(postgresql_url)
    workflow.seconds = ANSWER_SECONDS
    with pollers(4, tmp_path, 1.0, postgresql_url, workflow.server.url) as workers:
        ids = shelf.put(POSTS)
        wait_for("all posts to be sent", lambda: shelf.count("scheduled") == 0)
        codes = [worker.stop() for worker in workers]
    assert codes == [0, 0, 0, 0]
    assert workflow.sent == Counter(ids)
    assert len(shelf.lateness()) == POSTS
    split = [worker.share for worker in workers]
    assert sum(split) == POSTS
    assert sum(share > 0 for share in split) >= 2, split
    shelf.close()


def test_a_worker_that_is_killed_with_posts_in_hand_loses_none_of_those_it_had_not_begun(
    postgresql_url: str, workflow: Workflow, tmp_path: Path
):
    shelf = Shelf(postgresql_url)
    workflow.open.clear()
    settings = {"POLL_CONCURRENCY": "1", "POLL_BATCH_SIZE": "5"}
    with pollers(1, tmp_path, 0.2, postgresql_url, workflow.server.url, **settings) as (first,):
        ids = shelf.put(5)
        wait_for("the first send", lambda: workflow.sent)
        first.process.kill()
        first.process.wait()
    workflow.open.set()
    shelf.age_reservations(RESERVED_FOR)
    with pollers(1, tmp_path, 0.2, postgresql_url, workflow.server.url, **settings) as (second,):
        wait_for("the others to be sent", lambda: len(workflow.sent) == 5)
        assert second.stop() == 0
    assert workflow.sent == Counter(ids)
    shelf.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_told_to_stop_it_finishes_what_it_is_sending_and_leaves_the_rest(
    postgresql_url: str, workflow: Workflow, tmp_path: Path, number: signal.Signals
):
    shelf = Shelf(postgresql_url)
    workflow.open.clear()
    with pollers(1, tmp_path, 0.2, postgresql_url, workflow.server.url, POLL_CONCURRENCY="1") as (worker,):
        shelf.put(3)
        wait_for("the first send", lambda: workflow.sent)
        worker.process.send_signal(number)
        time.sleep(0.3)
        assert worker.process.poll() is None, "it left in the middle of a send"
        workflow.open.set()
        assert worker.process.wait(PATIENCE_SECONDS) == 0
        assert "Traceback" not in worker.said
    assert sum(workflow.sent.values()) == 1
    assert (shelf.count("publishing"), shelf.count("scheduled")) == (1, 2)
    with shelf.db.reading() as connection:
        (settled,) = connection.exec_driver_sql("SELECT outcome FROM attempts").scalars()
    assert settled == "accepted"
    shelf.close()


def test_it_outlives_a_restart_of_its_database(workflow: Workflow, tmp_path: Path):
    postgres = Postgres(tmp_path / "postgres.log")
    try:
        postgres.create()
        postgres.start()
        upgrade(postgres.url)
        shelf = Shelf(postgres.url)
        with pollers(2, tmp_path, 0.2, postgres.url, workflow.server.url) as workers:
            postgres.stop("immediate")
            for worker in workers:
                worker.until_it_says("database cannot be reached")
            postgres.start()
            ids = shelf.put(20)
            wait_for("all posts to be sent", lambda: len(workflow.sent) == 20)
            assert [worker.stop() for worker in workers] == [0, 0]
            assert not [worker.said for worker in workers if "Traceback" in worker.said]
        assert workflow.sent == Counter(ids)
        shelf.close()
    finally:
        postgres.close()
