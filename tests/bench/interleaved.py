"""Times dispatch, list and status route on a small and a large database, with alternating calls.

Each block gives a median and a 99th percentile. Their medians over all blocks are compared, so a busy moment of the
machine spoils one block and not the result.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import sqlalchemy as sa

from app.delivery.dispatch import dispatch
from app.deps import Deps
from app.domain.delivery import Dispatched
from tests.bench.app_under_test import app_for, deps_for, token_for
from tests.bench.generated_posts import AUTHOR, engine_for
from tests.bench.query_plans import Plan, capture_statements, explain

Call = Callable[[], object]
MAKE_DUE_AGAIN = """
WITH due AS (
    UPDATE posts SET status = 'scheduled', next_attempt_at = now() - interval '1 second', lease_until = NULL,
        sending_at = NULL WHERE id IN (SELECT id FROM posts WHERE user_id = :author AND scheduled_at IS NOT NULL
            AND company_id IS NULL AND status IN ('scheduled', 'publishing') ORDER BY id LIMIT :number)
    RETURNING id, generation),
forgotten AS (DELETE FROM attempts WHERE post_id IN (SELECT id FROM due)) -- a post that may be out is not sent again
SELECT id, generation FROM due
"""


@dataclass(frozen=True)
class Measured:
    """Percentiles in ms, each as (small, large)."""

    name: str
    p50: tuple[float, float]
    p99: tuple[float, float]

    @property
    def ratios(self) -> tuple[float, float]:
        return self.p50[1] / self.p50[0], self.p99[1] / self.p99[0]


def measure_interleaved(name: str, small: list[Call], large: list[Call], blocks: int) -> Measured:
    """Time the same calls in every block, alternating between small and large."""
    figures: list[list[tuple[float, float]]] = [[], []]
    for _ in range(blocks):
        taken: tuple[list[float], list[float]] = ([], [])
        for pair in zip(small, large, strict=True):
            for side, call in enumerate(pair):
                taken[side].append(_milliseconds(call))
        for side, values in enumerate(taken):
            figures[side].append((statistics.median(values), percentile(values, 0.99)))
    p50, p99 = ([statistics.median(block[which] for block in figures[side]) for side in (0, 1)] for which in (0, 1))
    return Measured(name, (p50[0], p50[1]), (p99[0], p99[1]))


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _milliseconds(call: Call) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


# Dispatch


def measure_dispatch(small: str, large: str, blocks: int, calls: int) -> Measured:
    """Time `dispatch` of due posts. They are made due again before every block."""
    figures = []
    sides = [(url, deps_for(url, breaker_threshold=999_999)) for url in (small, large)]
    for _ in range(blocks):
        first, second = (_dispatches(deps, url, calls) for url, deps in sides)
        figures.append(measure_interleaved("dispatch", first, second, 1))
    for _, deps in sides:
        deps.db.close()

    def median(which: str) -> tuple[float, float]:
        pairs = [getattr(one, which) for one in figures]
        return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)

    return Measured("dispatch", median("p50"), median("p99"))


def explain_dispatch(url: str) -> list[Plan]:
    deps = deps_for(url)
    with capture_statements(deps.db.engine, keep=True) as sent:
        _dispatches(deps, url, 1)[0]()
    plans = explain(deps.db.engine, sent)
    deps.db.close()
    return plans


def _dispatches(deps: Deps, url: str, number: int) -> list[Call]:
    with engine_for(url).connect() as connection:
        due = connection.execute(sa.text(MAKE_DUE_AGAIN), {"author": AUTHOR, "number": number}).all()

    def one(post_id: str, generation: int) -> Call:
        def call() -> None:
            done = dispatch(deps, post_id, generation, "message")
            assert done == Dispatched("dispatched"), done

        return call

    return [one(str(post_id), generation) for post_id, generation in due]


# The routes


def filters(url: str, author: str) -> dict[str, dict[str, str]]:
    """Return the console's list filters by name, with dates in the middle of the author's year."""
    with engine_for(url).connect() as connection:
        one = "SELECT company_id, client_id FROM posts WHERE user_id = :author AND client_id IS NOT NULL LIMIT 1"
        company, client = connection.execute(sa.text(one), {"author": author}).one()
    middle = datetime.now(UTC) - timedelta(days=180)
    month = {"from": middle.isoformat(), "to": (middle + timedelta(days=7)).isoformat()}
    return {
        "first page": {},
        "status=published": {"status": "published"},
        "status=scheduled": {"status": "scheduled"},
        "status=failed": {"status": "failed"},
        "platform": {"platform": "instagram"},
        "company": {"companyId": str(company)},
        "client": {"clientId": str(client)},
        "from and to": month,
        "from, to, status": month | {"status": "published"},
        "by scheduledAt": {"sort": "scheduledAt"},
        "by updatedAt": {"sort": "updatedAt"},
        "updatedSince": {"sort": "updatedAt", "order": "asc", "updatedSince": middle.isoformat()},
        "company by updatedAt": {"companyId": str(company), "sort": "updatedAt"},
        "company by scheduledAt": {"companyId": str(company), "sort": "scheduledAt", "order": "asc"},
        "two statuses": {"status": "failed,scheduled"},
        "needs attention": {"needsAttention": "true"},
        "a text": {"q": "nowhere in any post"},
    }


def measure_routes(small: str, large: str, author: str, blocks: int, calls: int) -> list[Measured]:
    sides = [Routes(small, AUTHOR), Routes(large, author)]
    names = list(sides[0].calls)
    measured = [
        measure_interleaved(name, *_times(calls, *(side.calls[name] for side in sides)), blocks) for name in names
    ]
    for side in sides:
        side.close()
    return measured


def explain_routes(url: str, author: str) -> dict[str, list[Plan]]:
    routes, plans = Routes(url, author), {}
    for name, call in routes.calls.items():
        with capture_statements(routes.engine, keep=True) as sent:
            call()
        plans[name] = explain(routes.engine, sent)
    routes.close()
    return plans


def _times(number: int, small: Call, large: Call) -> tuple[list[Call], list[Call]]:
    return [small] * number, [large] * number


class Routes:
    """Calls of the list with every filter, and of the status route, by the app's test client."""

    def __init__(self, url: str, author: str) -> None:
        self.app, self.engine = app_for(url)
        self.client = self.app.test_client()
        self.headers = token_for(self.app, author)
        addresses = {f"list, {name}": f"/api/posts?{urlencode(given)}" for name, given in filters(url, author).items()}
        middle = self._middle_of("/api/posts?limit=50")
        addresses["counts"] = "/api/posts/counts"
        addresses["counts of a text"] = "/api/posts/counts?q=nowhere"
        addresses["list, a middle page"] = f"/api/posts?cursor={middle}"
        addresses["status route"] = "/api/scheduler/status"
        self.calls = {name: self._get(address) for name, address in addresses.items()}

    def close(self) -> None:
        self.engine.dispose()

    def _middle_of(self, address: str) -> str:
        cursor = ""
        for _ in range(4):
            answer = self.client.get(f"{address}{cursor and '&cursor='}{cursor}", headers=self.headers)
            cursor = answer.get_json()["nextCursor"] or cursor
        return cursor

    def _get(self, address: str) -> Call:
        def call() -> None:
            answer = self.client.get(address, headers=self.headers)
            assert answer.status_code == 200, answer.get_data(as_text=True)

        return call
