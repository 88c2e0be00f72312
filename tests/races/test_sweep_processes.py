"""`flask sweep --every` as a system service: several processes, a database restart, and the stop."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sweep.poll import RESERVED_FOR
from tests.adapters.servers import HttpServer, Seen, http_server
from tests.support.databases import upgrade
from tests.support.durable_postgres import Postgres
from tests.support.pollers import TIMEOUT_SECONDS, PostDatabase, pollers, wait_for

POSTS = 200
CONCURRENCY = 5  # POLL_CONCURRENCY: the posts that one worker has in flight at a time


class Workflow:
    """n8n: accepts every post. Clearing `open` holds the answers back."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.open = threading.Event()
        self.open.set()
        server.answer = self._answer

    def _answer(self, _seen: Seen) -> tuple[int, dict[str, str], bytes]:
        assert self.open.wait(TIMEOUT_SECONDS)
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


def test_four_processes_share_the_due_posts_and_send_each_once(postgresql_url: str, workflow: Workflow, tmp_path: Path):
    posts_db = PostDatabase(postgresql_url)
    workflow.open.clear()
    settings = {"POLL_CONCURRENCY": str(CONCURRENCY)}
    with pollers(4, tmp_path, 1.0, postgresql_url, workflow.server.url, **settings) as workers:
        ids = posts_db.put(POSTS)
        wait_for("more posts in flight than one worker can send at a time", lambda: len(workflow.sent) > CONCURRENCY)
        workflow.open.set()
        wait_for("all posts to be sent", lambda: posts_db.count("scheduled") == 0)
        codes = [worker.stop() for worker in workers]
    assert codes == [0, 0, 0, 0]
    assert workflow.sent == Counter(ids)
    assert len(posts_db.lateness()) == POSTS
    split = [worker.sent_count for worker in workers]
    assert sum(split) == POSTS
    assert sum(share > 0 for share in split) >= 2, split
    posts_db.close()


def test_posts_reserved_by_a_killed_worker_are_sent_by_another(postgresql_url: str, workflow: Workflow, tmp_path: Path):
    posts_db = PostDatabase(postgresql_url)
    workflow.open.clear()
    settings = {"POLL_CONCURRENCY": "1", "POLL_BATCH_SIZE": "5"}
    with pollers(1, tmp_path, 0.2, postgresql_url, workflow.server.url, **settings) as (first,):
        ids = posts_db.put(5)
        wait_for("the first send", lambda: workflow.sent)
        first.process.kill()
        first.process.wait()
    workflow.open.set()
    posts_db.age_reservations(RESERVED_FOR)
    with pollers(1, tmp_path, 0.2, postgresql_url, workflow.server.url, **settings) as (second,):
        wait_for("the others to be sent", lambda: len(workflow.sent) == 5)
        assert second.stop() == 0
    assert workflow.sent == Counter(ids)
    posts_db.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_stopped_worker_finishes_its_send_and_leaves_the_other_posts(
    postgresql_url: str, workflow: Workflow, tmp_path: Path, number: signal.Signals
):
    posts_db = PostDatabase(postgresql_url)
    workflow.open.clear()
    with pollers(1, tmp_path, 0.2, postgresql_url, workflow.server.url, POLL_CONCURRENCY="1") as (worker,):
        posts_db.put(3)
        wait_for("the first send", lambda: workflow.sent)
        worker.process.send_signal(number)  # before the answer, so the send is still in flight
        workflow.open.set()
        assert worker.process.wait(TIMEOUT_SECONDS) == 0
        assert "Traceback" not in worker.output
    assert sum(workflow.sent.values()) == 1
    assert (posts_db.count("publishing"), posts_db.count("scheduled")) == (1, 2)
    with posts_db.db.reading() as connection:
        (settled,) = connection.exec_driver_sql("SELECT outcome FROM attempts").scalars()
    assert settled == "accepted", "it exited during a send"
    posts_db.close()


def test_worker_survives_a_database_restart(workflow: Workflow, tmp_path: Path):
    postgres = Postgres(tmp_path / "postgres.log")
    try:
        postgres.create()
        postgres.start()
        upgrade(postgres.url)
        posts_db = PostDatabase(postgres.url)
        with pollers(2, tmp_path, 0.2, postgres.url, workflow.server.url) as workers:
            postgres.stop("immediate")
            for worker in workers:
                worker.wait_for_output("database cannot be reached")
            postgres.start()
            ids = posts_db.put(20)
            wait_for("all posts to be sent", lambda: len(workflow.sent) == 20)
            assert [worker.stop() for worker in workers] == [0, 0]
            assert not [worker.output for worker in workers if "Traceback" in worker.output]
        assert workflow.sent == Counter(ids)
        posts_db.close()
    finally:
        postgres.close()
