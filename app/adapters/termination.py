"""Notice the signal that asks this process to end, SIGTERM.

Invariant: the server's own handler runs too. Where the signal ends the process at once, nothing is installed.
"""

from __future__ import annotations

import signal
import threading
from typing import Any

from app.domain.delivery import StopRequest


def watch_termination() -> StopRequest:
    """Return a request that is set at SIGTERM.

    Servers install their handlers before they load the app, gunicorn's workers among them. Without one, or outside the
    main thread, the request is never set.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        return stop
    former = signal.getsignal(signal.SIGTERM)
    if not callable(former):
        return stop

    def note(number: int, frame: Any) -> None:
        stop.requested = True  # no lock and no log here: the signal may have interrupted their holder
        former(number, frame)

    signal.signal(signal.SIGTERM, note)
    signal.siginterrupt(signal.SIGTERM, False)
    return stop
