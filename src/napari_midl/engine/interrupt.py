"""Stopping a network in the middle of a forward pass."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from torch import nn


class Interrupted(Exception):
    """Raised between two layers once the event is set."""


@contextmanager
def interruptible(network: nn.Module, stop: Event) -> Iterator[None]:
    """Let `stop` end a running forward pass before its next layer, by `Interrupted`."""

    def check(*_: object) -> None:
        if stop.is_set():
            raise Interrupted

    hooks = [
        m.register_forward_pre_hook(check) for m in network.modules() if not list(m.children())
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
