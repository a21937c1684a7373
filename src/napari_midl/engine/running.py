"""One run of an operation: inputs opened and noted, the output kept whole with its record.

An output of files is written into a hidden folder beside its place and moved there at the
end: first the record, then what belongs to the output, the output itself last. So an output
that is there is whole and has its record, and whatever a kill leaves is no output. An
OME-Zarr that grows in its place has a journal instead, which goes once the record is written.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4

from napari_midl.engine.hashes import hash_path
from napari_midl.engine.inputs import FileIn, In
from napari_midl.engine.jobs import Job, Progress, elsewhere, in_thread, wait_for
from napari_midl.engine.one_writer import one_writer
from napari_midl.engine.operations import inputs_of, options_of
from napari_midl.engine.out_of_memory import memory_of
from napari_midl.engine.outputs import FileOut, Out
from napari_midl.engine.runs import Run, read_run, write_run
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import PART, not_written, remove_folder, remove_leftovers, to_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.models import Model
    from napari_midl.engine.operations import Operation

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Watch:
    """What a person who watches a run wants; the job asks now and then, in any thread.

    Parameters
    ----------
    focus : sequence of float, optional
        Voxel ``(z, y, x)`` at which the person looks.
    view : callable
        Tells the region ``(z, y, x)`` in view, or None.
    enough : callable
        Whether a training is to end and keep what it has.
    """

    focus: Sequence[float] | None = None
    view: Callable[[], Any] = lambda: None
    enough: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What an operation gave.

    Parameters
    ----------
    result : T
        What its job returned.
    run : Run
        The record, which also lies beside the output if there is one.
    """

    result: T
    run: Run


