"""Routes of operators' figures, for admins and automation.

Invariant: no answer contains a user's text or token, and each has a bounded cost.
"""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from app.web import operation_schemas as schemas
from app.web.auth import admin_required, deps
from app.web.blueprint import UserBlueprint

blueprint = UserBlueprint("operations", __name__, url_prefix="/api/operations", description="Figures for operators")
PROOFS = ("user", "adminSecret")
REFUSED = "403 admin_required"


@blueprint.route("/lateness")
class Lateness(MethodView):
    decorators = (admin_required,)  # type: ignore[assignment]

    @blueprint.operation("getLateness", REFUSED, security=PROOFS)
    @blueprint.arguments(schemas.WindowQuery, location="query")
    @blueprint.response(200, schemas.LatenessFigures)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Read the lateness of sends over time, as an admin, with the latest late ones and their causes.

        A late send is one of more than a second after its promise.
        """
        from app.operations import figures

        return figures.lateness(deps(), query["window"])


@blueprint.route("/attempts")
class Attempts(MethodView):
    decorators = (admin_required,)  # type: ignore[assignment]

    @blueprint.operation("getAttempts", REFUSED, security=PROOFS)
    @blueprint.arguments(schemas.WindowQuery, location="query")
    @blueprint.response(200, schemas.AttemptFigures)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Read the tries and their outcomes over time, as an admin, and the posts due in the next hour."""
        from app.operations import figures

        return figures.attempts(deps(), query["window"])


@blueprint.route("/sweeps")
class Sweeps(MethodView):
    decorators = (admin_required,)  # type: ignore[assignment]

    @blueprint.operation("getSweeps", REFUSED, security=PROOFS)
    @blueprint.response(200, schemas.SweepRuns)
    def get(self) -> dict[str, Any]:
        """Read the latest runs of the safety net, as an admin, newest first."""
        from app.operations import figures

        return figures.sweeps(deps())


@blueprint.route("/services")
class Services(MethodView):
    decorators = (admin_required,)  # type: ignore[assignment]

    @blueprint.operation("getServices", REFUSED, security=PROOFS)
    @blueprint.response(200, schemas.ServiceStates)
    def get(self) -> dict[str, Any]:
        """Read the state of the database, QStash and n8n, as an admin, and the alerts with their cures.

        Nothing is called to find out. Deliveries and sweeps have met what is shown.
        """
        from app.operations.service_states import services

        return services(deps())
