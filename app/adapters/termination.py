"""Notice the signal that asks this process to end, SIGTERM.

Invariant: the server's own handler stays as it is, whether it was installed before the app was loaded or comes after.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import weakref

from app.domain.delivery import StopRequest

NO_DESCRIPTOR = -1


def watch_termination() -> StopRequest:
    """Return a request that is set at SIGTERM.

    Servers install their handlers before or after they load the app, Granian's workers after. One of ours could be
    replaced. Python writes the number of each signal it handles to one file descriptor instead, and a thread reads it.
    A signal without a handler ends the process at once and sets nothing. Nothing is watched outside the main thread.
    """
    stop = StopRequest()
    if threading.current_thread() is threading.main_thread():
        _watcher.add(stop)
    return stop


class _Watcher:
    """The one reader of this process's signals. It starts with the first request."""

    def __init__(self) -> None:
        self._requests: weakref.WeakSet[StopRequest] = weakref.WeakSet()
        self._sender: socket.socket | None = None
        self._former = NO_DESCRIPTOR

    def add(self, stop: StopRequest) -> None:
        """Set this request at the next SIGTERM."""
        self._requests.add(stop)
        if self._sender is None:
            receiver, self._sender = socket.socketpair()
            self._sender.setblocking(False)
            threading.Thread(target=self._read, args=(receiver,), name="termination", daemon=True).start()
        former = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        if former != self._sender.fileno():
            self._former = former

    def _read(self, receiver: socket.socket) -> None:
        """Set the requests at SIGTERM, and pass each signal on to the descriptor that was set before."""
        while numbers := receiver.recv(64):
            if signal.SIGTERM in numbers:
                for stop in list(self._requests):
                    stop.requested = True
            if self._former != NO_DESCRIPTOR:
                with contextlib.suppress(OSError):  # closed by its owner, or full
                    os.write(self._former, numbers)


_watcher = _Watcher()


def _forget_in_child() -> None:
    """Start without a watcher after a fork: the child's signals must not reach the parent's reader."""
    global _watcher
    if _watcher._sender is not None:
        signal.set_wakeup_fd(NO_DESCRIPTOR)
        _watcher = _Watcher()


os.register_at_fork(after_in_child=_forget_in_child)