class Running:
    """What the job of an operation uses to open, write and tell.

    Attributes
    ----------
    watch : Watch
        What the person who watches wants.
    steps : int or None
        Take exactly so many steps.
    inputs, results : dict
        What the record will say of the inputs, and of scores, steps taken and the like.
    """

    def __init__(self, done: Operation[Any], watch: Watch, steps: int | None) -> None:
        self.operation, self.watch, self.steps = done, watch, steps
        self.inputs: dict[str, Any] = {}
        self.results: dict[str, Any] = {}
        self.kept: dict[str, Path] = {}
        self._names: dict[int, list[str]] = {}
        for name, port in inputs_of(done).items():
            self._names.setdefault(id(port), []).append(name)
        self._noted: list[str] = []
        self._staging: Path | None = None
        self._afterwards: list[Callable[[], object]] = []

    def open(self, port: In[S], message: str = "opening", **how: Any) -> Job[S]:
        """Open an input in a thread, and note what tells it from another for the record."""
        names, recorded = self._names[id(port)], self.operation.out.path is not None
        if isinstance(port, FileIn) and port.write is not None:
            port = self._keep(names, port)

        def look() -> tuple[S, dict[str, Any]]:
            opened = port.open(**how)
            return opened, port.identity(opened) if recorded else {}

        opened, identity = yield from elsewhere(look, message)
        if recorded:
            self.inputs |= dict.fromkeys(names, identity)
        yield from self.tell(names, getattr(opened, "notes", ()))  # an image has some
        return opened

    def tell(self, names: Sequence[str], notes: Sequence[str]) -> Job[None]:
        """Tell a person, and the record, what was taken for granted of the inputs of some names."""
        for name in names:
            kept = self.inputs.get(name, {})
            if notes and name in self.inputs:
                self.inputs[name] = kept | {"notes": [*kept.get("notes", ()), *notes]}
        for note in notes:
            if note not in self._noted:
                self._noted.append(note)
                yield Progress(0, 0, "opening", note=note)

    def staged(self) -> Path:
        """Where to write the output for now; what is written beside it will belong to it."""
        out = self._out()
        if self._staging is None:
            self._staging = out.with_name(f".{out.name}.{os.getpid()}-{uuid4().hex[:8]}{PART}")
            with _written(out):
                self._staging.mkdir(parents=True)
        return self._staging / out.name

    def save(self, model: Model, *, half: bool = False) -> None:
        """Write the model that the operation makes."""
        from napari_midl.engine.models import save_model

        save_model(model, self.staged(), half=half)

    def checkpoint(self, inputs: dict[str, Any] | None = None) -> Checkpoint | None:
        """Where a training keeps its state, until the output is there.

        Parameters
        ----------
        inputs : dict, optional
            What identifies the data; by default the inputs noted so far.
        """
        from napari_midl.engine.checkpoints import Checkpoint

        out, settings = self.operation.out.path, getattr(self.operation, "settings", None)
        if out is None or settings is None:
            return None
        with _written(out):
            out.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = Checkpoint.beside(out, settings, self.inputs if inputs is None else inputs)
        remove_leftovers(checkpoint.path)
        self.afterwards(checkpoint.remove)
        return checkpoint

    def afterwards(self, function: Callable[[], object]) -> None:
        """Do something once the output and its record are there, such as to close a journal."""
        self._afterwards.append(function)

    def _keep(self, names: list[str], port: FileIn) -> Any:
        """Write an input that lies in memory beside the output, as a file of its own."""
        assert port.write is not None
        out = self.operation.out.path
        if out is None:
            self._staging = self._staging or Path(mkdtemp(prefix="napari-midl-"))
            kept = self._staging / (port.kept_as or names[0])
        else:
            beside = _kept_beside(out, names[0], port)
            self.kept |= dict.fromkeys(names, beside)
            kept = self.staged().with_name(beside.name)
        with _written(kept):
            port.write(kept)
        return FileIn(kept)

    def _out(self) -> Path:
        out = self.operation.out.path
        if out is None:
            raise InputError(f"{self.operation.name} writes a file here; name it.")
        return out

    def record(self, began: float) -> Run:
        """The record of what was done."""
        done = self.operation
        arguments = done.arguments() | {name: str(p.resolve()) for name, p in self.kept.items()}
        return Run(
            done.name,
            arguments,
            done.settings_dict(),
            inputs=self.inputs,
            outputs=self._outputs(),
            results=self.results,
            seconds=monotonic() - began,
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _outputs(self) -> dict[str, Any]:
        out, port = self.operation.out.path, self.operation.out
        if out is None:
            return {}
        if self._staging is None:
            return {out.name: {"path": str(out.resolve()), "sha256": port.identity(out)}}
        found = sorted(self._staging.iterdir(), key=lambda path: path.name != out.name)
        return {
            path.name: {
                "path": str(out.with_name(path.name).resolve()),
                "sha256": (port.identity if path.name == out.name else hash_path)(path),
            }
            for path in found
            if path.name == out.name or path.name not in {k.name for k in self.kept.values()}
        }

    def commit(self, run: Run) -> None:
        """Bring output and record to their place, the output last."""
        out = self._out()
        staged: list[Path] = []
        if self._staging is not None:
            check(self.operation)
            staged = sorted(self._staging.iterdir(), key=lambda path: path.name == out.name)
            with _written(out):
                for path in staged:
                    to_disk(path)
        write_run(run, self.operation.out.record(out))
        if staged:
            with _written(out):
                for path in staged:
                    target = out.with_name(path.name)
                    if target.is_dir():
                        shutil.rmtree(target)
                    os.replace(path, target)
                to_disk(out.parent)
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
            self._staging = None
        for function in self._afterwards:
            function()

    def clear(self) -> None:
        """Remove what was written and not brought to its place."""
        if self._staging is not None:
            remove_folder(self._staging)


def perform(done: Operation[T], watch: Watch | None, steps: int | None) -> Job[Outcome[T]]:
    """`Operation.perform`."""
    began, out = monotonic(), done.out.path
    run = Running(done, watch or Watch(), steps)
    with nullcontext() if out is None else one_writer(out, done.out.record(out)):
        check(done)
        try:
            with memory_of(done.name, {option.name for option in options_of(type(done))}):
                result = yield from done.job(run)
            step = Progress(1, 1, "writing the record")
            record = yield from wait_for(in_thread(lambda: run.record(began)), step)
            if out is not None:
                run.commit(record)
        finally:
            run.clear()
    return Outcome(result, record)


def check(done: Operation[Any]) -> None:
    """Refuse an output that is taken, an input, or could not be written.

    Raises
    ------
    InputError
        If so.
    """
    port, out = done.out, done.out.path
    port.check()
    if out is None:
        return
    written = [out, *port.companions(out), port.record(out)]
    for given in (file for each in inputs_of(done).values() for file in each.files):
        for path in written:
            if _whole(given).is_relative_to(_whole(path)):
                raise InputError(f"{path} is read by this run too; choose another output.")
    if isinstance(port, FileOut) and port.replace:
        return
    inputs = inputs_of(done).items()
    kept = {_kept_beside(out, n, i): i for n, i in inputs if isinstance(i, FileIn) and i.write}
    left = _left_by_a_kill(out, port)
    for path in [*port.companions(out), *kept]:
        if path.exists() and path not in left and not _is_already(path, kept.get(path)):
            raise InputError(
                f"{path} exists already and belongs beside {out.name}; choose another name, "
                "nothing is overwritten."
            )


def _left_by_a_kill(out: Path, port: Out) -> set[Path]:
    """Files beside `out` that a run has brought there, which was killed before the last move."""
    if out.exists() or not port.record(out).exists():
        return set()
    try:
        run = read_run(port.record(out))
    except InputError:
        return set()
    noted = [(name, each) for name, each in run.outputs.items()]
    noted += [(str(run.arguments.get(name, "")), each) for name, each in run.inputs.items()]
    made = {out.with_name(Path(n).name): e.get("sha256") for n, e in noted if Path(n).name}
    return {path for path, sha256 in made.items() if path.exists() and hash_path(path) == sha256}


def _kept_beside(out: Path, name: str, port: FileIn) -> Path:
    if port.kept_as.startswith("."):
        return out.with_suffix(port.kept_as)
    return out.with_name(f"{out.name.split('.')[0]} {port.kept_as or name}")


def _is_already(path: Path, port: FileIn | None) -> bool:
    """Whether a file holds what would be kept there, as where a shape is exported once more."""
    if port is None or port.write is None:
        return False
    with TemporaryDirectory(prefix="napari-midl-") as folder:
        port.write(Path(folder) / path.name)
        return hash_path(Path(folder) / path.name) == hash_path(path)


@contextmanager
def _written(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise not_written(out, error) from error


def _whole(path: Path) -> Path:
    """A path in full, all links followed."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # which of them depends on the version of Python
        raise InputError(
            f"{path} is a link that leads in a circle; give the file itself."
        ) from None
