"""A dense model over all of an input, tile by tile, into an OME-Zarr that can be looked at.

A method says what is its own in a `DenseModel`. All else is the same for each and is done here:
device, scaling, tiles with a halo so that they do not show, frozen normalisation, interruption,
the output and its journal, on this machine or on a cluster.
"""

from __future__ import annotations

import copy
import math
from concurrent.futures import wait
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine import journal as journals
from napari_midl.engine.devices import blocks_at_once, out_of_memory_as_exception, pick_device
from napari_midl.engine.frozen_norm import freeze_group_norm
from napari_midl.engine.interrupt import interruptible
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.prediction import predict_tiles
from napari_midl.errors import InputError
from napari_midl.volumes.boxes import written
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.scaling import FlatImage, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from threading import Event

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.dense import DenseModel, Scale
    from napari_midl.engine.journal import Journal
    from napari_midl.engine.tiles import Region

MOST_TILES = 10**8
_LARGE = 2**30  # voxels from which on it is said how many there are
_GLIMPSE = 2**14  # voxels of what is shown first: a fraction of a second
_SAMPLES = 4  # tiles to measure normalisation on
_AXES = ("C", "Z", "Y", "X")


class ReadyModel:
    """A model made ready for its input.

    Its networks are its own and each computes one block at a time, so that others that predict or
    learn meanwhile change nothing.

    Parameters
    ----------
    model : DenseModel
        What to make ready.

    Attributes
    ----------
    own_range : list of (float, float)
        Of each channel, where the image looks empty outside the box that is wanted, so that the
        intensities are scaled by those in it.
    at_once : int
        Blocks that are computed side by side.
    glimpse : int
        Voxels of a piece to compute first, for a person to see; 0 where a tile takes no time.

    Raises
    ------
    InputError
        If the input cannot be read or scaled, or the network's weights are no numbers.
    """

    def __init__(self, model: DenseModel) -> None:
        self.model, self.tiling = model, model.tiling
        self._device = pick_device(model.device)
        self.own_range: list[tuple[float, float]] = []
        self._scalings = self._scale()
        network = model.network().eval().to(self._device)
        for values in network.state_dict().values():
            self._check(values)
        samples = np.linspace(0, len(self.tiling) - 1, min(_SAMPLES, len(self.tiling)))
        tiles = (self.tensor(self.read(self.tiling.padded(int(i))[0])) for i in samples)
        try:
            with out_of_memory_as_exception():
                self.network = freeze_group_norm(network, tiles)
        except MemoryError as error:
            raise InputError(
                "the memory is too small to measure the network's normalisation on tiles of this "
                "size; choose smaller tiles, or compute on another device."
            ) from error
        self.at_once = blocks_at_once(self._device)
        self.glimpse = _GLIMPSE if self._device.type == "cpu" else 0
        self._idle: SimpleQueue[nn.Module] = SimpleQueue()
        for each in (self.network, *map(copy.deepcopy, [self.network] * (self.at_once - 1))):
            each.register_forward_hook(lambda _, __, maps: self._check(maps))
            self._idle.put(each)

    def _scale(self) -> Sequence[Scale]:
        """The scalings of the whole; where that looks empty, those of the box that is wanted."""
        model = self.model
        try:
            return model.scalings()
        except FlatImage:
            if model.box is None:
                raise
            found = [robust_scaling(channel.cut(model.box)) for channel in model.channels]
            self.own_range = [(scaling.low, scaling.high) for scaling in found]
            return found

    def read(self, region: Region) -> NDArray[Any]:
        """Intensities ``(C, z, y, x)`` of a region, as they are stored."""
        return np.stack([channel.read(region) for channel in self.model.channels])

    def tensor(self, block: NDArray[Any]) -> Tensor:
        """The network's input for intensities as they are stored."""
        pairs = zip(self._scalings, block, strict=True)
        scaled = np.stack([scaling(channel) for scaling, channel in pairs])
        return self.model.tensor(scaled).to(self._device)

    def compute(
        self, block: NDArray[Any], part: Region, stop: Event | None = None
    ) -> NDArray[np.float32]:
        """Output ``(C, z, y, x)`` in a part of a block of intensities as they are stored.

        Raises
        ------
        InputError
            If the network gives something that is no number.
        Interrupted
            Once `stop` is set, or nobody waits for the call that this thread is for.
        MemoryError
            If the device has too little memory.
        """
        network = self._idle.get()
        try:
            with (
                interruptible(network, stop),
                out_of_memory_as_exception(),
                torch.inference_mode(),
            ):
                return self.model.forward_part(network, self.tensor(block), part)
        finally:
            self._idle.put(network)

    def look(self, region: Region) -> NDArray[np.float32]:
        """What the whole output will be in a region, ``(C, z, y, x)``."""
        outer, inner = self.tiling.expand(region)
        return self.compute(self.read(outer), inner)

    def create(self, out: Path, time: int = 0) -> None:
        """Make an empty output, which says that it is not complete, and of which time point."""
        form, volume = self.model.output_format, self.model.channels[0]
        # A plane has no axis Z, and an output of one channel without a name none of channels.
        kept = (bool(form.channels), self.tiling.shape[0] > 1, True, True)

        def along(*values: Any) -> list[Any]:
            return [value for value, keep in zip(values, kept, strict=True) if keep]

        OmeZarrImage.create(
            out,
            shape=along(len(form.channels), *self.tiling.shape),
            dtype=form.dtype,
            axes=along(*_AXES),
            space=volume.space,
            chunks=along(*form.chunks),
            channels=form.channels,
            colours=form.colours,
            about={
                **form.about,
                journals.COMPLETE: False,
                journals.BEGUN: datetime.now(UTC).isoformat(timespec="milliseconds"),
                journals.TIME: time,
                journals.TILES: {"count": len(self.tiling), "size": list(self.tiling.core_size)},
            },
            labels=form.labels,
            name=form.name,
        )

    def open(self, out: Path) -> Output:
        """Open an output that `create` made."""
        parts = [out, *(out / "labels" / name for name in self.model.output_format.labels)]
        return Output(self.model, [OmeZarrImage.open(part) for part in parts])

    def _check(self, values: Tensor) -> None:
        if values.is_floating_point() and not bool(torch.isfinite(values).all()):
            raise InputError(
                f"the model for {self.model.channels[0].name} is damaged: it holds or gives NaN "
                "or infinity; choose another model, or train it anew."
            )


