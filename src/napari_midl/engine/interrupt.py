"""Stopping a long computation that nobody waits for any more."""

from __future__ import annotations

from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from torch import nn

_thread = local()


class Interrupted(Exception):
    """Raised by `go_on` once nobody waits any more."""


@contextmanager
def stopping_at(stop: Event | None) -> Iterator[None]:
    """Let an event stop what this thread computes within; None leaves it as it was."""
    before = _stop()
    _thread.stop = stop or before
    try:
        yield
    finally:
        _thread.stop = before


def go_on() -> None:
    """Between two steps of a computation: nothing.

    Raises
    ------
    Interrupted
        Once the event of `stopping_at` is set.
    """
    stop = _stop()
    if stop is not None and stop.is_set():
        raise Interrupted


@contextmanager
def interruptible(network: nn.Module, stop: Event | None) -> Iterator[None]:
    """Let an event stop a forward pass before its next layer; None as for `stopping_at`."""

    def check(*_: object) -> None:
        go_on()

    hooks = [
        m.register_forward_pre_hook(check) for m in network.modules() if not list(m.children())
    ]
    try:
        with stopping_at(stop):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _stop() -> Event | None:
    return getattr(_thread, "stop", None)
