"""`napari-midl vessels …`.

Annotations are read at run time here, so they are not postponed; whatever is heavy is
imported by the command that needs it.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from napari_midl.commands.common import Flat, say_scores
from napari_midl.methods.vessels.settings import FinetuneSettings, PredictSettings, PretrainSettings
from napari_midl.terminal import drive

app = App(name="vessels", help="Segment vessels.")


@app.command
def finetune(
    image: Path,
    /,
    *,
    labels: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    settings: Annotated[FinetuneSettings, Flat] = FinetuneSettings(),  # noqa: B008
) -> None:
    """Fine-tune a network on a labelled image.

    Parameters
    ----------
    image : Path
        The image.
    labels : Path
        Labels of the image's shape: 0 unlabelled, 1 background, 2 vessel.
    out : Path
        The ``.safetensors`` file to write.
    model : str
        ``base`` (shipped), ``scratch`` (untrained), or the path of a model.
    channel : int
        Channel of the image to look at.
    """
    from napari_midl.methods.vessels import files

    record = drive(files.finetune(image, labels, out, model, channel, settings))
    say_scores(record.results)
    print(out)


@app.command
def predict(
    image: Path,
    /,
    *,
    model: str,
    out: Path,
    channel: int = 0,
    scheduler: str | None = None,
    resume: bool = False,
    settings: Annotated[PredictSettings, Flat] = PredictSettings(),  # noqa: B008
) -> None:
    """Predict the vessels of an image into an OME-Zarr.

    Parameters
    ----------
    image : Path
        The image.
    model : str
        ``base`` (shipped), or the path of a model.
    out : Path
        The ``.ome.zarr`` folder to write.
    channel : int
        Channel of the image to look at.
    scheduler : str, optional
        Address of a dask.distributed scheduler on whose workers to compute.
    resume : bool
        Go on with an output that was stopped.
    """
    from napari_midl.methods.vessels import files

    drive(files.predict(image, model, out, channel, settings, resume, scheduler))
    print(out)


@app.command
def pretrain(
    *,
    out: Path,
    stacks: Path | None = None,
    hold_out: str = "",
    start: str = "scratch",
    settings: Annotated[PretrainSettings, Flat] = PretrainSettings(),  # noqa: B008
) -> None:
    """Make base weights from synthetic vessels, and labelled stacks where given.

    Parameters
    ----------
    out : Path
        The ``.safetensors`` file to write.
    stacks : Path, optional
        Folder of pairs NAME_image.tif and NAME_label.tif.
    hold_out : str
        Leave out the stacks whose name contains this.
    start : str
        ``scratch``, or the path of a model to go on from.
    """
    from napari_midl.methods.vessels import files

    drive(files.pretrain(out, stacks, settings, hold_out, start))
    print(out)
