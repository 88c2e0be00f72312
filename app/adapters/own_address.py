"""Call the app's own public address, to see whether this installation answers there.

Invariant: one request without redirects, bounded in time and size. Nothing is raised.
"""

from __future__ import annotations

from app.adapters.network_errors import describe_root_cause
from app.domain.ports import AddressAnswer
from app.settings.values import Settings

SECONDS = 5.0


class OwnAddress:
    """An implementation of ports.AddressProbe. Each call has its own connection: only a command uses this."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.public_base_url
        self._bypass = settings.vercel_automation_bypass_secret

    def ask(self, nonce: str) -> AddressAnswer:
        from requests import Request

        from app.adapters.requests_transport import DeadlineTransport

        headers = {"User-Agent": "Punctual-Doctor", "Accept": "application/json", "X-Punctual-Nonce": nonce}
        if self._bypass is not None:
            headers["x-vercel-protection-bypass"] = self._bypass
        transport = DeadlineTransport()
        try:
            request = Request("GET", f"{self._base}/healthz", headers=headers).prepare()
            with transport.send(request, stream=True, timeout=(SECONDS, SECONDS)) as response:
                answered = response.headers
                return AddressAnswer(response.status_code, answered.get("X-Punctual-Proof"), answered.get("Location"))
        except Exception as error:  # requests', urllib3's and the socket's
            return AddressAnswer(None, None, None, describe_root_cause(error))
        finally:
            transport.close()
