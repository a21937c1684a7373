"""Ours beside what a user would take instead: quality, time and memory, in one run.

Every way of doing a task does every case in a process of its own. Its memory is the most that the
process held, modules included; its seconds are those of the processor. ``--data`` has the shared
data, ``--bases`` vessel models that have not seen a stack's animal (see `benchmarks.vessels`).
brightest-path-lib is installed beside.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.peers import Places, Task

TOOLS = ("vessels", "axons", "anatomy", "staining")
ONE = """
import json, resource, sys
from pathlib import Path
from benchmarks.all import tasks
from benchmarks.peers import Places
task, way, case, *folders = sys.argv[1:]
found = tasks()[task].ways[way](Places(*map(Path, folders)), case)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({**found.scores, "seconds": found.seconds, "MB": peak}))
"""


def tasks() -> dict[str, Task]:
    """All tasks of all tools, by name."""
    found = (import_module(f"benchmarks.peers.{tool}").TASKS for tool in TOOLS)
    return {task.name: task for task in chain.from_iterable(found)}


def main(arguments: list[str]) -> None:
    """Print a table for each task, and keep the rows, beside those of tasks that were not run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks all", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--bases", type=Path, required=True)
    parser.add_argument("--only", default="", help="only tasks whose name contains this")
    options = parser.parse_args(arguments)
    places = Places(options.data, options.bases)
    rows: list[dict[str, Any]] = []
    for task in tasks().values():
        if options.only in task.name:
            found = [_row(task, way, places) for way in task.ways]
            rows += found
            print(
                f"\n{task.name}: {task.by_hand}\n\n{report.markdown(_beside_ours(found))}",
                flush=True,
            )
    measured = {row["task"] for row in rows}
    kept = [row for row in report.read("all") if row["task"] not in measured]
    report.write("all", kept + rows, "mean and standard deviation over the cases of a task")


def _row(task: Task, way: str, places: Places) -> dict[str, Any]:
    cases = [_one(task, way, case, places) for case in task.cases]
    row: dict[str, Any] = {"task": task.name, "way": way, "cases": len(cases)}
    for key in cases[0]:
        values = [case[key] for case in cases]
        row |= {key: float(np.mean(values)), f"{key} spread": float(np.std(values))}
    return row


def _one(task: Task, way: str, case: str, places: Places) -> dict[str, float]:
    words = [sys.executable, "-c", ONE, task.name, way, case, *map(str, places)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _beside_ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores with their spread; time and memory as multiples of ours."""
    ours, shown = rows[0], []
    for row in rows:
        line: dict[str, Any] = {"way": row["way"]}
        for key in [key for key in row if f"{key} spread" in row]:
            if key in ("seconds", "MB"):
                line[key] = f"{row[key]:.3g}"
                line[f"{key} / ours"] = f"{row[key] / ours[key]:.2g}"
            else:
                line[key] = f"{row[key]:.3f} ± {row[f'{key} spread']:.3f}"
        shown.append(line)
    return shown
