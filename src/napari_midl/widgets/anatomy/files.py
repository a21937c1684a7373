"""Landmarks from and to files, and the mesh to files and to a layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.operations import Fill, Generate
from napari_midl.methods.anatomy.ports import (
    MASKS,
    NIFTI,
    ZARR,
    AnatomyModelIn,
    LandmarksIn,
    MaskOut,
    MeshIn,
    ShapeOut,
)
from napari_midl.samples import LANDMARKS
from napari_midl.volumes.landmarks import write_landmarks
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.anatomy.naming import open_landmarks
from napari_midl.widgets.layers import OURS, keeping_active
from napari_midl.widgets.tool.dialogs import ask_open, ask_save
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    import numpy as np

    from napari_midl.widgets.anatomy.mesh import MeshSection

KINDS = "Landmarks (*.csv *.tsv *.mrk.json *.fcsv)"
_TO_SAVE = "Landmarks (*.csv *.mrk.json *.fcsv)"
_SHAPES = "Mesh (*.ply *.stl *.obj);;OME-Zarr mask (*.ome.zarr);;NIfTI mask (*.nii.gz)"
_ENDINGS = {"Mesh": ".ply", "OME-Zarr": ZARR, "NIfTI": NIFTI}


class ShapeFilesSection(ToolSection[AnatomyBench]):
    """Opens and saves landmarks, exports the mesh, and fills it."""

    heading = "Files"

    def __init__(self, bench: AnatomyBench, mesh: MeshSection) -> None:
        super().__init__(bench)
        self._mesh = mesh
        self.open = self.action(
            "Open…",
            "Open landmarks: CSV (name,x,y,z in mm of the world) or markups of 3D Slicer "
            "(.mrk.json, .fcsv); Undo goes back to these",
            self._on_open,
            lambda: bench.idle,
        )
        self.save = self.action(
            "Save…",
            "Save the landmarks as CSV, .mrk.json or .fcsv, in mm of the world (LPS)",
            self._on_save,
            lambda: bench.landmarks.placed.any(),
            bench.placed,
        )
        self.export = self.action(
            "Export…",
            "Save the mesh as PLY, STL or OBJ in mm of the world (LPS), or as a mask on the voxels "
            "of the scan (OME-Zarr or NIfTI), with its landmarks and the record of how it was made",
            self._on_export,
            lambda: bench.idle and bench.shown is not None,
            bench.result,
        )
        self.labels = self.action(
            "To labels",
            "Fill the mesh on the voxels of the scan, as a Labels layer",
            self._on_labels,
            lambda: bench.idle and bench.shown is not None and bench.volume is not None,
            bench.result,
        )
        self.row(self.open, self.save, self.export, self.labels)

    def _on_open(self) -> None:
        bench, image = self.bench, self.bench.image
        # A sample's own landmarks lie elsewhere.
        of_sample = image.metadata.get(LANDMARKS) if image is not None else None
        path = ask_open(self, "Open landmarks", KINDS, of_sample or self._folder)
        if path is None:
            return
        try:
            landmarks = open_landmarks(self, path, bench.editor.template)
        except InputError as error:
            bench.report(error)
            return
        if landmarks is None:
            return
        bench.told.emit("")  # of a file that was tried before
        bench.edit(bench.editor.replace, landmarks)
        if bench.volume is None:
            # There are no slices to look at.
            bench.viewer.dims.ndisplay = 3
            bench.viewer.reset_view()
        else:
            bench.say_outside(path)

    def _on_save(self) -> None:
        start = self._folder / f"{self._stem} landmarks.csv"
        path = ask_save(self, "Save the landmarks", start, _TO_SAVE)
        if path is None:
            return
        try:
            write_landmarks(path, self.bench.landmarks)
        except InputError as error:
            self.bench.report(error)
        else:
            show_info(f"Saved {path}")

    def _on_export(self) -> None:
        bench = self.bench
        start = self._folder / f"{self._stem} mesh.ply"
        path = ask_save(self, "Export the mesh", start, _SHAPES, _ENDINGS)
        if path is None or bench.shown is None:
            return
        out, request = ShapeOut(path, replace=path.exists()), bench.shown.request
        if bench.shown.generated.fit is not None:
            self.write("Export", self._mesh.fitting(request, out))
            return
        on_scan = path.name.endswith(MASKS) and bench.volume is not None
        operation = Generate(
            landmarks=LandmarksIn.of(request.landmarks),
            model=AnatomyModelIn(str(request.model)),
            scan=bench.image_in if on_scan else None,
            out=out,
            settings=request.settings,
        )
        self.write("Export", operation)

    def _on_labels(self) -> None:
        bench = self.bench
        assert bench.shown is not None
        mesh = bench.shown.generated.mesh
        job = Fill(mesh=MeshIn(None, mesh), scan=bench.image_in, out=MaskOut(None)).perform()
        bench.start("To labels", job, lambda outcome: self._add_labels(outcome.result))

    def _add_labels(self, mask: np.ndarray) -> None:
        bench, layers = self.bench, self.bench.viewer.layers
        with keeping_active(bench.viewer):
            made = bench.viewer.add_labels(
                mask,
                name=f"{self._stem}: anatomy",
                metadata={OURS: "made by the anatomy dock"},
                **bench.mesh.placement,
            )
        # Below the mesh and the landmarks, which it would hide.
        if bench.mesh.layer is not None:
            layers.move(layers.index(made), layers.index(bench.mesh.layer))

    @property
    def _stem(self) -> str:
        return self.bench.volume.name if self.bench.volume is not None else "anatomy"

    @property
    def _folder(self) -> Path:
        """Where a file dialog begins."""
        folder = self.bench.folder
        return folder.parent if folder is not None else Path.home()
