"""What the dock starts: jobs that load what they need, and leave their record.

They run in a worker thread. torch is imported there, and not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.volumes.landmarks import write_landmarks
from napari_midl.volumes.meshes import Mesh, planes
from napari_midl.widgets.anatomy.target import Target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_midl.methods.anatomy.settings import TrainSettings
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.anatomy.live import Reply

# More voxels take minutes and gigabytes to outline.
_MOST_VOXELS = 2**27


def outline(
    volume: Volume, level: float, name: str, origin: ArrayLike = (0.0, 0.0, 0.0)
) -> Job[Target]:
    """The outline of what is above a level, at the finest resolution that fits.

    Its first voxel lies at `origin`, ``(x, y, z)`` in mm.
    """
    step = Progress(0, 0, f"finding the outline of {name}")
    levels = [data for data in volume.levels if data.size <= _MOST_VOXELS]
    if not levels:
        raise InputError(f"{name} is too large to be outlined; crop it, or make a pyramid of it.")
    factor = np.asarray(volume.shape) / levels[0].shape
    size = volume.millimetres * factor

    def find() -> Target:
        voxels = np.asarray(levels[0].compute(scheduler="synchronous"), np.float32)
        return Target(voxels, level, size, name, origin)

    return (yield from wait_for(in_thread(find), step))


def fill(mesh: Mesh, volume: Volume) -> Job[np.ndarray]:
    """The inside of a mesh as labels ``(Z, Y, X)`` on the grid of a scan."""
    labels = np.zeros(volume.shape, np.uint8)
    size = volume.millimetres
    for z, plane in enumerate(planes(mesh, volume.shape, size)):
        yield Progress(z, len(labels), "filling the mesh")
        labels[z] = plane
    return labels


def export(out: Path, reply: Reply, volume: Volume | None) -> Job[Path]:
    """Write the mesh, or its inside on the scan's grid, with its landmarks and the record.

    The landmarks go to a file beside, from which the record can be replayed.
    """
    wish = reply.wish
    beside = landmarks_beside(out)
    from napari_midl.methods.anatomy import apply, files

    files.check_out(out)
    write_landmarks(beside, wish.landmarks)
    grid = volume if out.name.endswith(files.ZARR) else None
    if grid is None or grid.source is not None:
        scan = Path(grid.source) if grid is not None else None
        yield from files.generate(beside, out, str(wish.model), scan, wish.settings)
    else:
        # The scan is no file, so that nobody could replay it: the mask alone is written.
        yield from apply.write_mask(reply.generated.mesh, out, grid)
    return out


def landmarks_beside(out: Path) -> Path:
    """Where the landmarks of an exported mesh go."""
    return out.with_name(f"{out.name.split('.')[0]} landmarks.csv")


def train(folder: Path, out: Path, settings: TrainSettings) -> Job[Path]:
    """Train a model on the shapes of a folder, and leave it with its record."""

    def load() -> Any:
        from napari_midl.methods.anatomy import files

        return files

    files = yield from wait_for(in_thread(load), Progress(0, 0, "loading torch"))
    out.parent.mkdir(parents=True, exist_ok=True)
    yield from files.train(folder, out, settings=settings)
    return out
