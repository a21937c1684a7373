"""The command line.

Annotations are read at run time here, so they are not postponed; whatever is heavy is
imported by the command that needs it. The commands of the tools are made from their operations.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from napari_midl import __version__
from napari_midl.commands import add_commands
from napari_midl.engine.memory import allocate_for_networks
from napari_midl.errors import InputError
from napari_midl.methods import METHODS
from napari_midl.terminal import drive

BAD_INPUT, INTERRUPTED = 2, 130
TORCH_MISSING = (
    'torch is not installed; run: pip install "napari-midl[torch]" (or "napari-midl[all]").'
)

app = App(
    name="napari-midl",
    help=f"Deep-learning tools for microscopy and anatomy: {', '.join(METHODS)}.",
    version=__version__,
    help_format="restructuredtext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
runs = App(name="runs", help="Look after run records.")
add_commands(app)
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
    try:
        import qtpy.QtWidgets  # noqa: F401
    except ImportError as error:
        raise InputError(
            "napari needs a Qt binding for its window, and none can be loaded here; pip install "
            '"napari-midl[all]" '
            "(napari-midl doctor says more), or use the commands listed by napari-midl --help."
        ) from error
    import napari

    viewer = napari.Viewer()
    for volume in volumes:
        for layer in layers_of(volume):
            viewer.add_layer(napari.layers.Layer.create(*layer))
    viewer.window.add_plugin_dock_widget("napari-midl", "Vessels")
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
    """Show versions, devices, Qt and GL, the weights' hashes, what is wrong and the fix."""
    from rich.markup import escape
    from rich.table import Table

    from napari_midl.doctor import report

    checks = report()
    table = Table("", "check", "found", "fix", title=f"napari-midl {__version__}")
    marks = {True: "[green]ok", False: "[red]wrong", None: "[yellow]note"}
    for check in checks:
        table.add_row(marks[check.ok], *map(escape, (check.name, check.value, check.fix)))
    Console().print(table)
    return int(any(check.ok is False for check in checks))


@runs.command
def replay(record: Path, /) -> int:
    """Do a recorded run again and compare; exits with 1 if it comes out different.

    Parameters
    ----------
    record : Path
        The ``.run.json`` file that lies beside an output.
    """
    from napari_midl.engine import replaying
    from napari_midl.methods import all_operations

    all_operations()
    comparison = drive(replaying.replay(record))
    print(*comparison.lines, sep="\n")
    print("identical" if comparison.same else "different")
    return 0 if comparison.same else 1


@runs.command
def schema() -> None:
    """Print the JSON Schema of a run record."""
    from napari_midl.engine import runs as records

    print(json.dumps(records.schema(), indent=2))


@runs.command
def crate(record: Path, /, *, out: Path, licence: str = "", copy_inputs: bool = False) -> None:
    """Export a run as an RO-Crate (Process Run Crate): its record, outputs and metadata.

    Parameters
    ----------
    record : Path
        The ``.run.json`` file that lies beside an output.
    out : Path
        The folder to write.
    licence : str
        Licence of the data, as an address or in words.
    copy_inputs : bool
        Copy the inputs too; otherwise they are named by where they lie, with their hashes.
    """
    from napari_midl.engine.crate import write_crate
    from napari_midl.methods import all_operations

    all_operations()
    write_crate(record, out, licence=licence, copy_inputs=copy_inputs)
    print(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with 0, 2 on bad input, or 130 when interrupted."""
    allocate_for_networks()

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


if __name__ == "__main__":
    main()
