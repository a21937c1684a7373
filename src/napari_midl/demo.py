"""Every tool on built-in data, with no screen: results in a folder and a picture page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.page import write_page
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.demo import anatomy_demo
from napari_midl.methods.axons.demo import axons_demo
from napari_midl.methods.staining.demo import staining_demo
from napari_midl.methods.vessels.demo import vessels_demo
from napari_midl.volumes.atomic import not_written

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job

TOOLS = (vessels_demo, axons_demo, anatomy_demo, staining_demo)


def run_demo(outdir: Path) -> Job[Path]:
    """Run each tool's demo into a folder of its own and write ``index.html``.

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
        for tool in TOOLS:
            sections.append((yield from tool(outdir)))
        return write_page(outdir, "napari-midl demo", sections)
    except OSError as error:
        raise not_written(outdir, error) from error
