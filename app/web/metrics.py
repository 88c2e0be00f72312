"""The route of Prometheus. Its code is imported at the first scrape.

Invariant: closed without METRICS_SECRET, and no answer contains users' data.
"""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from app.log import emit
from app.web.addresses import acts_on_get, logged_path
from app.web.auth import bearer, deps, is_secret, not_configured, unauthorized
from app.web.failed_proofs import failed_proofs
from app.web.status import health

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@acts_on_get
def metrics() -> Response:
    """Answer the metrics, and move the counters on."""
    secret = deps().settings.metrics_secret
    if secret is None:
        raise not_configured("METRICS_SECRET")
    if not is_secret(bearer(), secret):
        refused = failed_proofs().refusal(
            lambda: emit("secret.refused", setting="METRICS_SECRET", path=logged_path()), forged=True
        )
        return refused or unauthorized("The secret is missing or wrong.")
    from app.operations.metrics.exposition import CONTENT_TYPE, render

    return Response(render(deps(), health()), content_type=CONTENT_TYPE)
