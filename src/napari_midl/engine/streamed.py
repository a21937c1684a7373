"""Operations that stream a dense model over an input into an OME-Zarr."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Self

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.operations import OPERATIONS, Operation, inputs_of
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.settings import Settings
from napari_midl.volumes.boxes import box_in, written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.dense import DenseModel
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Running


@dataclass(frozen=True, kw_only=True)
class StreamedOperation(Operation[None]):
    """An operation that says what its dense model is; the rest is the same for each."""

    out: OmeZarrOut
    settings: Settings

    def model_for(self, run: Running) -> Job[DenseModel]:
        """Open the inputs, and make of them what is to be streamed."""
        raise NotImplementedError

    def job(self, run: Running) -> Job[None]:
        """Compute from where the person looks outwards; the previews are regions written."""
        model = yield from self.wanted(run)
        from napari_midl.engine.streaming import stream

        assert self.out.path is not None
        # An input in memory is none that the workers of a cluster could open.
        if all(port.files or not hasattr(port, "path") for port in inputs_of(self).values()):
            model.source = Recorded.of(self)
        journal = yield from stream(
            model,
            self.out.path,
            focus=run.watch.focus,
            resume=self.out.resume,
            scheduler=self.out.scheduler,
            typed=self._typed(),
            time=max((image.time for image in self._images().values()), default=0),
            operation=self.name,
        )
        left = len(model.tiling) - len(journal.done)
        run.afterwards(lambda: journal.close(written(model.box) if left and model.box else ""))

    def wanted(self, run: Running) -> Job[DenseModel]:
        """What is to be streamed, and which part of its input.

        Raises
        ------
        InputError
            If the box lies beyond that.
        """
        model = yield from self.model_for(run)
        if self.out.box:
            model.box = box_in(self.out.box, model.tiling.shape, model.channels[0].name)
        return model

    def adding(self, other: Path, following: Sequence[str] = ()) -> Job[Self]:
        """The operation that adds to what lies at `out`, or else writes another output.

        Parameters
        ----------
        other : Path
            What to write where that was begun with another input, model or settings.
        following : sequence of str
            Settings that are taken from what is there.
        """
        from napari_midl.engine.journal import begun_with
        from napari_midl.engine.running import Running, Watch

        assert self.out.path is not None
        begun = begun_with(self.out.path)
        kept = {name: begun["settings"][name] for name in following if name in begun["settings"]}
        settings = replace(self.settings, **kept)
        more = replace(self, settings=settings, out=replace(self.out, resume=True))
        model = yield from more.wanted(Running(more, Watch(), None))
        identity = yield from elsewhere(model.identity, "looking at what is there")
        now = {**identity, "voxel size": more._typed() or None}
        same = all(begun.get(key) == json.loads(json.dumps(now[key])) for key in now)
        return more if same else replace(self, out=replace(self.out, path=other))

    def _typed(self) -> dict[str, str]:
        """The voxel sizes that were typed, by the names of the images."""
        sizes = {name: image.voxel_size for name, image in self._images().items()}
        return {name: size for name, size in sizes.items() if size}

    def _images(self) -> dict[str, ImageIn]:
        return {k: v for k, v in inputs_of(self).items() if isinstance(v, ImageIn)}


@dataclass(frozen=True)
class Recorded:
    """A streamed operation as a record has it: what a worker of a cluster makes its model of.

    Parameters
    ----------
    module, name : str
        Where the operation is written, and what it is called.
    options : str
        All its options, as JSON.
    """

    module: str
    name: str
    options: str

    @classmethod
    def of(cls, operation: StreamedOperation) -> Recorded:
        """The operation, with whole paths."""
        options = operation.arguments() | operation.settings_dict()
        return cls(type(operation).__module__, operation.name, json.dumps(options, sort_keys=True))

    def load(self) -> DenseModel:
        """Open what the operation opens."""
        from napari_midl.engine.jobs import run
        from napari_midl.engine.running import Running, Watch

        import_module(self.module)
        operation = OPERATIONS[self.name].of(**json.loads(self.options))
        assert isinstance(operation, StreamedOperation)
        return run(operation.wanted(Running(operation, Watch(), None)))
