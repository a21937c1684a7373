"""What is kept of traces: files of them, and their measures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.lengths import IN_VOXELS, WHY, unit_of, why_voxels
from napari_midl.engine.operations import Operation, operation
from napari_midl.errors import InputError
from napari_midl.methods.axons.links import accepted
from napari_midl.methods.axons.ports import (
    MeasurementsOut,
    TracesIn,
    TracesOut,
    sholl_table,
    trees_table,
)
from napari_midl.volumes.counting import counted
from napari_midl.volumes.units import length_in_words, symbol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Running
    from napari_midl.volumes.space import Space
    from napari_midl.volumes.traces import Trace as Traced
    from napari_midl.volumes.volume import Volume

LOOKING = "looking where the traces lie"


@dataclass(frozen=True, kw_only=True)
class TracesOperation(Operation["list[Traced]"]):
    """An operation that writes traces of an image."""

    image: ImageIn
    out: TracesOut

    def keep(
        self, run: Running, found: list[Traced], volume: Volume, about: Sequence[str] = ()
    ) -> list[Traced]:
        """Write them, but for those that are empty, and what there is to say about them."""
        from napari_midl.volumes.traces import write_traces

        written = [trace for trace in found if len(trace.points)]
        if self.out.path is not None:
            write_traces(run.staged(), written, volume.space, about)
        length = sum(trace.length(volume.voxel_size) for trace in written)
        run.results |= {"traces": len(written), "length": length, **unit_of(volume)}
        return found

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many, how long, and what is odd about them."""
        length = length_in_words(results["length"], results["unit"])
        many = f"{counted(results['traces'], 'trace')}, {length} long in all"
        return [many, *results.get("notes", []), *why_voxels(results)]


@operation("axons.measure", argument="traces")
@dataclass(frozen=True, kw_only=True)
class Measure(Operation["pd.DataFrame"]):
    """Measure traces and their trees: length, tortuosity, orders, width, Sholl intersections.

    Parameters
    ----------
    image : ImageIn, optional
        Their image, which tells the size of a pixel; without it a ``.csv`` is measured in pixels.
    accepted_only : bool
        Leave out what nobody has accepted.
    sholl_step : float
        From one sphere of the Sholl table to the next, in the unit of lengths; 0 chooses one.
    """

    traces: TracesIn
    image: ImageIn | None = None
    accepted_only: bool = False
    sholl_step: float = 0.0
    out: MeasurementsOut

    def job(self, run: Running) -> Job[pd.DataFrame]:
        """Measure."""
        if not self.sholl_step >= 0:
            raise InputError("The step between spheres is a length; give one above 0.")
        volume = (yield from run.open(self.image)) if self.image is not None else None
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.volumes.space import Space
        from napari_midl.volumes.swc import in_pixels, is_swc
        from napari_midl.volumes.tables import write_table
        from napari_midl.volumes.traces import read_traces

        if volume is not None:
            known, space = (yield from read_traces_of(run, path, volume)), volume.space
        else:
            known, micrometres = read_traces(path, Space()), is_swc(path) and not in_pixels(path)
            if more := said_of_more(path):
                run.results["notes"] = more
            space = Space.of((1.0, 1.0, 1.0), "micrometer") if micrometres else Space()
        if self.accepted_only:
            known = accepted(known, path)
        unit = space.known_unit
        measured = partial(_measured, known, space, self.sholl_step)
        table, of_trees, spheres = yield from elsewhere(measured, "measuring")
        if self.out.path is not None:
            staged = run.staged()
            write_table(table, staged)
            write_table(of_trees, trees_table(staged))
            write_table(spheres, sholl_table(staged))
        run.results |= {"traces": len(known), "trees": len(of_trees), "unit": unit or IN_VOXELS}
        if volume is not None:
            run.results |= unit_of(volume)
        elif unit is None:
            run.results[WHY] = "Lengths are in voxels; give --image, which tells the voxel size."
        return table

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many, the unit of their lengths, and what is odd about them."""
        unit = "voxels" if results["unit"] == IN_VOXELS else symbol(results["unit"])
        trees = "one tree" if results["trees"] == 1 else f"{results['trees']} trees"
        many = f"{counted(results['traces'], 'trace')} in {trees}, lengths in {unit}"
        return [many, *results.get("notes", []), *why_voxels(results)]


@operation("axons.export", argument="traces")
@dataclass(frozen=True, kw_only=True)
class Export(TracesOperation):
    """Write traces of an image as SWC, or as a table.

    Parameters
    ----------
    image : ImageIn
        Their image, which tells the size of a pixel.
    accepted_only : bool
        Leave out what nobody has accepted.
    """

    traces: TracesIn
    accepted_only: bool = False

    def job(self, run: Running) -> Job[list[Traced]]:
        """Read and write; comments of an SWC stay."""
        volume = yield from run.open(self.image)
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.volumes.swc import is_swc
        from napari_midl.volumes.swc_text import remarks

        known = yield from read_traces_of(run, path, volume)
        if self.accepted_only:
            known = accepted(known, path)
        return self.keep(run, known, volume, remarks(path) if is_swc(path) else ())


def _measured(
    traces: list[Traced], space: Space, step: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tables of traces, of trees and of intersections with spheres."""
    from napari_midl.methods.axons import morphometry

    return (
        morphometry.trace_table(traces, space),
        morphometry.tree_table(traces, space),
        morphometry.sholl_table(traces, space, step or None),
    )


def said_of_more(path: Path) -> list[str]:
    """That a table of ours lies beside an SWC, which tells what that cannot hold."""
    from napari_midl.volumes.swc import is_swc
    from napari_midl.volumes.trace_table import FIRST

    table = path.with_suffix(".csv")
    if not is_swc(path) or not table.is_file():
        return []
    with table.open(encoding="utf-8", errors="replace") as file:
        ours = file.readline().startswith(",".join(FIRST))
    said = (
        f"{path.name} holds neither names nor uncertainty of its traces; {table.name} beside it "
        "does: give that instead, if they are the same traces."
    )
    return [said] if ours else []


def read_traces_of(run: Running, path: Path, volume: Volume) -> Job[list[Traced]]:
    """The traces of an image; what is odd about them becomes a note."""
    from napari_midl.methods.axons.beside import read_and_look

    known, said = yield from elsewhere(partial(read_and_look, path, volume), LOOKING)
    notes = [*said_of_more(path), *([said] if said else [])]
    if notes:
        run.results["notes"] = notes
    return known
