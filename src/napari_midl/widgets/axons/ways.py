"""Ways from one click to another: each waits its turn, is found, and grows from what it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.methods.axons.overlaps import ON_IT, Traced

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.axons.edits import Tie
    from napari_midl.methods.axons.requests import Voxel
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.bench import AxonsBench

    Way = tuple[Voxel, ...]

TITLE = "From – to"
# How near to a trace a person clicks who means it, in px.
_MEETS = 2 * ON_IT


class Ways:
    """Finds the fibres along ways through two places or more, one after another.

    Parameters
    ----------
    bench : AxonsBench
        Runs the jobs and takes the traces.
    finding : callable
        Gives the job that finds a way, under a name; may raise `InputError`.
    free_name : callable
        Gives a name that no trace has.
    ended : callable
        Called when a way was found, or is not to be.

    Attributes
    ----------
    waiting : list
        Ways whose turn has not come.
    name : str
        Of the trace that is looked for; empty while none is.
    """

    def __init__(
        self,
        bench: AxonsBench,
        finding: Callable[[Way, str], Job[Outcome[list[Trace]]]],
        free_name: Callable[[], str],
        ended: Callable[[], object],
    ) -> None:
        self._bench, self._finding = bench, finding
        self._free_name, self._ended = free_name, ended
        self._way: Way = ()
        self.waiting: list[Way] = []
        self.name = ""

    @property
    def places(self) -> list[Voxel]:
        """All places of the ways that are not found yet."""
        return [place for way in (self._way, *self.waiting) for place in way]

    def begin(self) -> None:
        """Look for the first that waits."""
        way, traces = self.waiting.pop(0), self._bench.traces

        def found(trace: Trace) -> str:
            size = traces.voxel_size
            known = [entry.trace for entry in traces.entries]
            met = Traced([side / size[-1] for side in size], known)
            on = met.at(trace.points, ON_IT)
            if all(on):
                names = {other.path for other in on if other is not None}
                traces.select([entry for entry in traces.entries if entry.name in names])
                them = " and ".join(sorted(names))
                return f"This fibre is traced already, by {them}, now selected."
            traces.add_found([met.branch(trace, _MEETS)])
            return ""

        self._start(way, self._free_name(), found)

    def bridge(self, tied: Tie) -> None:
        """Join the two selected traces along the fibre between their ends."""
        bench, pair = self._bench, self._bench.traces.selected

        def found(between: Trace) -> str:
            if not set(pair) <= set(bench.entries):
                raise InputError("One of the two traces was changed meanwhile; join them again.")
            bench.traces.select(pair)
            bench.traces.join(bridge=between)
            return ""

        self._start(tuple(tied.ends), tied.first.path, found)

    def _start(self, way: Way, name: str, then: Callable[[Trace], str]) -> None:
        """Look for a way; `then` does something with it, and gives what to say of it."""
        bench, came = self._bench, False

        def found(outcome: Outcome[list[Trace]]) -> None:
            nonlocal came
            words: list[str] = []
            came = True
            bench.decide(lambda: words.append(then(outcome.result[0])))
            if any(words):
                bench.say(words[0])

        def finished() -> None:
            self._way, self.name = (), ""
            if not came:  # it was cancelled or failed, and what waits with it
                self.waiting = []
            self._ended()

        try:
            job = self._finding(way, name)
        except InputError as error:
            self.waiting = []
            self._ended()
            bench.report(error)
            return
        if bench.start(TITLE, job, found, on_finished=finished):
            self._way, self.name = way, name
