"""Each alert rule of docs/monitoring fires on its condition in a real app, and not before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.alerts import CURES, PER_OBJECT
from app.domain.seats import Seats
from app.store.operations import alerts, pauses
from tests.adapters.servers import HttpServer, says
from tests.support.promtool import RULES, check_fires, promtool
from tests.support.scrapes import Scrape, scrape
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, SECOND, MessageServer, Site, User, json_of

DASHBOARD = RULES.parent / "dashboard.json"
RUNBOOK = RULES.parent.parent / "operating.md"
METRIC = re.compile(r"\bpunctual_[a-z_]+")
FOUND: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
}


class Scene:
    """One app with its outside services, and the steps that make it sick."""

    def __init__(self, site: Site, qstash: MessageServer, n8n: HttpServer, end: ExitStack) -> None:
        self.site, self.qstash, self.n8n, self.end = site, qstash, n8n, end
        self.alice: User = site.user("alice")
        self.alice.account()

    def due(self, late: timedelta = timedelta(0)) -> dict[str, Any]:
        """Schedule a post of a user, and set the clock to its instant or `late` after it."""
        self.alice = self.site.user("alice")
        at = self.site.clock.at + HOUR
        post = self.alice.draft()
        self.alice.schedule(post["id"], at)
        self.site.clock.at = at + late
        return self.alice.read(post["id"])

    def send(self, number: int = 1, late: timedelta = timedelta(0)) -> None:
        for _ in range(number):
            self.site.deliver(self.due(late))

    def alert(self, kind: str) -> None:
        with self.site.services.deps.db.transaction() as tx:
            alerts.raise_alert(tx, kind, "n8n", CURES[kind], self.site.clock.at)


def _down(scene: Scene) -> Scrape | None:
    return None


def _not_migrated(scene: Scene) -> None:
    with scene.site.services.deps.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")


def _sweep(scene: Scene) -> None:
    json_of(scene.site.cron.get("/api/posts/recover"))


def _no_sweep(scene: Scene) -> None:
    _sweep(scene)
    scene.site.clock.at += 16 * MINUTE


def _failed_sweep(scene: Scene) -> None:
    _sweep(scene)
    with scene.site.services.deps.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE sweeps SET last_status = 'failed'")


def _overdue(scene: Scene) -> None:
    scene.due(late=11 * MINUTE)


def _late(scene: Scene) -> None:
    scene.send(2, late=6 * SECOND)


def _refusing(status: int, number: int) -> Callable[[Scene], None]:
    def refuse(scene: Scene) -> None:
        scene.n8n.answer = says(status, {})
        scene.send(number)

    return refuse


def _slow(scene: Scene) -> None:
    def answer(_: Any) -> tuple[int, dict[str, str], bytes]:
        scene.site.clock.at += 12 * SECOND
        return 200, {}, b"{}"

    scene.n8n.answer = answer
    scene.send(3)


def _full(scene: Scene) -> None:
    with scene.site.services.deps.db.transaction() as tx:
        until = (scene.site.clock.at + MINUTE).isoformat()
        holders = json.dumps({"other": [32, 32, 32, until]})
        tx.exec_driver_sql(f"INSERT INTO in_flight (name, size, holders) VALUES ('n8n', 32, '{holders}')")


def _refused_by_qstash(scene: Scene) -> None:
    scene.qstash.down = True
    scene.due()


def _waiting_webhook(scene: Scene) -> None:
    hook = {"url": "https://hooks.example.com/x", "events": ["post.scheduled"]}
    json_of(scene.site.user("alice").post("/api/webhook-endpoints", json=hook), 201)
    scene.qstash.down = True
    scene.due()
    scene.site.clock.at += HOUR


def _connections(scene: Scene) -> None:
    for _ in range(14):
        scene.end.enter_context(scene.site.services.deps.db.reading())


def _seats(scene: Scene) -> None:
    seats = scene.site.services.deps.seats
    assert isinstance(seats, Seats)
    for number in range(64):
        assert seats.take("alice", (f"post {number}", 1))


def _paused(scene: Scene) -> None:
    with scene.site.services.deps.db.transaction() as tx:
        pauses.begin(tx, "n8n is updated", scene.site.clock.at)


def _alert(kind: str) -> Callable[[Scene], None]:
    return lambda scene: scene.alert(kind)


CONDITIONS: dict[str, Callable[[Scene], Scrape | None]] = {
    "PunctualDown": _down,
    "PunctualNotReady": _not_migrated,
    "PunctualNoSweep": _no_sweep,
    "PunctualSweepFails": _failed_sweep,
    "PunctualPostsOverdue": _overdue,
    "PunctualPostsLate": _late,
    "PunctualAttemptsFail": _refusing(500, 5),
    "PunctualOutcomesUnknown": _refusing(504, 3),
    "PunctualBreakerOpen": _refusing(500, 5),
    "PunctualPublisherSlow": _slow,
    "PunctualPublisherFull": _full,
    "PunctualAlarmsLate": _late,
    "PunctualQStashRefuses": _refused_by_qstash,
    "PunctualPostsUnarmed": _refused_by_qstash,
    "PunctualWebhooksWait": _waiting_webhook,
    "PunctualConnectionsUsed": _connections,
    "PunctualSeatsTaken": _seats,
    "PunctualSendingPaused": _paused,
    "PunctualAlert": _alert("cron_refused"),
    "PunctualAccountAlert": _alert("duplicate_publish"),
}


@pytest.fixture
def scene(sqlite_url: str, make_site: MakeSite, qstash: MessageServer, n8n: HttpServer) -> Iterator[Scene]:
    with ExitStack() as end:
        yield Scene(make_site(sqlite_url), qstash, n8n, end)


def test_every_rule_has_its_condition_here():
    assert set(CONDITIONS) == set(FOUND)


@pytest.mark.parametrize("alert", CONDITIONS)
def test_rule_fires_on_its_condition_and_not_before(scene: Scene, tmp_path: Path, alert: str):
    scrape(scene.site)
    scene.send()
    _sweep(scene)
    healthy = scrape(scene.site)
    CONDITIONS[alert](scene)
    sick = None if alert == "PunctualDown" else scrape(scene.site)
    check_fires(tmp_path, alert, healthy, sick)


def test_promtool_accepts_the_rules():
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_metrics(scene: Scene):
    scene.send()
    done = promtool("check", "metrics", text=scrape(scene.site).text)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_metric_of_rules_and_dashboard_is_exported(scene: Scene):
    _sweep(scene)
    exported = {name for name, _ in scrape(scene.site).samples}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    wanted = set(METRIC.findall("\n".join([*shown, *(rule["expr"] for rule in FOUND.values())])))
    assert len(wanted) > 30
    assert wanted - exported == set()


def test_the_two_rules_of_alerts_share_out_all_kinds():
    of_accounts, of_others = (FOUND[name]["expr"] for name in ("PunctualAccountAlert", "PunctualAlert"))
    assert of_others == of_accounts.replace("=~", "!~").replace('"} ==', '|sending_paused"} ==')
    kinds = set(re.findall(r'"(.*)"', of_accounts)[0].split("|"))
    assert set(PER_OBJECT) <= kinds <= set(CURES)


def test_runbook_has_an_entry_for_each_rule_and_each_kind_of_alert():
    anchors = {
        re.sub(r"[^a-z0-9_ -]", "", line[4:].lower()).replace(" ", "-")
        for line in RUNBOOK.read_text().splitlines()
        if line.startswith("### ")
    }
    own = {name.lower() for name in FOUND if name not in ("PunctualAlert", "PunctualAccountAlert")}
    assert own | set(CURES) <= anchors
    for name, rule in FOUND.items():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operating.md"
        assert anchor in (name.lower(), "{{ $labels.kind }}")
        assert rule["labels"]["severity"] in ("page", "ticket")
