"""What goes into the axon operations and comes out of them, beside images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from napari_midl.engine.hashes import hash_path
from napari_midl.engine.inputs import FileIn, In, ModelIn
from napari_midl.engine.outputs import FileOut, TableOut
from napari_midl.engine.ports import IN_MEMORY
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.traces import Seed, Trace
    from napari_midl.volumes.volume import Volume


class TracingCache:
    """The last model, and the last image made ready for it.

    Whoever asks while another thread makes it ready waits for that.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._model: tuple[str, Model] | None = None
        self._tracing: Tracing | None = None

    def model(self, name: str) -> Model:
        """The model of a name."""
        with self._lock:
            if self._model is None or self._model[0] != name:
                from napari_midl.methods.axons.models import named_model

                self._model = name, named_model(name)
            return self._model[1]

    def tracing(self, volume: Volume, model: Model, settings: TraceSettings) -> Tracing:
        """A model made ready for an image; made anew where anything about it changed."""
        with self._lock:
            kept = self._tracing
            same = kept is not None and kept.volume is volume and kept.model is model
            if kept is None or not same or kept.settings != settings:
                from napari_midl.methods.axons.tracing import Tracing

                kept = self._tracing = Tracing(volume, model, settings)
            return kept

    def forget(self) -> None:
        """Make everything anew the next time."""
        self._model = self._tracing = None


@dataclass(frozen=True)
class Grown:
    """How far some traces are, in the order of their seeds.

    Parameters
    ----------
    done : tuple of Trace
        Those that have ended.
    growing : tuple of Trace
        Those under way.
    more : tuple of Trace
        Further pieces of those that have ended.
    """

    done: tuple[Trace, ...] = ()
    growing: tuple[Trace, ...] = ()
    more: tuple[Trace, ...] = ()


@dataclass(frozen=True)
class AxonModelIn(ModelIn):
    """``base`` (shipped), or the path of a model.

    Parameters
    ----------
    cache : TracingCache, optional
        Where a dock keeps the model between two clicks.
    """

    cache: TracingCache | None = field(default=None, repr=False, compare=False, metadata=IN_MEMORY)

    def open(self) -> Model:
        """The model, its network in evaluation mode."""
        return (self.cache or TracingCache()).model(self.name)


@dataclass(frozen=True)
class SeedsIn(In["list[Seed]"]):
    """Table with the columns path,y,x[,z][,dy,dx[,dz]] in pixels.

    Parameters
    ----------
    path : Path or None
        None where they are in memory only.
    seeds : sequence of Seed
        The seeds themselves.
    """

    path: Path | None
    # `Seed` lies in a module that takes long to import.
    seeds: Any = field(default=(), repr=False, compare=False, metadata=IN_MEMORY)

    def open(self) -> list[Seed]:
        """The seeds."""
        if self.seeds:
            return list(self.seeds)
        if self.path is None:
            raise InputError("There is no seed to trace from; give at least one.")
        from napari_midl.volumes.traces import read_seeds

        return read_seeds(self.path)

    def identity(self, opened: list[Seed]) -> dict[str, Any]:
        """The hash of the table."""
        return {"sha256": hash_path(self.path)} if self.path else {"count": len(opened)}


@dataclass(frozen=True)
class TracesIn(FileIn):
    """Traces, as ``.swc`` in micrometres or ``.csv`` in pixels."""

    @classmethod
    def of(cls, traces: Sequence[Trace], kept_as: str = "traces.csv") -> TracesIn:
        """Traces that are in memory, and as what to keep them."""

        def write(path: Path) -> None:
            from napari_midl.volumes.space import Space
            from napari_midl.volumes.traces import write_traces

            write_traces(path, traces, Space())

        return cls(None, write, kept_as)


@dataclass(frozen=True)
class KnownIn(In["list[Trace]"]):
    """Traces that are there already, as ``.swc`` in micrometres or ``.csv`` in pixels.

    Parameters
    ----------
    path : Path or None
        None where they are in memory only.
    traces : sequence of Trace
        The traces themselves, in voxels.
    """

    path: Path | None
    traces: Any = field(default=(), repr=False, compare=False, metadata=IN_MEMORY)

    def open(self, volume: Volume | None = None) -> list[Trace]:
        """The traces, in voxels of their image; those of a file are called after it too.

        Raises
        ------
        InputError
            If their file cannot be read or does not fit its format or image.
        """
        if self.path is None:
            return list(self.traces)
        from napari_midl.volumes.traces import check_inside, read_traces

        assert volume is not None
        found = read_traces(self.path, volume.space, volume.shape)
        check_inside(found, volume.shape, volume.name)
        return [replace(trace, path=f"{trace.path} of {self.path.name}") for trace in found]

    def identity(self, opened: list[Trace]) -> dict[str, Any]:
        """The hash of the file."""
        return {"sha256": hash_path(self.path)} if self.path else {"count": len(opened)}


@dataclass(frozen=True)
class TracesOut(FileOut):
    """The ``.csv`` (pixels) or ``.swc`` (micrometres, a ``.csv`` beside it) to write."""

    endings = (".csv", ".swc")

    def companions(self, path: Path) -> list[Path]:
        """The table beside an SWC."""
        return [path.with_suffix(".csv")] if path.suffix == ".swc" else []


@dataclass(frozen=True)
class MeasurementsOut(TableOut):
    """The ``.csv`` to write, a row a trace; one of trees and one for Sholl plots beside it."""

    def companions(self, path: Path) -> list[Path]:
        """The tables of trees and of intersections with spheres."""
        return [trees_table(path), sholl_table(path)]


def trees_table(path: Path) -> Path:
    """Where the measures of trees are, beside those of traces."""
    return path.with_name(f"{path.stem} trees.csv")


def sholl_table(path: Path) -> Path:
    """Where the numbers of intersections with spheres are, beside the measures of traces."""
    return path.with_name(f"{path.stem} sholl.csv")
