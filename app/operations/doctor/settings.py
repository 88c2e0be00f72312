"""The doctor's checks of the settings: missing ones, mistyped ones, and former secrets still accepted."""

from __future__ import annotations

from app.operations.doctor.findings import Checkup, Finding
from app.settings.mistyped import mistyped
from app.settings.values import ROTATED_SECRETS

MISSING = {
    "auth": "users cannot call the API: set AUTH_JWT_SECRET or AUTH_JWKS_URL",
    "cron_secret": "the safety net's route is closed: set CRON_SECRET and give it to the cron",
    "n8n_callback_secret": "n8n cannot report back: set N8N_CALLBACK_SECRET and give it to the workflow",
    "token_encryption_keys": "no account can be connected: set TOKEN_ENCRYPTION_KEYS",
    "public_base_url": "n8n does not know where to report to: set PUBLIC_BASE_URL",
}


def check_settings(checkup: Checkup) -> list[Finding]:
    s = checkup.deps.settings
    present = {"auth": s.auth_jwt_secret or s.auth_jwks_url}
    missing = [text for name, text in MISSING.items() if not (present.get(name) or getattr(s, name, None))]
    found = [Finding("FAIL", "settings", text) for text in missing]
    for name, meant in mistyped(checkup.environ):
        cure = f"did you mean {meant}? Rename it" if meant else "correct its name, or remove it"
        found.append(Finding("WARN", "settings", f"{name[:60]} is no setting and has no effect: {cure}"))
    for name in ROTATED_SECRETS:
        if getattr(s, f"{name}_previous") is not None:
            former, new = f"{name}_previous".upper(), name.upper()
            text = f"{former} is still accepted: remove it once every caller has the new {new}"
            if getattr(s, name) is None:
                text = f"{former} has no effect without {new}: set {new}"
            found.append(Finding("WARN", "settings", text))
    if not s.callback_shared_secret_allowed:
        text = (
            "CALLBACK_SHARED_SECRET_ALLOWED=0: a workflow must post to the callbackUrl and claimUrl that it was given"
        )
        found.append(Finding("OK", "settings", text))
    return found or [Finding("OK", "settings", "complete")]
