"""How long each dock keeps a click waiting, shows nothing, and takes to cancel.

Needs a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks responsiveness``,
with whichever Qt binding is installed; the rows that another binding gave are kept. A timer asks to
be called every 10 ms in a real napari window; what it is late by is what a click would wait. On a
machine that is busy otherwise all of it is longer: *load* is how many processes wanted a core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks import report
from napari_midl.methods import METHODS
from scripts.tutorials.newcomer import newcomer

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.tutorials.hand import Hand

NAME, HERE = "responsiveness", "--here"
OPENING, WORKING = 3.0, 8.0  # seconds that are measured
BEFORE_CANCEL = 1.5


def main(options: list[str]) -> None:
    """Print the table; with names of tools, of these alone."""
    if options[:1] == [HERE]:
        print(json.dumps(measured(options[1], options[2] == "on")))
        return
    for slicing in ("off", "on"):
        for tool in options or METHODS:
            command = [sys.executable, "-m", "benchmarks", NAME, HERE, tool, slicing]
            with newcomer() as environment:
                done = subprocess.run(
                    command, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
                )
            keep(json.loads(done.stdout.splitlines()[-1]))
    print(report.markdown(report.read(NAME)))


def keep(row: dict[str, Any]) -> None:
    """Add a row to those kept before, in the place of the same one."""

    def place(row: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(row.get(key, "")) for key in ("Qt", "async", "dock"))

    rows = {place(each): each for each in report.read(NAME)} | {place(row): row}
    report.write(NAME, list(rows.values()), f"milliseconds, on {os.cpu_count()} cores")


def measured(tool: str, slicing: bool) -> dict[str, Any]:
    """The delays of one dock."""
    from napari.settings import get_settings
    from qtpy import API_NAME

    from benchmarks.dock_work import made_ready, open_image
    from benchmarks.lateness import Lateness
    from scripts.tutorials.hand import Hand

    get_settings().experimental.async_ = slicing
    hand = Hand()
    open_image(hand.viewer, tool)
    hand.wait(2)
    late = Lateness()
    hand.wait(2)
    idle = late.taken()
    hand.menu("Plugins", "MIDL", f"{tool.title()} (MIDL)")
    hand.wait(OPENING)
    opening = late.taken()
    dock = hand.dock(tool.title())
    button, something = made_ready(hand, tool, dock)
    runner = dock.bench.runner
    hand.wait(1)
    hand.until(button.isEnabled, 0.05)
    drawn = Drawn(hand.viewer, something)
    late.taken()
    began = time.perf_counter()
    button.click()
    seconds_until(hand, lambda: drawn.at or not runner.running)
    drawn.stop()
    assert drawn.at, "the work ended, and nothing of it was drawn"
    while runner.running and time.perf_counter() - began < WORKING:
        hand.wait(0.05)
    working = late.taken()
    cancelled = cancel(hand, dock, button)
    late.stop()
    hand.viewer.close()
    hand.wait(0.5)
    return {
        "Qt": API_NAME,
        "dock": tool,
        "async": "on" if slicing else "off",
        "load": round(os.getloadavg()[0], 1),
        "idle, worst": round(idle["worst"]),
        "opening, worst": round(opening["worst"]),
        **{f"working, {name}": round(value) for name, value in working.items()},
        "click to first pixels": round(1000 * (drawn.at - began)),
        "Cancel to idle": round(1000 * cancelled),
    }


class Drawn:
    """When the image is first drawn with something of the work in it, in `perf_counter`'s time."""

    def __init__(self, viewer: Any, something: Callable[[], Any]) -> None:
        self.at = 0.0
        self._something = something
        canvas = viewer.window._qt_viewer.canvas
        self._events = canvas._scene_canvas.events.draw
        self._events.connect(self._on_drawn, position="last")

    def stop(self) -> None:
        self._events.disconnect(self._on_drawn)

    def _on_drawn(self, event: Any) -> None:
        if not self.at and self._something():
            self.at = time.perf_counter()


def cancel(hand: Hand, dock: Any, button: Any) -> float:
    """Seconds from Cancel until nothing runs; the work is begun again where it had ended."""
    runner = dock.bench.runner
    if not runner.running:
        hand.until(button.isEnabled, 0.05)
        button.click()
        hand.wait(BEFORE_CANCEL)
    dock.progress.cancel.click()
    return seconds_until(hand, lambda: not runner.running)


def seconds_until(hand: Hand, reached: Callable[[], Any]) -> float:
    began = time.perf_counter()
    while not reached():
        hand.wait(0.01)
    return time.perf_counter() - began
