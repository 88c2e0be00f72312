"""The app's own web layer, called in the process. Each request is handled by the instance of the running actor.

Invariant: machines meet the app only here, so a simulated message or report passes every check of a real one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from app.alerts import RefusedCalls
from app.deps import Deps, Services
from app.domain.verifiers import BadSignature, SignedDelivery
from app.settings.values import Settings
from app.web import build_app
from app.web.auth import REFUSED_CALLS
from app.web.failed_proofs import FAILED_PROOFS, FailedProofs
from app.web.turnstile import TURNSTILE

SECRET = "simulated-callback-secret"
DISPATCH = "/api/posts/dispatch"
DISPATCH_FAILED = "/api/posts/dispatch-failed"
REPORT = "/api/webhooks/publish-status"
DELIVER = "/api/webhooks/deliver"
CLAIM = "/api/webhooks/claim"
LEEWAY, VALIDITY = timedelta(seconds=10), timedelta(minutes=5)  # of a signature


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The app's answer to one request."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        return self.status == 200


class AnyBody(SignedDelivery):
    """A signature of any body."""

    def covers(self, body: bytes) -> bool:
        return True


class QStashTime:
    """A DeliveryVerifier whose tokens are instants by QStash's clock. Only the clocks are compared."""

    def verify(self, token: str | None, _url: str, now: datetime) -> SignedDelivery:
        """Return a signature of any body.

        Raises: BadSignature when the host's clock is too far behind or ahead.
        """
        signed_at = datetime.fromisoformat(str(token))
        if not signed_at - LEEWAY <= now <= signed_at + VALIDITY + LEEWAY:
            raise BadSignature("the clocks are too far apart")
        return AnyBody(signed_at, None)


class _CallersServices(threading.local):
    """app.deps.Services of the instance that handles the request of this thread."""

    deps: Any = SimpleNamespace(settings=Settings(), event_messages=None)
    deliveries = QStashTime()
    tracer = None


class _PartOfTheCall:
    """One dependency, such as the clock, of whichever instance handles the request."""

    def __init__(self, services: _CallersServices, part: str) -> None:
        self._services = services
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._services.deps, self._part), name)


class _DepsOfTheCall:
    """The dependencies of whichever instance handles the request, for hooks that are registered once."""

    settings = Settings()

    def __init__(self, services: _CallersServices) -> None:
        self._services = services

    def __getattr__(self, name: str) -> Any:
        """Return the instance's own part. While the app is built, return one that looks for it in each call."""
        now = self._services.deps
        return getattr(now, name) if now is not self else _PartOfTheCall(self._services, name)


class _OneForEachInstance:
    """An object of the web layer for each instance. A new seed, known by its settings, begins with none."""

    def __init__(self, services: _CallersServices, make: Callable[[Deps], Any]) -> None:
        self._services = services
        self._make = make
        self._settings: Settings | None = None
        self._of_instance: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        deps = self._services.deps
        if deps.settings is not self._settings:
            self._settings, self._of_instance = deps.settings, {}
        if id(deps) not in self._of_instance:
            self._of_instance[id(deps)] = self._make(deps)
        return getattr(self._of_instance[id(deps)], name)


class Routes:
    """The web app of all instances, built once."""

    def __init__(self) -> None:
        self._services = _CallersServices()
        self._services.deps = _DepsOfTheCall(self._services)
        self._app = build_app(cast(Services, self._services))
        # Without turns: a virtual thread that waited for one would stand in a real lock, and the others with it.
        self._app.wsgi_app = self._app.extensions[TURNSTILE].app  # type: ignore[method-assign]
        for name, make in ((REFUSED_CALLS, RefusedCalls), (FAILED_PROOFS, FailedProofs)):
            self._app.extensions[name] = _OneForEachInstance(self._services, make)

    def post(
        self, deps: Deps, path: str, body: str | dict[str, Any], headers: dict[str, str] | None = None
    ) -> HttpAnswer:
        """Send one POST to the instance with these dependencies."""
        self._services.deps = deps
        text = body if isinstance(body, str) else json.dumps(body)
        client = self._app.test_client(use_cookies=False)
        sent = {"X-Callback-Secret": SECRET} | (headers or {})
        answer = client.post(path, data=text, headers=sent, content_type="application/json")
        body_of_answer = answer.get_data(as_text=True)
        answer.close()  # the app publishes its new events once an answer is out
        return HttpAnswer(answer.status_code, body_of_answer)
