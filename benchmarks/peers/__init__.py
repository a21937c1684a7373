"""The same task by our tool and by what a user would take instead, one file for each tool.

Each file has its ``TASKS``. Seconds are those of the processor, of all threads, which other work on
the machine hardly changes; reading files is not among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Places(NamedTuple):
    """The folder of the shared data, and that of the vessel models that have not seen a stack."""

    data: Path
    bases: Path


class Found(NamedTuple):
    """What a way of doing a task came to on one case."""

    scores: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class Task:
    """One job of a user.

    Parameters
    ----------
    name : str
        As it is called on the page.
    by_hand : str
        What the user does.
    cases : tuple of str
        What it is done to.
    ways : mapping of str to callable
        Of the places and the name of a case; ours first.
    """

    name: str
    by_hand: str
    cases: tuple[str, ...]
    ways: Mapping[str, Callable[[Places, str], Found]]
