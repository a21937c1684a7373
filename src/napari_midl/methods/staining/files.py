"""The staining operations from paths to paths, each leaving a run record beside its output."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from napari_midl.engine import journal
from napari_midl.engine.folding import fold_batch_norm
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.models import whole_name
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.methods.staining import apply
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.pipeline import Pipeline
from napari_midl.methods.staining.recipe import stain_recipe
from napari_midl.methods.staining.settings import DespeckleSettings, StainSettings
from napari_midl.methods.staining.sources import (
    DespeckleSource,
    StainSource,
    despeckle_inputs,
    identity_of,
    read_channel,
    stain_inputs,
)
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import hash_volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.journal import Journal
    from napari_midl.methods.staining.recipe import Recipe


def stain(
    reflectance: Path,
    fluorescence: Path,
    out: Path,
    settings: StainSettings | None = None,
    model: str = "base",
    despeckler: str = "base",
    reference: Path | None = None,
    channels: tuple[int, int] = (0, 0),
    resume: bool = False,
    scheduler: str | None = None,
) -> Job[Run]:
    """Stain a mosaic into an OME-Zarr.

    Parameters
    ----------
    reflectance, fluorescence : Path
        The two channels; they may be the same file.
    out : Path
        The ``.ome.zarr`` or ``.zarr`` folder to write.
    settings : StainSettings, optional
        Which stain.
    model, despeckler : str
        ``base`` (shipped), or the path of a model.
    reference : Path, optional
        An H&E picture whose colours to take.
    channels : (int, int)
        Which channel of each file.
    resume : bool
        Go on with an output that was cancelled or killed.
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler on whose workers to compute.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read, used or written, or there is nothing to resume.
    """
    settings = settings or StainSettings()
    check_output(out, resume)
    if (reflectance.resolve(), channels[0]) == (fluorescence.resolve(), channels[1]):
        raise InputError(
            f"{reflectance}, channel {channels[0]}, is given for both; give the reflectance and "
            "the fluorescence, by two files or two channels."
        )
    source = StainSource.of(
        reflectance, fluorescence, channels, model, despeckler, reference, settings
    )
    mosaic = source.mosaic()
    recipe = stain_recipe(settings, model, despeckler, reference)
    arguments = {
        "reflectance": str(reflectance.resolve()),
        "fluorescence": str(fluorescence.resolve()),
        "channels": list(channels),
    }
    return (
        yield from stain_mosaic(
            mosaic, recipe, out, settings, arguments, None, resume, scheduler, source
        )
    )


def stain_mosaic(
    mosaic: Mosaic,
    recipe: Recipe,
    out: Path,
    settings: StainSettings,
    arguments: dict[str, Any],
    focus: Sequence[float] | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    source: StainSource | None = None,
) -> Job[Run]:
    """Stain an open mosaic, and leave the record beside the output.

    Parameters
    ----------
    mosaic, out, settings, focus, resume, scheduler, source
        As for `apply.stain`.
    recipe : Recipe
        What `stain_recipe` gives for the settings.
    arguments : dict
        Where the channels come from, for the record.
    """
    started = monotonic()
    inputs = stain_inputs(mosaic, recipe)
    identity = identity_of(inputs, settings)
    done = yield from apply.stain(
        mosaic, recipe.pipeline, out, settings, identity, focus, resume, scheduler, source
    )
    return (
        yield from _record(
            "staining.stain",
            {**arguments, **recipe.arguments},
            settings,
            inputs,
            out,
            done,
            started,
        )
    )


def despeckle(
    reflectance: Path,
    out: Path,
    settings: DespeckleSettings | None = None,
    model: str = "base",
    channel: int = 0,
    resume: bool = False,
    scheduler: str | None = None,
) -> Job[Run]:
    """Take the speckle out of a reflectance mosaic into an OME-Zarr.

    Parameters
    ----------
    reflectance : Path
        The mosaic.
    out : Path
        The ``.ome.zarr`` or ``.zarr`` folder to write.
    settings : DespeckleSettings, optional
        Tile and device.
    model : str
        ``base`` (shipped), or the path of a model.
    channel : int
        Channel of the file.
    resume : bool
        Go on with an output that was cancelled or killed.
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler on whose workers to compute.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read, used or written, or there is nothing to resume.
    """
    settings = settings or DespeckleSettings()
    started = monotonic()
    check_output(out, resume)
    mosaic = Mosaic([read_channel(reflectance, channel)])
    cleaner = named_despeckler(model)
    inputs = despeckle_inputs(mosaic, cleaner)
    done = yield from apply.despeckle(
        mosaic,
        Pipeline(fold_batch_norm(cleaner.network)),
        out,
        settings,
        identity_of(inputs, settings),
        resume=resume,
        scheduler=scheduler,
        source=DespeckleSource.of(reflectance, channel, model, settings),
    )
    arguments = {
        "reflectance": str(reflectance.resolve()),
        "model": whole_name(model),
        "channel": channel,
    }
    return (
        yield from _record("staining.despeckle", arguments, settings, inputs, out, done, started)
    )


def check_output(out: Path, resume: bool) -> None:
    """Refuse an output that is no OME-Zarr, is taken, or cannot be resumed.

    Raises
    ------
    InputError
        If so.
    """
    if out.suffix != ".zarr":
        raise InputError(f"{out} does not end in .ome.zarr or .zarr; name the output so.")
    journal.check(out, resume)


def _record(
    operation: str,
    arguments: dict[str, Any],
    settings: StainSettings | DespeckleSettings,
    inputs: dict[str, Any],
    out: Path,
    done: Journal,
    started: float,
) -> Job[Run]:
    """Write the record of a finished output, and close its journal."""
    sha256 = yield from wait_for(
        in_thread(lambda: hash_volume(open_volume(out))), Progress(1, 1, "writing the record")
    )
    run = Run(
        operation,
        arguments,
        settings.to_dict(),
        inputs=inputs,
        outputs={"image": {"path": str(out.resolve()), "sha256": sha256}},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    done.close()
    return run
