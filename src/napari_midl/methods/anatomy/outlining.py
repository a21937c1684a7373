"""What can be done with surfaces in a scan: outline what is bright, and fill a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.operations import Operation, operation
from napari_midl.methods.anatomy.ports import MaskOut, MeshIn, MeshOut
from napari_midl.methods.anatomy.words import SHARE, of_scan, scan_in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Running
    from napari_midl.methods.anatomy import outline
    from napari_midl.volumes.meshes import Mesh
    from napari_midl.volumes.volume import Volume


def opened(run: Running, port: ImageIn) -> Job[Volume]:
    """A scan, and in the results what a person should know about it."""
    volume = yield from run.open(port)
    from napari_midl.methods.anatomy.scan import as_scan

    scan = as_scan(volume)
    yield from run.tell(["scan"], scan.notes[len(volume.notes) :])
    run.results |= of_scan(scan)
    return scan


def laid(run: Running, mesh: Mesh, scan: Volume, name: str) -> Job[None]:
    """Refuse a mesh that does not lie in a scan, and note how much of it does."""
    from napari_midl.methods.anatomy.overlap import check_overlap

    share = yield from elsewhere(
        lambda: check_overlap(mesh, scan, name), f"laying the shape on {scan.name}"
    )
    run.results |= {SHARE: share}


@operation("anatomy.outline", argument="scan")
@dataclass(frozen=True, kw_only=True)
class Outline(Operation["outline.Outline"]):
    """Find the surface of all that is brighter than a level in a scan, where that lies.

    Parameters
    ----------
    scan : ImageIn
        The scan, or a mask.
    level : float
        The surface is where the scan passes this value; 0.5 suits a mask of 0 and more.
    """

    scan: ImageIn
    level: float
    out: MeshOut

    def job(self, run: Running) -> Job[outline.Outline]:
        """Find it at the finest resolution that fits into memory."""
        volume = yield from opened(run, self.scan)
        from napari_midl.methods.anatomy import outline
        from napari_midl.volumes.meshes import write_mesh

        found = yield from outline.outline(volume, self.level)
        if self.out.path is not None:
            by = f"napari-midl anatomy outline, {volume.name} above {self.level:g}, mm"
            write_mesh(run.staged(), found.mesh, by)
        run.results |= {"vertices": len(found.mesh.vertices)}
        return found

    def summary(self, results: dict[str, Any]) -> list[str]:
        """Where the surface lies, if the scan does not say it."""
        return scan_in_words(results)


@operation("anatomy.fill", argument="mesh")
@dataclass(frozen=True, kw_only=True)
class Fill(Operation["NDArray[np.uint8] | None"]):
    """Fill a mesh on the voxels of a scan, as a mask.

    Parameters
    ----------
    scan : ImageIn
        Image on whose voxels the mask is laid, and in which the mesh has to lie.
    """

    mesh: MeshIn
    scan: ImageIn
    out: MaskOut

    def job(self, run: Running) -> Job[NDArray[np.uint8] | None]:
        """Fill plane by plane; in memory the result is labels, 1 inside."""
        mesh = yield from run.open(self.mesh, "reading the mesh")
        volume = yield from opened(run, self.scan)
        from napari_midl.methods.anatomy import export

        yield from laid(run, mesh, volume, str(self.mesh.path or "the mesh"))
        if self.out.path is None:
            return (yield from export.labels_of(mesh, volume))
        yield from export.write_mask(mesh, run.staged(), volume)
        return None

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How much of the mesh lies in the scan."""
        return scan_in_words(results)
