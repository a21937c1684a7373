"""The command line, built from the same settings as the docks.

Annotations are read at run time here, so they are not postponed; whatever is heavy is
imported by the command that needs it.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from napari_midl import __version__
from napari_midl.errors import InputError
from napari_midl.methods.axons.settings import FinetuneSettings as TrackerFinetuneSettings
from napari_midl.methods.axons.settings import TraceSettings, TrainSettings
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    PredictSettings,
    PretrainSettings,
)
from napari_midl.terminal import drive

Flat = Parameter(name="*")

BAD_INPUT, INTERRUPTED = 2, 130
TORCH_MISSING = (
    'torch is not installed; run: pip install "napari-midl[torch]" (or "napari-midl[all]").'
)

app = App(
    name="napari-midl",
    help="Segment vessels and follow axons with networks that learn from a few strokes and clicks.",
    version=__version__,
    help_format="restructuredtext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
vessels = App(name="vessels", help="Segment vessels.")
axons = App(name="axons", help="Follow axons and other fibres.")
runs = App(name="runs", help="Look after run records.")
app.command(vessels)
app.command(axons)
app.command(runs)


@app.default
def open_napari(*files: Path) -> None:
    """Open napari with the suite.

    Parameters
    ----------
    files : Path
        Images to open.
    """
    from napari_midl.reader import layers_of
    from napari_midl.volumes.open import open_volume

    volumes = [open_volume(file) for file in files]
    if not _has_screen():
        raise InputError(
            "there is no screen here to open napari on; log in with one, or use the commands "
            "listed by napari-midl --help."
        )
    import napari

    viewer = napari.Viewer()
    for volume in volumes:
        for data, options, _ in layers_of(volume):
            viewer.add_image(data, **options)
    viewer.window.add_plugin_dock_widget("napari-midl", "MIDL: Vessels")
    napari.run()


@app.command
def demo(outdir: Path = Path("napari-midl-demo")) -> None:
    """Run every tool on built-in data, no screen needed, and write a picture page.

    Parameters
    ----------
    outdir : Path
        New folder for the results and ``index.html``.
    """
    from napari_midl.demo import run_demo

    print(drive(run_demo(outdir)))


@app.command
def doctor() -> int:
    """Show versions, devices, Qt and GL, the weights' hashes, what is wrong and the mend."""
    from rich.markup import escape
    from rich.table import Table

    from napari_midl.doctor import report

    checks = report()
    table = Table("", "check", "found", "mend", title=f"napari-midl {__version__}")
    marks = {True: "[green]ok", False: "[red]wrong", None: "[yellow]note"}
    for check in checks:
        table.add_row(marks[check.ok], *map(escape, (check.name, check.value, check.mend)))
    Console().print(table)
    return int(any(check.ok is False for check in checks))


@vessels.command
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
    _say_scores(record.results)
    print(out)


@vessels.command
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


@vessels.command
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


@axons.command
def trace(
    image: Path,
    /,
    *,
    seeds: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
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
    """
    from napari_midl.methods.axons import files

    record = drive(files.trace(image, seeds, out, model, channel, settings))
    print(f"{record.results['traces']} traces, {record.results['length']:.1f} long in all")
    print(out)


@axons.command(name="finetune")
def finetune_tracker(
    image: Path,
    /,
    *,
    traces: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    settings: Annotated[TrackerFinetuneSettings, Flat] = TrackerFinetuneSettings(),  # noqa: B008
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
    """
    from napari_midl.methods.axons import files

    record = drive(files.finetune(image, traces, out, model, channel, settings))
    _say_scores(record.results)
    print(out)


@axons.command
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


@runs.command
def replay(record: Path, /) -> int:
    """Do a recorded run again and compare; exits with 1 if it comes out different.

    Parameters
    ----------
    record : Path
        The ``.run.json`` file that lies beside an output.
    """
    from napari_midl.engine import runs as records
    from napari_midl.methods.axons.files import OPERATIONS as AXONS
    from napari_midl.methods.vessels.files import OPERATIONS as VESSELS

    comparison = drive(records.replay(record, {**VESSELS, **AXONS}))
    print(*comparison.lines, sep="\n")
    print("the same" if comparison.same else "not the same")
    return 0 if comparison.same else 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with 0, 2 on bad input, or 130 when interrupted."""

    def command() -> Any:
        return app(arguments, exit_on_error=False, print_error=False, result_action="return_value")

    sys.exit(_exit_code(command))


def _exit_code(command: Callable[[], Any]) -> int:
    try:
        return int(command() or 0)
    except CycloptsError as error:
        # Settings check themselves while the options are parsed; the parser wraps what they raise.
        if isinstance(error.__cause__, InputError):
            return _complain(str(error.__cause__))
        return _complain(str(error))
    except InputError as error:
        return _complain(str(error))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return _complain(TORCH_MISSING)
    except KeyboardInterrupt:
        _complain("Cancelled.")
        return INTERRUPTED


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return BAD_INPUT


def _has_screen() -> bool:
    """Whether Qt will find a screen; without one it ends the process instead of raising."""
    wanted = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in wanted)


def _say_scores(results: dict[str, Any]) -> None:
    before, after = results.get("before") or {}, results.get("after") or {}
    for name in after:
        print(f"held-out {name}: {before.get(name, float('nan')):.3f} -> {after[name]:.3f}")


if __name__ == "__main__":
    main()