class Output:
    """The images that a model writes, tile by tile.

    Parameters
    ----------
    model : DenseModel
        Says what is stored.
    images : sequence of OmeZarrImage
        The image and its labels, over the same grid.
    """

    def __init__(self, model: DenseModel, images: Sequence[OmeZarrImage]) -> None:
        self._model, self._images = model, images

    def write(self, region: Region, block: NDArray[np.float32]) -> None:
        """Write the output ``(C, z, y, x)`` of a tile at all levels; one tile at a time."""
        for image, stored in self._each(region, block):
            image.write(_box(image, region), stored)

    def write_finest(self, region: Region, block: NDArray[np.float32]) -> None:
        """Write level 0 of a tile; tiles may be written side by side."""
        for image, stored in self._each(region, block):
            image.write_finest(_box(image, region), stored)

    def update_pyramid(self, region: Region) -> None:
        """Bring the coarser levels of a tile up to date; one tile at a time."""
        for image in self._images:
            image.update_pyramid(_box(image, region))

    def _each(
        self, region: Region, block: NDArray[np.float32]
    ) -> list[tuple[OmeZarrImage, NDArray[Any]]]:
        pairs = zip(self._images, self._model.stored(block, region), strict=True)
        return [
            (image, stored[tuple(slice(None) if axis in image.axes else 0 for axis in _AXES)])
            for image, stored in pairs
        ]


def stream(
    model: DenseModel,
    out: Path,
    *,
    focus: Sequence[float] | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    typed: Mapping[str, str] | None = None,
    time: int = 0,
) -> Job[Journal]:
    """Compute a model's output tile by tile into an OME-Zarr.

    What was cancelled or killed goes on by `resume`, and ends with the same bits as if it had
    never stopped; tiles that are halved because the memory runs out have the same bits too,
    as far as the device's convolutions do not depend on the size of a block or the number of
    threads: on most CPUs they do not, on others in the last bit.

    Parameters
    ----------
    model : DenseModel
        What to compute, and which part of its input.
    out : Path
        Folder to write; it must not exist unless `resume`.
    focus : sequence of float, optional
        Voxel ``(z, y, x)`` at which a person looks: tiles are computed from there outwards.
    resume : bool
        Go on with `out`.
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler on whose workers to compute.
    typed : mapping of str to str, optional
        Voxel sizes that a person typed, which are written with the output: what goes on with it
        has to have the same.
    time : int
        Time point of the input, which the output says of itself.

    Yields
    ------
    Progress
        In tiles; its preview is the region just written.

    Returns
    -------
    Journal
        Returned by the generator, to be closed once all that belongs to the output is there,
        such as its record; until then the output is not complete and can be resumed.

    Raises
    ------
    InputError
        If the output exists, is another's or cannot be written, or the input or the model
        cannot be used.
    """
    journals.check(out, resume)
    if len(model.tiling) > MOST_TILES:
        raise InputError(
            f"{model.channels[0].name} would be cut into {len(model.tiling):.3g} tiles; choose "
            "larger tiles, or a part of the image."
        )
    step = Progress(0, 0, "looking at the image")
    yield step
    if model.box is None and math.prod(model.tiling.shape) >= _LARGE:
        yield replace(step, note=_how_large(model))
    client = None
    if scheduler is not None:
        from napari_midl.engine import cluster

        client = yield from cluster.connect(scheduler, model)
    try:
        ready = yield from wait_for(in_thread(lambda: ReadyModel(model)), step)
        is_new = not out.exists()
        identity = model.identity() | ({"voxel size": dict(typed)} if typed else {})
        if ready.own_range:
            identity |= {"range of intensities": ready.own_range}
        box = written(model.box) if model.box is not None else ""
        create = partial(ready.create, time=time)
        beginning = in_thread(lambda: journals.begin(out, identity, create, box))
        try:
            journal = yield from wait_for(beginning, step)
        finally:
            wait([beginning])  # a cancelled run has to be done with `out` before another begins
        journal.done.intersection_update(range(len(ready.tiling)))
        output = ready.open(out)
        try:
            if client is None:
                yield from predict_tiles(
                    ready.tiling,
                    ready.read,
                    ready.compute,
                    output.write,
                    journal,
                    focus,
                    model.box,
                    ready.at_once,
                    ready.glimpse,
                )
            else:
                yield from cluster.predict_tiles_on(client, model, output, journal, focus)
        except Exception:
            if is_new and not journal.done:
                journal.discard()
            raise
    finally:
        if client is not None:
            client.close()
    return journal


def _how_large(model: DenseModel) -> str:
    billions = math.prod(model.tiling.shape) / 1e9
    return (
        f"{model.channels[0].name} has {billions:,.1f} billion voxels, which are "
        f"{len(model.tiling):,} tiles; a box of it is there sooner."
    )


def _box(image: OmeZarrImage, region: Region) -> tuple[slice, ...]:
    places = dict(zip(_AXES, (slice(None), *region), strict=True))
    return tuple(places[axis] for axis in image.axes)
