"""`napari-midl staining …`.

Annotations are read at run time here, so they are not postponed; whatever is heavy is
imported by the command that needs it.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from napari_midl.commands.common import Flat
from napari_midl.methods.staining.settings import (
    DespeckleSettings,
    StainSettings,
    TrainDespecklerSettings,
    TrainSettings,
)
from napari_midl.terminal import drive

app = App(name="staining", help="Stain confocal mosaics as H&E slides; not for diagnosis.")


@app.command
def stain(
    *,
    reflectance: Path,
    fluorescence: Path,
    out: Path,
    model: str = "base",
    despeckler: str = "base",
    reference: Path | None = None,
    reflectance_channel: int = 0,
    fluorescence_channel: int = 0,
    scheduler: str | None = None,
    resume: bool = False,
    settings: Annotated[StainSettings, Flat] = StainSettings(),  # noqa: B008
) -> None:
    """Stain a mosaic into an OME-Zarr.

    Parameters
    ----------
    reflectance : Path
        The reflectance channel, or a file with both.
    fluorescence : Path
        The fluorescence channel, or the same file.
    out : Path
        The ``.ome.zarr`` folder to write.
    model : str
        ``base`` (shipped), or the path of a model for the method.
    despeckler : str
        ``base`` or ``correlated`` (shipped), or the path of a despeckler.
    reference : Path, optional
        An H&E picture whose colours to take.
    reflectance_channel : int
        Channel of the file of reflectance, counted from 0.
    fluorescence_channel : int
        Channel of the file of fluorescence, counted from 0.
    scheduler : str, optional
        Address of a dask.distributed scheduler on whose workers to compute.
    resume : bool
        Go on with an output that was stopped.
    """
    from napari_midl.methods.staining import files

    channels = (reflectance_channel, fluorescence_channel)
    drive(
        files.stain(
            reflectance,
            fluorescence,
            out,
            settings,
            model,
            despeckler,
            reference,
            channels,
            resume,
            scheduler,
        )
    )
    print(out)


@app.command
def despeckle(
    reflectance: Path,
    /,
    *,
    out: Path,
    model: str = "base",
    channel: int = 0,
    scheduler: str | None = None,
    resume: bool = False,
    settings: Annotated[DespeckleSettings, Flat] = DespeckleSettings(),  # noqa: B008
) -> None:
    """Take the speckle out of a reflectance mosaic into an OME-Zarr.

    Parameters
    ----------
    reflectance : Path
        The mosaic.
    out : Path
        The ``.ome.zarr`` folder to write.
    model : str
        ``base`` or ``correlated`` (shipped), or the path of a despeckler.
    channel : int
        Channel of the file, counted from 0.
    scheduler : str, optional
        Address of a dask.distributed scheduler on whose workers to compute.
    resume : bool
        Go on with an output that was stopped.
    """
    from napari_midl.methods.staining import files

    drive(files.despeckle(reflectance, out, settings, model, channel, resume, scheduler))
    print(out)


@app.command
def train(
    *,
    slides: Path,
    out: Path,
    confocal: Path = Path("synthetic"),
    despeckler: str = "base",
    settings: Annotated[TrainSettings, Flat] = TrainSettings(),  # noqa: B008
) -> None:
    """Train a stain on unpaired mosaics and slides; one that was stopped goes on.

    Parameters
    ----------
    slides : Path
        Folder of H&E pictures at the mosaics' resolution.
    out : Path
        The ``.safetensors`` file to write.
    confocal : Path
        Folder of pairs NAME_fluorescence.tif and NAME_reflectance.tif, or ``synthetic``.
    despeckler : str
        ``base`` or ``correlated`` (shipped), or the path of a despeckler: the mosaics are
        despeckled first.
    """
    from napari_midl.methods.staining import teach

    drive(teach.teach_stain(confocal, slides, out, settings, despeckler))
    print(out)


@app.command
def train_despeckler(
    *,
    slides: Path,
    out: Path,
    settings: Annotated[TrainDespecklerSettings, Flat] = TrainDespecklerSettings(),  # noqa: B008
) -> None:
    """Train a despeckler on slides with artificial speckle; one that was stopped goes on.

    Parameters
    ----------
    slides : Path
        Folder of H&E pictures.
    out : Path
        The ``.safetensors`` file to write.
    """
    from napari_midl.methods.staining import teach

    drive(teach.teach_despeckler(slides, out, settings))
    print(out)
