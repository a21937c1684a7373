"""Jobs that use the networks: stain a mosaic, despeckle its reflectance, look at a part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.devices import out_of_memory_as_exception, pick_device
from napari_midl.engine.frozen_norm import freeze_group_norm
from napari_midl.engine.interrupt import interruptible
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.prediction import Journal, begin, predict_tiles
from napari_midl.engine.tiles import Tiling
from napari_midl.methods.staining.watermark import NOTICE, watermarked
from napari_midl.volumes.ome_zarr import OmeZarrImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from threading import Event

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Region
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.pipeline import Pipeline
    from napari_midl.methods.staining.settings import DespeckleSettings, StainSettings

COLOURS = ("red", "green", "blue")
DOUBT = "doubt"
_HEXADECIMAL = ("FF0000", "00FF00", "0000FF", "FFFFFF")
_SAMPLES = 4


class Painter:
    """A pipeline made ready for one mosaic.

    Parameters
    ----------
    mosaic : Mosaic
        What to work on.
    pipeline : Pipeline
        In evaluation mode.
    tile : int
        Edge in pixels of a tile.
    device : str
        Where to compute.

    Attributes
    ----------
    tiling : Tiling
        How the mosaic is cut: with the pipeline's whole halo, so that tiles do not show.
    """

    def __init__(self, mosaic: Mosaic, pipeline: Pipeline, tile: int, device: str) -> None:
        self.mosaic, self._device = mosaic, pick_device(device)
        halo, stride = pipeline.halo, pipeline.stride
        self.tiling = Tiling(mosaic.shape, (1, tile, tile), (0, halo, halo), (1, stride, stride))
        pipeline = pipeline.eval().to(self._device)
        if pipeline.is_exposed:
            pipeline.expose(mosaic.exposure)
        samples = np.linspace(0, len(self.tiling) - 1, min(_SAMPLES, len(self.tiling))).astype(int)
        self._network = freeze_group_norm(
            pipeline, (self._tensor(self.tiling.padded(int(i))[0]) for i in samples)
        )

    def look(self, region: Region) -> NDArray[np.float32]:
        """What the whole mosaic will show in a region, ``(C, z, y, x)`` in [0, 1]."""
        outer, inner = self.tiling.expand(region)
        return self._forward(self.mosaic.read(outer))[(slice(None), *inner)]

    def stages(self, region: Region) -> Iterator[NDArray[np.float32]]:
        """What goes into the pipeline in a region, ``(C, z, y, x)``, then what each stage gives."""
        outer, inner = self.tiling.expand(region)
        maps = self._tensor(outer)
        yield _channels_first(maps)[(slice(None), *inner)]
        for stage in self._network.get_submodule("stages").children():
            with torch.inference_mode():
                maps = stage(maps)
            yield _channels_first(maps)[(slice(None), *inner)]

    def compute(self, block: NDArray[Any], stop: Event) -> NDArray[np.float32]:
        """Output ``(C, z, y, x)`` for intensities as they are stored."""
        with interruptible(self._network, stop), out_of_memory_as_exception():
            return self._forward(block)

    def _tensor(self, region: Region) -> torch.Tensor:
        return self._to_device(self.mosaic.read(region))

    def _to_device(self, block: NDArray[Any]) -> torch.Tensor:
        slices = np.moveaxis(self.mosaic.scaled(block), 1, 0)
        return torch.from_numpy(np.ascontiguousarray(slices)).to(self._device)

    def _forward(self, block: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return _channels_first(self._network(self._to_device(block)))


def stain(
    mosaic: Mosaic,
    pipeline: Pipeline,
    out: Path,
    settings: StainSettings,
    identity: dict[str, Any],
    focus: Sequence[float] | None = None,
    resume: bool = False,
) -> Job[Journal]:
    """Stream the stain of a mosaic into an OME-Zarr with its pyramid.

    The output is an 8-bit image with channels red, green and blue, and ``doubt`` (0 trust,
    255 do not) where the settings ask for it.

    Parameters
    ----------
    mosaic : Mosaic
        Fluorescence and reflectance.
    pipeline : Pipeline
        The stages of the stain.
    out : Path
        Folder to write, usually ``NAME.ome.zarr``; it must not exist unless `resume`.
    settings : StainSettings
        Watermark, tile, device.
    identity : dict
        What the output depends on; another one cannot be resumed.
    focus : sequence of float, optional
        Voxel ``(z, y, x)`` at which a person looks.
    resume : bool
        Go on with `out`.

    Yields
    ------
    Progress
        In tiles; its preview is the region just written.

    Returns
    -------
    Journal
        Returned by the generator, to be closed once all that belongs to the output is there.

    Raises
    ------
    InputError
        If the output exists, is another stain's, or cannot be written.
    """
    painter = yield from ready(mosaic, pipeline, settings)
    form = Form(
        name=f"{mosaic.channels[0].name} {settings.method} ({NOTICE})",
        dtype="uint8",
        channels=COLOURS + (DOUBT,) * settings.doubt,
        about={"notice": NOTICE, "method": settings.method},
    )

    def picture(block: NDArray[np.float32], region: Region) -> NDArray[np.uint8]:
        colours = np.rint(block * 255).clip(0, 255).astype(np.uint8)
        return watermarked(colours, region) if settings.watermark else colours

    return (yield from _stream(painter, out, form, picture, identity, focus, resume))


def despeckle(
    mosaic: Mosaic,
    pipeline: Pipeline,
    out: Path,
    settings: DespeckleSettings,
    identity: dict[str, Any],
    focus: Sequence[float] | None = None,
    resume: bool = False,
) -> Job[Journal]:
    """Stream a reflectance mosaic without its speckle into an OME-Zarr with its pyramid.

    The output has the intensities and the type of the input. Parameters and what comes back
    are those of `stain`; the mosaic has the reflectance alone.
    """
    painter = yield from ready(mosaic, pipeline, settings)
    (scaling,), volume = mosaic.scalings, mosaic.channels[0]
    dtype = volume.data.dtype
    form = Form(name=f"{volume.name} despeckled", dtype=str(dtype))

    def intensities(block: NDArray[np.float32], region: Region) -> NDArray[Any]:
        stored = scaling.low + block * (scaling.high - scaling.low)
        if dtype.kind in "ui":
            limits = np.iinfo(dtype)
            stored = np.rint(stored).clip(limits.min, limits.max)
        return stored.astype(dtype)

    return (yield from _stream(painter, out, form, intensities, identity, focus, resume))


def ready(
    mosaic: Mosaic, pipeline: Pipeline, settings: StainSettings | DespeckleSettings
) -> Job[Painter]:
    """Measure what the pipeline has to know of the mosaic, in a thread of its own."""
    step = Progress(0, 0, "looking at the mosaic")
    yield step
    return (
        yield from wait_for(
            in_thread(lambda: Painter(mosaic, pipeline, settings.tile, settings.device)), step
        )
    )


@dataclass(frozen=True)
class Form:
    """What an output looks like.

    Parameters
    ----------
    name, dtype : str
        Its name, and the type of its intensities.
    channels : tuple of str
        Names of its channels, or none.
    about : dict
        What else to say of it in its metadata.
    """

    name: str
    dtype: str
    channels: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)


def _channels_first(maps: torch.Tensor) -> NDArray[np.float32]:
    return np.moveaxis(maps.float().cpu().numpy(), 0, 1)


def _stream(
    painter: Painter,
    out: Path,
    form: Form,
    stored: Callable[[NDArray[np.float32], Region], NDArray[Any]],
    identity: dict[str, Any],
    focus: Sequence[float] | None,
    resume: bool,
) -> Job[Journal]:
    tiling = painter.tiling
    # A plane has no axis Z, and an output of one channel none of channels.
    kept = (bool(form.channels), tiling.shape[0] > 1, True, True)
    take = tuple(slice(None) if keep else 0 for keep in kept)

    def create(path: Path) -> OmeZarrImage:
        volume = painter.mosaic.channels[0]

        def kept_of(values: Sequence[Any]) -> list[Any]:
            return [value for value, keep in zip(values, kept, strict=True) if keep]

        return OmeZarrImage.create(
            path,
            shape=kept_of((len(form.channels), *tiling.shape)),
            dtype=form.dtype,
            axes=kept_of(("C", *volume.axes)),
            scale=kept_of((1.0, *volume.scale)),
            units=kept_of((None, *volume.units)),
            chunks=kept_of((len(form.channels), *tiling.core_size)),
            channels=form.channels,
            colours=_HEXADECIMAL,
            about=form.about,
            name=form.name,
        )

    image, journal = begin(out, identity, create, OmeZarrImage.open, resume)

    def write(region: Region, block: NDArray[np.float32]) -> None:
        box = [r for r, keep in zip((slice(None), *region), kept, strict=True) if keep]
        image.write(tuple(box), stored(block, region)[take])

    yield from predict_tiles(
        tiling,
        painter.mosaic.read,
        lambda block, _, stop: painter.compute(block, stop),
        write,
        journal,
        focus,
    )
    return journal
