"""`napari-midl axons …`.

Annotations are read at run time here, so they are not postponed; whatever is heavy is
imported by the command that needs it.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from napari_midl.commands.common import Flat, say_scores
from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings, TrainSettings
from napari_midl.terminal import drive

app = App(name="axons", help="Follow axons and other fibres.")


@app.command
def trace(
    image: Path,
    /,
    *,
    seeds: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    time: int = 0,
    settings: Annotated[TraceSettings, Flat] = TraceSettings(),  # noqa: B008
) -> None:
    """Follow a fibre from each seed.

    Parameters
    ----------
    image : Path
        The image, a plane or a stack.
    seeds : Path
        Table with the columns path,y,x[,z][,dy,dx[,dz]] in pixels.
    out : Path
        The ``.csv`` (pixels) or ``.swc`` (micrometres, a ``.csv`` beside it) to write.
    model : str
        ``base`` (shipped), or the path of a model.
    channel : int
        Channel of the image to look at.
    time : int
        Time point to look at.
    """
    from napari_midl.methods.axons import files

    record = drive(files.trace(image, seeds, out, model, channel, time, settings))
    print(f"{record.results['traces']} traces, {record.results['length']:.1f} long in all")
    print(out)


@app.command
def finetune(
    image: Path,
    /,
    *,
    traces: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    time: int = 0,
    settings: Annotated[FinetuneSettings, Flat] = FinetuneSettings(),  # noqa: B008
) -> None:
    """Fine-tune a tracker on the traces of an image.

    Parameters
    ----------
    image : Path
        The image, a plane or a stack.
    traces : Path
        Whole fibres, as ``.swc`` in micrometres or ``.csv`` in pixels.
    out : Path
        The ``.safetensors`` file to write.
    model : str
        ``base`` (shipped), or the path of a model.
    channel : int
        Channel of the image to look at.
    time : int
        Time point to look at.
    """
    from napari_midl.methods.axons import files

    record = drive(files.finetune(image, traces, out, model, channel, time, settings))
    say_scores(record.results)
    print(out)


@app.command
def train(
    *,
    out: Path,
    settings: Annotated[TrainSettings, Flat] = TrainSettings(),  # noqa: B008
) -> None:
    """Train a tracker on synthetic fibres; one that was stopped goes on.

    Parameters
    ----------
    out : Path
        The ``.safetensors`` file to write.
    """
    from napari_midl.methods.axons import files

    drive(files.train(out, settings))
    print(out)
