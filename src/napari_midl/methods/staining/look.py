"""A part of a mosaic at once, as the steps of a stain show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.running import Running, Watch
from napari_midl.methods.staining.uses import check_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.operations import Stain
    from napari_midl.methods.staining.pipeline import Pipeline
    from napari_midl.methods.staining.settings import StainSettings
    from napari_midl.volumes.boxes import Box


@dataclass(frozen=True)
class Look:
    """A part of the mosaic as one step of the pipeline shows it.

    Parameters
    ----------
    name : str
        The step, such as ``despeckled``; the last one is the method, and whose colours it takes.
    box : tuple of slice
        Where it lies, ``(z, y, x)`` in pixels.
    picture : ndarray
        Grey ``(y, x)`` in [0, 1], or colours ``(y, x, 3)`` as bytes.
    """

    name: str
    box: Box
    picture: NDArray[np.float32] | NDArray[np.uint8]


def look(stain: Stain, box: Box, known: Mosaic | None = None) -> Job[Mosaic]:
    """Despeckled, linear and chosen stain of a box of one slice, one after the other.

    Parameters
    ----------
    stain : Stain
        The channels, and which stain; nothing is written.
    box : tuple of slice
        Box ``(z, y, x)`` in pixels.
    known : Mosaic, optional
        The channels, where an earlier look has measured them.

    Yields
    ------
    Progress
        Its preview is a `Look`, once for each step.

    Returns
    -------
    Mosaic
        The channels as they were measured; returned by the generator.

    Raises
    ------
    InputError
        If a channel, a model or the reference cannot be used.
    """
    stain = replace(stain, settings=replace(stain.settings, doubt=False))
    check_use(stain)
    run = Running(stain, Watch(), None)
    mosaic = known or (yield from stain.mosaic(run))
    pipeline = yield from stain.pipeline(run)
    step = "looking at the view"
    last: str = stain.settings.method
    if stain.reference is not None:
        last += f", colours of {stain.reference.path.stem}"
    shown = yield from elsewhere(lambda: _steps(mosaic, pipeline, stain.settings, last, box), step)
    while (one := (yield from elsewhere(lambda: next(shown, None), step))) is not None:
        step = one.name
        yield Progress(0, 0, step, preview=one)
    return mosaic


def _steps(
    mosaic: Mosaic, pipeline: Pipeline, settings: StainSettings, name: str, box: Box
) -> Iterator[Look]:
    """What the stages show, each made from what the one before gave."""
    import numpy as np
    import torch

    from napari_midl.engine.ready_model import ReadyModel
    from napari_midl.methods.staining.apply import Staining, stages
    from napari_midl.methods.staining.stains import LinearStain

    ready = ReadyModel(Staining(mosaic, pipeline, settings))

    def colours(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
        scaled = 255 * np.moveaxis(plane, 0, -1).clip(0, 1)
        return np.asarray(np.rint(scaled), np.uint8)

    def shown() -> Iterator[Look]:
        maps = stages(ready, box)
        channels = next(maps)[:, 0]
        if not settings.keep_speckle:
            channels = next(maps)[:, 0]
            yield Look("despeckled", box, channels[1])
        linear = LinearStain()(torch.from_numpy(channels[None]))[0]
        yield Look("linear", box, colours(linear.numpy()))
        if settings.method != "linear":
            *_, last = maps
            yield Look(name, box, colours(last[:, 0]))

    return shown()
