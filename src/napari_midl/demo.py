"""Every tool on built-in data, with no screen: results in a folder and a picture page."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.page import write_page
from napari_midl.errors import InputError
from napari_midl.methods import METHODS
from napari_midl.volumes.atomic import not_written

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.page import Section

Demo = Callable[[Path], "Job[Section]"]


def demo_of(method: str) -> Demo:
    """The demo of a method: it writes into a folder, and returns its part of the page."""
    module = import_module(f"napari_midl.methods.{method}.demo")
    demo: Demo = getattr(module, f"{method}_demo")
    return demo


def run_demo(outdir: Path) -> Job[Path]:
    """Run each method's demo into a folder of its own and write ``index.html``.

    Parameters
    ----------
    outdir : Path
        A folder that does not exist or is empty.

    Returns
    -------
    Path
        The page, returned by the generator.

    Raises
    ------
    InputError
        If the folder holds something already, cannot be made or has no room.
    """
    try:
        outdir.mkdir(parents=True, exist_ok=True)
        if any(outdir.iterdir()):
            raise InputError(f"{outdir} is not empty; name a new folder, nothing is overwritten.")
        sections = []
        for method in METHODS:
            folder = outdir / method
            folder.mkdir()
            sections.append((yield from demo_of(method)(folder)))
        return write_page(outdir, "napari-midl demo", sections)
    except OSError as error:
        raise not_written(outdir, error) from error
