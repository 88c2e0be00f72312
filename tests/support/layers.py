"""The layers of the app, the rooms of its use cases, and the imports that each may have."""

OURS = {"app", "migrations", "tests"}
#: The rooms of the use cases, and the rooms that each may import. `delivery.postpone` is one file of a room.
ROOMS: dict[str, set[str]] = {
    "alerts": set(),
    "rate_limits": set(),
    "quotas": set(),
    "idempotency": {"quotas"},
    "audit": set(),
    "api_keys": {"audit", "quotas"},
    "companies": {"alarms", "audit", "quotas"},
    "arming_budget": set(),
    "alarms": {"alerts", "arming_budget"},
    "delivery": {"alarms", "alerts"},
    "accounts": {"delivery.postpone", "alarms", "alerts", "audit", "companies", "quotas"},
    "pause": set(),
    "people": {"accounts", "alarms", "audit", "companies"},
    "posts": {"accounts", "alarms", "audit", "companies", "quotas"},
    "restore": {"alarms", "alerts"},
    "operations": {"alarms"},
    "events": {"audit", "companies", "quotas"},
    "sweep": {"events", "delivery", "accounts", "alarms", "arming_budget", "operations", "posts.bulk", "restore"},
}
INWARD = {"use case", "deps", "store", "domain", "base"}
MAY_IMPORT = {
    "base": {"base"},  # settings, log, version: imported by all, importing nothing else
    "domain": {"domain"},
    "store": {"store", "domain", "base"},
    "adapters": {"adapters", "domain", "base"},
    "deps": {"store", "domain", "base"},
    "use case": INWARD,
    "web": INWARD | {"web"},
    "wiring": INWARD | {"wiring", "adapters"},
    "cli": INWARD | {"cli", "web", "wiring"},
    "entry": {"base", "cli", "web", "wiring"},
    "serve": {"base"},
    "local": {"local"},
    "mcp": {"mcp"},  # a client of the public API
}
#: Where each third party may be imported.
HOME_OF = {
    ("flask", "click"): {"web", "cli", "entry"},
    ("flask_smorest", "flask_cors", "marshmallow", "werkzeug", "webargs", "apispec"): {"web"},
    ("flask_limiter", "limits", "icalendar"): {"web"},
    ("sqlalchemy", "alembic", "psycopg2"): {"store"},
    ("qstash", "httpx"): {"adapters"},
    ("requests", "urllib3", "certifi", "jwt", "cryptography"): {"adapters", "local"},
    ("authlib", "standardwebhooks"): {"adapters"},
    ("sentry_sdk", "opentelemetry"): {"adapters"},
    ("prometheus_client",): {"use case"},
    ("aiohttp", "yarl", "cronsim"): {"local"},
    ("mcp", "mcp_types", "httpx2", "pydantic", "starlette", "uvicorn"): {"mcp"},
}
HOMES = {package: layers for packages, layers in HOME_OF.items() for package in packages}
CLI = ("cli_keys", "cli_pause", "cli_people")
LAYER_OF = dict.fromkeys(("settings", "log", "version"), "base") | dict.fromkeys(CLI, "cli")
LAYER_OF |= dict.fromkeys(ROOMS, "use case") | {"preload": "entry"}
