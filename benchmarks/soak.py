"""What a window holds on to while somebody paints, learns, predicts and cancels for hours.

Needs a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks soak --minutes 120``.
Each round paints a vessel and some ground with the mouse, fine-tunes, begins a prediction and
cancels it, lets it go on to its end, and takes the strokes back.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from benchmarks import report
from scripts.tutorials.newcomer import newcomer

if TYPE_CHECKING:
    from scripts.tutorials.hand import Hand

NAME, HERE, EVERY = "soak", "--here", 300.0
WARM_UP = 3  # rounds
BEFORE_CANCEL = 1.0


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument(HERE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not options.here:
        with newcomer() as environment:
            command = [sys.executable, "-m", "benchmarks", NAME, HERE, *arguments]
            subprocess.run(command, env=environment, check=True)
        return
    rows = list(soaked(60 * options.minutes))
    report.write(NAME, rows, f"one window, on {os.cpu_count()} cores")
    print(report.markdown(rows))


def soaked(seconds: float):  # type: ignore[no-untyped-def]
    """What is held, every five minutes."""
    from scripts.tutorials.hand import Hand

    hand = Hand()
    hand.menu("File", "Open Sample", "MIDL", "Synthetic vessels")
    hand.wait(2)
    hand.menu("Plugins", "MIDL", "Vessels (MIDL)")
    hand.wait(3)
    hand.home()
    dock = hand.dock("Vessels")
    rng = np.random.default_rng(0)
    began, number, last = time.monotonic(), 0, -EVERY
    while True:
        left = began + seconds - time.monotonic()
        if number >= WARM_UP and (left <= 0 or time.monotonic() - last >= EVERY):
            last = time.monotonic()
            minutes = round((last - began) / 60, 1)
            row = {"minutes": minutes, "rounds": number, **held()}
            print(row, flush=True)
            yield row
            if left <= 0:
                break
        one_round(hand, dock, rng)
        number += 1
    hand.viewer.close()
    hand.wait(0.5)


def one_round(hand: Hand, dock: Any, rng: np.random.Generator) -> None:
    """Paint, learn, predict, cancel, go on, and take the strokes back."""
    bench, runner = dock.bench, dock.bench.runner
    image = bench.image
    z = int(rng.integers(10, image.data.shape[0] - 10))
    hand.slice(0, z)
    plane = np.asarray(image.data[z])
    bright = np.argwhere(plane >= np.quantile(plane, 0.995))
    dark = np.argwhere(plane <= np.quantile(plane, 0.5))
    for key, places in (("2", bright), ("1", dark)):
        hand.key(key)
        y, x = places[rng.integers(len(places))].clip(8, np.array(plane.shape) - 9)
        hand.drag([hand.at(image, (z, y, x + step)) for step in range(-6, 7, 3)])
    hand.wait(1)
    hand.click(dock.learn.train)
    ended(hand, runner)
    hand.click(dock.predict.go)
    hand.wait(BEFORE_CANCEL)
    if runner.running:
        hand.click(dock.progress.cancel)
        ended(hand, runner)
        hand.click(dock.predict.go)
    ended(hand, runner)
    for _ in range(2):
        hand.click(dock.annotate.undo)


def ended(hand: Hand, runner: Any) -> None:
    """Wait until nothing runs, however busy the machine is."""
    while runner.running:
        hand.wait(0.1)


def held() -> dict[str, int]:
    """Threads, open files, objects of Python, widgets and MiB of this process."""
    from qtpy.QtWidgets import QApplication

    gc.collect()
    process = psutil.Process()
    return {
        "threads": threading.active_count(),
        "files": process.num_fds(),
        "objects": len(gc.get_objects()),
        "widgets": len(QApplication.allWidgets()),
        "MiB": process.memory_info().rss >> 20,
    }
