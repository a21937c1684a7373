"""What the dock starts: jobs that load what they need, and leave their record.

They run in a worker thread. torch is imported there, and not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.journal import begun_with, unfinished
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from napari_midl.engine.runs import Run
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.settings import StainSettings
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.looking import Box


@dataclass(frozen=True)
class Choice:
    """Which stain.

    Parameters
    ----------
    settings : StainSettings
        The method and its options.
    model : str
        ``base`` or the path of a model.
    despeckler : str
        ``base``, ``correlated`` or the path of a model.
    reference : Path or None
        An H&E picture whose colours to take.
    """

    settings: StainSettings
    model: str = "base"
    despeckler: str = "base"
    reference: Path | None = None


@dataclass(frozen=True)
class Look:
    """A part of the mosaic as one step of the pipeline shows it.

    Parameters
    ----------
    name : str
        The step, such as ``despeckled``.
    box : Box
        Where it lies.
    picture : ndarray
        Grey ``(y, x)`` in [0, 1], or colours ``(y, x, 3)`` as bytes.
    """

    name: str
    box: Box
    picture: np.ndarray


def measure(volumes: Sequence[Volume], known: Mosaic | None) -> Job[Mosaic]:
    """The mosaic on its frozen scale, measured once."""
    if known is not None:
        return known

    def load() -> Mosaic:
        from napari_midl.methods.staining.mosaic import Mosaic

        return Mosaic(volumes)

    return (yield from wait_for(in_thread(load), Progress(0, 0, "looking at the mosaic")))


def look(volumes: Sequence[Volume], known: Mosaic | None, choice: Choice, box: Box) -> Job[Mosaic]:
    """Despeckled, linear and chosen stain of a box; the preview of each step is a `Look`."""
    mosaic = yield from measure(volumes, known)
    step = "loading the networks"
    steps = yield from _in_thread(lambda: _steps(mosaic, choice, box), step)
    while (shown := (yield from _in_thread(lambda: next(steps, None), step))) is not None:
        step = shown.name
        yield Progress(0, 0, step, preview=shown)
    return mosaic


def stain(
    volumes: Sequence[Volume],
    known: Mosaic | None,
    choice: Choice,
    out: Path,
    arguments: dict[str, Any],
    focus: Sequence[int],
    resume: bool,
) -> Job[Run]:
    """Stain the whole mosaic into `out`, from the view outwards, and leave the record beside it."""
    mosaic = yield from measure(volumes, known)

    def load() -> Any:
        from napari_midl.methods.staining import files
        from napari_midl.methods.staining.recipe import stain_recipe

        return files, stain_recipe(
            choice.settings, choice.model, choice.despeckler, choice.reference
        )

    files, recipe = yield from _in_thread(load, "loading the networks")
    return (
        yield from files.stain_mosaic(
            mosaic, recipe, out, choice.settings, arguments, focus, resume
        )
    )


def teach(confocal: Path, slides: Path, out: Path, settings: Any) -> Job[Run]:
    """Train a stain on two folders."""

    def load() -> Any:
        from napari_midl.methods.staining import teach

        return teach

    module = yield from _in_thread(load, "loading torch")
    return (yield from module.teach_stain(confocal, slides, out, settings))


def match(path: Path) -> Job[Any]:
    """The stains of a reference slide."""

    def load() -> Any:
        from napari_midl.methods.staining.pictures import read_picture
        from napari_midl.methods.staining.stains import stains_of

        return stains_of(read_picture(path), str(path))

    return (yield from _in_thread(load, "looking at the slide"))


def is_unfinished(out: Path) -> bool:
    """Whether a stain was left before its end, so that it can be resumed."""
    return unfinished(out)


def settings_of_unfinished(out: Path) -> StainSettings:
    """The settings with which an unfinished stain began; only they can go on with it.

    Raises
    ------
    InputError
        If its journal cannot be read.
    """
    from napari_midl.methods.staining.settings import StainSettings

    try:
        return StainSettings.from_dict(begun_with(out)["settings"])
    except (TypeError, KeyError) as error:
        raise InputError(
            f"the journal of {out} does not hold the settings of a stain ({error}); choose another "
            "name and stain anew."
        ) from error


def _in_thread(load: Callable[[], Any], message: str) -> Job[Any]:
    return (yield from wait_for(in_thread(load), Progress(0, 0, message)))


def _steps(mosaic: Mosaic, choice: Choice, box: Box) -> Iterator[Look]:
    """What the steps of the pipeline show, each made from what the one before gave."""
    from dataclasses import replace

    import numpy as np
    import torch

    from napari_midl.engine.streaming import ReadyModel
    from napari_midl.methods.staining.apply import Staining, stages
    from napari_midl.methods.staining.recipe import stain_recipe
    from napari_midl.methods.staining.stains import LinearStain

    settings = replace(choice.settings, doubt=False)
    recipe = stain_recipe(settings, choice.model, choice.despeckler, choice.reference)
    ready = ReadyModel(Staining(mosaic, recipe.pipeline, settings))

    def colours(plane: np.ndarray) -> np.ndarray:
        return np.rint(255 * np.moveaxis(plane, 0, -1).clip(0, 1)).astype(np.uint8)

    def shown() -> Iterator[Look]:
        steps = stages(ready, box)
        channels = next(steps)[:, 0]
        if not settings.keep_speckle:
            channels = next(steps)[:, 0]
            yield Look("despeckled", box, channels[1])
        linear = LinearStain()(torch.from_numpy(channels[None]))[0]
        yield Look("linear", box, colours(linear.numpy()))
        if settings.method != "linear":
            *_, last = steps
            yield Look(settings.method, box, colours(last[:, 0]))

    return shown()
