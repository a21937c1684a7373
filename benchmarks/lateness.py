"""How late the window's event loop is: what a click would have to wait."""

from __future__ import annotations

import time

import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer

TICK_MS = 10


class Lateness:
    """A timer that asks to be called every 10 ms, and how late it was since last asked."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start(TICK_MS)

    def taken(self) -> dict[str, float]:
        """Median, 95th percentile and worst since last asked, in milliseconds.

        What keeps the loop for half a second is one late call, but fifty clicks of a hundred in
        that second: the calls that it left out count too, each by what was left of the wait.
        """
        late, self._late = self._late, []
        late += [one - out for one in late for out in np.arange(TICK_MS, one, TICK_MS)]
        p50, p95, worst = np.percentile(late, (50, 95, 100))
        return {"median": float(p50), "95th percentile": float(p95), "worst": float(worst)}

    def stop(self) -> None:
        self._timer.stop()

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self._late.append(max(0.0, 1000 * (now - self._last) - TICK_MS))
        self._last = now


def late(seconds: float) -> dict[str, float]:
    """Median, 95th percentile and worst over some seconds, in milliseconds."""
    measured, loop = Lateness(), QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
    measured.stop()
    return {f"{name} ms": value for name, value in measured.taken().items()}
