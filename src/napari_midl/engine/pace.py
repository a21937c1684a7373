"""How long a job will still take, told by how fast it came so far."""

from __future__ import annotations

import time

LARGE = 2**30  # voxels from which on it is said how many there are
_DAY = 86_400
_ENOUGH_SHARE, _ENOUGH_SECONDS = 0.005, 1.0
_ENOUGH_DONE = 3  # tiles, steps or the like: of a huge image each is less than any share


class Pace:
    """Time left, from how fast the share done grows; pauses do not count."""

    def __init__(self) -> None:
        self._elapsed = self._share = 0.0
        self._since: float | None = None
        self._first: float | None = None

    def stop(self) -> None:
        """Take no account of the time until `left` is asked again."""
        if self._since is not None:
            self._elapsed += time.monotonic() - self._since
            self._since = None

    def left(self, done: float, total: float) -> float | None:
        """Seconds left; None where that cannot be told yet, or nothing is left.

        Parameters
        ----------
        done, total : float
            As in `Progress`, with a total of 0 where it is not known. Where the share falls, a new
            part of the job has begun, with a pace of its own.
        """
        if total <= 0:
            return None
        share = min(done / total, 1.0)
        if share < self._share:
            self._elapsed, self._since, self._first = 0.0, None, None
        self._share = share
        now = time.monotonic()
        self._first = share if self._first is None else self._first
        self._since = now if self._since is None else self._since
        elapsed, gained = self._elapsed + now - self._since, share - self._first
        enough = gained >= _ENOUGH_SHARE or round(gained * total, 6) >= _ENOUGH_DONE
        if not enough or elapsed < _ENOUGH_SECONDS or share == 1:
            return None
        return elapsed * (1 - share) / gained


def spoken(seconds: float) -> str:
    """A span of time in words, such as ``2 min 5 s`` or ``3 days 4 h``."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if 10 * 3600 <= whole < _DAY:
        return f"{round(whole / 3600)} h"
    if whole < _DAY:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    days, hours = divmod(whole // 3600, 24)
    # Of weeks nobody wants the hours.
    return f"{days} day{'s' * (days > 1)}" + f" {hours} h" * (days < 7)


def roughly(seconds: float) -> str:
    """A span of time as one says it before one knows it well, such as ``about 3 days``."""
    for unit, size in (("day", _DAY), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * size:
            return f"about {round(seconds / size):,} {unit}s"
    return "about a minute" if seconds >= 30 else "less than a minute"
