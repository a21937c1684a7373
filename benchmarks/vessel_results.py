"""The rows of the vessel benchmark as they are kept, and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]

ORACLE, FOREST, BASE = "threshold oracle", "random forest", "base, not tuned"
PARTS = ("trees", "shipped", "tuned")
MIXED, ALL, SCRATCH = "all, mixed", "all, distilled", "from scratch"
JOINT, DEEP, DEEP_SCRATCH = "all, with U-Net", "U-Net", "U-Net from scratch"
LARGE = "tUbe net from scratch"
CLOCKS = ("clock", "processor")
COLUMNS = (ORACLE, FOREST, BASE, *PARTS, MIXED, ALL, SCRATCH, JOINT, DEEP, DEEP_SCRATCH, LARGE)


class Results:
    """The rows that are there, one a stack, reveal, draw and learner.

    Parameters
    ----------
    name, note : str
        As for `report.write`.
    """

    def __init__(self, name: str, note: str) -> None:
        self._name, self._note = name, note
        self._rows = {self._key(row): row for row in report.read(name)}

    @staticmethod
    def _key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("stack", "revealed", "draw", "learner"))

    def holds(self, about: Row) -> bool:
        """Whether the row is there, of the same base."""
        kept = self._rows.get(self._key(about))
        return kept is not None and kept["base"] == about["base"]

    def keep(self, row: Row) -> None:
        """Keep one more."""
        self._rows[self._key(row)] = row
        report.write(self._name, list(self._rows.values()), self._note)

    def mean(self, stack: str, revealed: str, learner: str, number: str) -> float | None:
        """The mean of a number over the draws; None if there is none."""
        of = (stack, revealed, learner)
        values = [
            row[number]
            for row in self._rows.values()
            if (row["stack"], row["revealed"], row["learner"]) == of and number in row
        ]
        return float(np.mean(values)) if values else None

    def tables(self, stacks: Mapping[str, bool], revealed: str) -> str:
        """Tables of stacks by name, and whether each counts in the means; what came of it."""
        if not stacks:
            return ""
        tables = [f"\n## {revealed}"]
        for title, number in (("Dice", "dice"), ("clDice", "cldice")):
            rows = [self._numbers(stack, revealed, number) for stack in stacks]
            counted = [row for row in rows if stacks[row["stack"]]]
            rest = [row for row in rows if not stacks[row["stack"]]]
            mean = [_mean_of(counted)] if counted else []
            tables += [f"{title}:", report.markdown([*counted, *mean, *rest])]
        for clock in CLOCKS:
            speeds = [self._numbers(stack, revealed, f"Mvoxel/s, {clock}") for stack in stacks]
            tables += [
                f"Seconds of learning + predicting, {clock}:",
                report.markdown(
                    [
                        *(self._seconds(stack, revealed, clock) for stack in stacks),
                        _mean_of(speeds) | {"stack": "Mvoxel/s, mean"},
                    ]
                ),
            ]
        tables.append(self._summary(stacks, revealed))
        return "\n\n".join(tables)

    def _numbers(self, stack: str, revealed: str, number: str) -> Row:
        found = {name: self.mean(stack, revealed, name, number) for name in COLUMNS}
        return {"stack": stack, **{name: x for name, x in found.items() if x is not None}}

    def _seconds(self, stack: str, revealed: str, clock: str) -> Row:
        row = {"stack": stack}
        for name in COLUMNS:
            learning, predicting = (
                self.mean(stack, revealed, name, f"{doing}, {clock}")
                for doing in ("learning", "predicting")
            )
            if learning is not None and name != ORACLE:
                row[name] = f"{learning:.1f} + {predicting:.1f}"
        return row

    def _summary(self, stacks: Mapping[str, bool], revealed: str) -> str:
        """By how much it is better than its peers."""
        said = []
        for title, number in (("Dice", "dice"), ("clDice", "cldice")):
            for peer in (FOREST, ORACLE, SCRATCH):
                gains = self._gains([s for s in stacks if stacks[s]], revealed, peer, number)
                if gains:
                    gain = np.mean(list(gains.values()))
                    said.append(f"{title} {gain:+.3f} against {peer}")
        below = self._gains(stacks, revealed, FOREST, "dice")
        if below:
            worst = min(below, key=lambda stack: below[stack])
            said.append(f"worst against {FOREST}: {worst} {below[worst]:+.3f} Dice")
        return f"{ALL}, {revealed}: " + "; ".join(said) + "."

    def _gains(
        self, stacks: Iterable[str], revealed: str, peer: str, number: str
    ) -> dict[str, float]:
        found = {}
        for stack in stacks:
            own, other = (self.mean(stack, revealed, name, number) for name in (ALL, peer))
            if own is not None and other is not None:
                found[stack] = own - other
        return found


def _mean_of(rows: list[Row]) -> Row:
    """Of what all rows hold."""
    names = [name for name in rows[0] if name != "stack" and all(name in row for row in rows)]
    return {"stack": "mean"} | {name: float(np.mean([row[name] for row in rows])) for name in names}
