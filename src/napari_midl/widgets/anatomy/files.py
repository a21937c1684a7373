"""Landmarks from and to files, and the mesh to files and to a layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog

from napari_midl.engine.ports import ImageIn
from napari_midl.errors import InputError
from napari_midl.methods.anatomy import operations
from napari_midl.methods.anatomy.checks import read_set
from napari_midl.methods.anatomy.ports import (
    ZARR,
    AnatomyModelIn,
    LandmarksIn,
    MaskOut,
    MeshIn,
    ShapeOut,
)
from napari_midl.samples import LANDMARKS
from napari_midl.volumes.landmarks import write_landmarks
from napari_midl.widgets.images import OURS
from napari_midl.widgets.parts.section import Section, button

if TYPE_CHECKING:
    from napari_midl.widgets.anatomy.workbench import Workbench

KINDS = "Landmarks (*.csv *.mrk.json *.fcsv)"
_SHAPES = "Mesh (*.ply *.stl *.obj);;Mask as OME-Zarr (*.ome.zarr)"
_ENDINGS = {"Mesh": ".ply", "Mask": ZARR}


class FilesSection(Section):
    """Opens, saves, exports."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Files")
        self._bench = bench
        self.open = button(
            "Open…",
            "Open landmarks: CSV (name,x,y,z in mm) or markups of 3D Slicer (.mrk.json, .fcsv); "
            "Undo goes back to these",
            self._on_open,
        )
        self.save = button(
            "Save…", "Save the landmarks as CSV, .mrk.json or .fcsv, in mm", self._on_save
        )
        self.export = button(
            "Export…",
            "Save the mesh as PLY, STL or OBJ in mm, or as a mask (OME-Zarr) on the scan's grid, "
            "with its landmarks and the record of how it was made",
            self._on_export,
        )
        self.labels = button(
            "To labels", "Fill the mesh on the scan's grid, as a Labels layer", self._on_labels
        )
        self.row(self.open, self.save, self.export, self.labels)
        bench.changed.connect(self._on_changed)
        bench.meshed.connect(self._on_changed)
        self._on_changed()

    def _on_open(self) -> None:
        bench = self._bench
        text, _ = QFileDialog.getOpenFileName(self, "Open landmarks", str(self._start("")), KINDS)
        if not text:
            return
        try:
            landmarks = read_set(Path(text), bench.template)
        except InputError as error:
            bench.report(error)
            return
        bench.replace(landmarks)
        if bench.volume is None:
            # There are no slices to look at.
            bench.viewer.dims.ndisplay = 3
            bench.viewer.reset_view()
        self._say_outside(Path(text).name)

    def _say_outside(self, name: str) -> None:
        """Landmarks of another scan, or of one whose origin is not its first voxel, lie beside."""
        bench = self._bench
        if bench.volume is None:
            return
        placed = bench.landmarks.points[bench.landmarks.placed]
        data = bench.frame.to_data(placed)
        inside = ((data >= -0.5) & (data <= np.array(bench.volume.shape) - 0.5)).all(axis=1)
        if not inside.all():
            show_info(
                f"{int((~inside).sum())} of {len(inside)} landmarks of {name} lie outside "
                f"{bench.volume.name}; they should be in mm from the middle of its first voxel."
            )

    def _on_save(self) -> None:
        bench = self._bench
        start = str(self._start(f"{self._stem} landmarks.csv"))
        text, _ = QFileDialog.getSaveFileName(self, "Save the landmarks", start, KINDS)
        if not text:
            return
        path = Path(text)
        path = path if path.suffix else path.with_name(f"{path.name}.csv")
        try:
            write_landmarks(path, bench.landmarks)
        except InputError as error:
            bench.report(error)
        else:
            show_info(f"Saved {path}")

    def _on_export(self) -> None:
        bench = self._bench
        start = str(self._start(f"{self._stem} mesh.ply"))
        text, kind = QFileDialog.getSaveFileName(self, "Export the mesh", start, _SHAPES)
        if not text:
            return
        path = Path(text)
        if not path.suffix:
            path = path.with_name(path.name + _ENDINGS.get(kind.split()[0], ".ply"))
        wish = bench.reply.wish
        on_grid = path.name.endswith(ZARR) and bench.volume is not None
        job = operations.Generate(
            landmarks=LandmarksIn.of(wish.landmarks),
            model=AnatomyModelIn(str(wish.model)),
            scan=self._scan() if on_grid else None,
            out=ShapeOut(path, replace=path.exists()),
            settings=wish.settings,
        ).perform()
        bench.start("Export", job, lambda _: show_info(f"Saved {path}"))

    def _on_labels(self) -> None:
        bench = self._bench
        job = operations.Fill(
            mesh=MeshIn(None, bench.reply.generated.mesh), scan=self._scan(), out=MaskOut(None)
        ).perform()
        bench.start("To labels", job, lambda outcome: self._add_labels(outcome.result))

    def _scan(self) -> ImageIn:
        bench = self._bench
        return ImageIn.of(bench.volume, bench.channel, bench.time)

    def _add_labels(self, mask: Any) -> None:
        bench = self._bench
        layers = bench.viewer.layers
        active = layers.selection.active
        made = bench.viewer.add_labels(
            mask,
            name=f"{bench.volume.name}: anatomy",
            metadata={OURS: "made by the anatomy dock"},
            **bench.frame.placement,
        )
        # Below the mesh and the landmarks, which it would hide.
        if bench.mesh.layer is not None:
            layers.move(layers.index(made), layers.index(bench.mesh.layer))
        layers.selection.active = active

    @property
    def _stem(self) -> str:
        return self._bench.volume.name if self._bench.volume is not None else "anatomy"

    def _start(self, name: str) -> Path:
        """Where a file dialog begins; a sample's own landmarks lie elsewhere."""
        image, folder = self._bench.image, self._bench.folder
        if not name and image is not None and LANDMARKS in image.metadata:
            return Path(image.metadata[LANDMARKS])
        return (folder.parent if folder is not None else Path.home()) / name

    def _on_changed(self) -> None:
        bench = self._bench
        self.open.setEnabled(bench.idle)
        self.save.setEnabled(bool(bench.landmarks.placed.any()))
        self.export.setEnabled(bench.idle and bench.reply is not None)
        self.labels.setEnabled(bench.idle and bench.reply is not None and bench.volume is not None)
