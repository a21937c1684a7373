"""The list of landmarks, the one that is next, and placing it by a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from qtpy.QtCore import QByteArray, Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QDoubleSpinBox, QLabel

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.scan import ScanVoxels, read_voxels
from napari_midl.methods.anatomy.summary import GREY, landmark_overview, next_in_words
from napari_midl.volumes.meshes import MM
from napari_midl.widgets.anatomy import picking
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.clicks import Click, Clicks, voxel_at
from napari_midl.widgets.covering import refuse_hidden
from napari_midl.widgets.latest import LatestWorker
from napari_midl.widgets.looking import fly_to, uncover
from napari_midl.widgets.one_tool import OneTool
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.world import to_world

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.volumes.volume import Volume

_PICTURE, _ROWS = 132, 210
_IN_VIEW_MM = 40
# Of the columns of numbers and states, so that doubts are seen without scrolling.
_WIDTHS = {0: 32, 2: 22}


class LandmarksSection(ToolSection[AnatomyBench]):
    """Says which landmark is next, and takes the clicks.

    Attributes
    ----------
    scan : ScanVoxels or None
        What a click in 3D meets, once it has been read.
    """

    heading = "Landmarks"

    def __init__(self, bench: AnatomyBench) -> None:
        super().__init__(bench)
        editor = bench.editor
        self.scan: ScanVoxels | None = None
        self._of: Volume | None = None
        self._unread = ""
        self._filling = self._complete = False
        self._reader = LatestWorker(read_voxels, parent=self)
        self._reader.answered.connect(self._on_read)
        self._reader.failed.connect(self._on_unread)
        self.picture = QLabel()
        self.picture.setFixedSize(_PICTURE, _PICTURE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setToolTip("Where this landmark lies")
        self.about = note("The landmark that the next click places")
        self.place = self.action(
            "Place by clicking",
            "Each click into a slice, or in 3D onto the bone, places the landmark that is next.\n"
            "Drag a landmark to move it; drag a hollow one to place it where it is better.",
            self._on_place,
            lambda: bench.volume is not None or bench.mesh.layer is not None,
            bench.result,
        )
        self.place.setCheckable(True)
        self.accept = self.action(
            "Accept",
            "Place the chosen landmark where the model expects it, once you have looked there",
            lambda: bench.edit(editor.place, self._expected()),
            lambda: self._expected() is not None,
            bench.chosen,
            bench.result,
        )
        self.clear = self.action(
            "Clear",
            "Make the chosen landmark missing again; Undo brings it back",
            lambda: bench.edit(editor.clear),
            lambda: editor.landmarks.placed[editor.current],
            bench.chosen,
        )
        self.undo = self.action(
            "Undo",
            "Take the last edit back",
            lambda: bench.edit(editor.undo),
            lambda: editor.can_undo,
            bench.placed,
        )
        self.redo = self.action(
            "Redo",
            "Make the edit again that was taken back",
            lambda: bench.edit(editor.redo),
            lambda: editor.can_redo,
            bench.placed,
        )
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(-1e9, 1e9)
        self.threshold.setDecimals(1)
        self.threshold.setToolTip(
            "A click in the 3D view lands on the first voxel above this value; it begins with a "
            "guess from the scan"
        )
        self.enabled_when(self.threshold, lambda: bench.volume is not None)
        self.table = TableView(pd.DataFrame())
        self.table.setFixedHeight(_ROWS)
        self.table.view.setToolTip(
            "Click a row to fly to a landmark, and to place it by the next click.\n"
            "●: placed, ○: expected there by the model, from the others.\n"
            "x, y, z: place in the world (LPS). L2S: distance from the landmark to the surface.\n"
            "doubt: how many standard deviations it lies from where the others expect it."
        )
        self.table.visited.connect(self.visit)
        self.row(self.picture, self.about, stretch=1)
        self.row(self.place, self.accept, self.clear, self.undo, self.redo)
        self.body.addWidget(self._about_keys())
        self.row("3D clicks land on values above", self.threshold)
        self.body.addWidget(self.table)
        self._tool = OneTool(
            bench.viewer,
            lambda: "place" if self.place.isChecked() else None,
            lambda: self.place.setChecked(False),
            lambda layer: str(layer.mode) == "select" and layer is bench.points.layer,
        )
        self.clicks = Clicks(bench.viewer, self._on_click, self._wants_clicks)
        bench.points.surface = self._surface
        bench.points.held.connect(self._on_held)
        bench.opened.connect(self._on_opened)
        bench.placed.connect(self._on_placed)
        self.follow(self._fill, bench.placed, bench.result, bench.opened)
        self.follow(self._show_next, bench.chosen, bench.opened, self.place.toggled)

    def shut_down(self) -> None:
        """Take no more clicks, and wait until the scan is read."""
        self.clicks.stop()
        self._tool.stop()
        self._reader.shut_down()

    def _wants_clicks(self) -> bool:
        return self.place.isChecked() and not self.bench.points.on_placed

    def _on_place(self) -> None:
        self._tool.put_away()
        if self.place.isChecked():
            if self.bench.image is not None:
                uncover(self.bench.viewer, self.bench.image)
            self.bench.points.activate()

    def _on_click(self, click: Click) -> None:
        bench = self.bench
        bench.told.emit("")  # what was said of the click before
        try:
            data = self._hit(click)
        except InputError as error:
            bench.report(error)
            return
        name = bench.editor.name
        bench.edit(bench.editor.place, bench.request.space.to_world(data, MM))
        bench.points.select(name)

    def _hit(self, click: Click) -> Sequence[float] | np.ndarray:
        """Voxel ``(z, y, x)`` under a click."""
        bench, image = self.bench, self.bench.image
        if not click.in_3d:
            if image is None or bench.volume is None:
                raise InputError(
                    "A click into a slice needs a scan; open one, or change to the 3D view and "
                    "click onto the mesh."
                )
            refuse_hidden(bench.viewer, image, click.position, "in which you place landmarks")
            return voxel_at(image, bench.volume.shape, click.on(image).position)
        if image is not None and image.visible and self.scan is None:
            raise InputError(f"{self._unread}; click into a slice (2D view) instead.")
        place = self._surface()(click)
        if place is None:
            raise InputError(
                "There is nothing under this click: no voxel above the value for 3D clicks, and no "
                "mesh; lower the value, or click onto the bone."
            )
        return place

    def _surface(self) -> Callable[[Click], np.ndarray | None]:
        """What tells where a click in 3D meets the bone in the scan or, beside it, the mesh.

        The mesh is that of now: it must not run away from the landmark that pulls it.
        """
        image, mesh, scan = self.bench.image, self.bench.mesh.layer, self.scan
        if image is not None and not image.visible:
            image = None
        if mesh is not None and not mesh.visible:
            mesh = None
        corners = None if mesh is None else picking.corners_of(mesh)

        def meets(click: Click) -> np.ndarray | None:
            place = None
            if image is not None and scan is not None:
                place = picking.on_scan(click, image, scan.voxels, self.threshold.value())
            if place is None and mesh is not None and corners is not None:
                place = picking.on_mesh(click, mesh, corners)
            return place

        return meets

    def visit(self, row: int) -> None:
        """Make a landmark the one that a click places, and fly to where it is or is expected."""
        bench = self.bench
        bench.choose(row)
        bench.points.activate()
        bench.points.select(bench.editor.name)
        point = bench.landmarks.points[row]
        if not np.isfinite(point).all() and bench.shown is not None:
            point = bench.shown.generated.landmarks.points[row]
        if not np.isfinite(point).all():
            return
        space, viewer = bench.request.space, bench.viewer
        layer = bench.points.layer
        if viewer.dims.ndisplay == 3 and layer is not None:
            world = to_world(viewer, layer, space.to_voxel(point, MM).tolist())
            viewer.scene.camera.center = tuple(world.tolist())
        elif bench.image is not None:
            size = np.array((1.0, *(_IN_VIEW_MM / s for s in space.sizes_in(MM)[1:])))
            corner = space.to_voxel(point, MM) - (size - 1) // 2
            fly_to(bench.viewer, bench.image, corner.tolist(), size.tolist())

    def _expected(self) -> np.ndarray | None:
        """Where the model expects the chosen landmark, if it is missing."""
        bench = self.bench
        current = bench.editor.current
        if bench.shown is None or bench.landmarks.placed[current]:
            return None
        point: np.ndarray = bench.shown.generated.landmarks.points[current]
        return point if np.isfinite(point).all() else None

    def _about_keys(self) -> QLabel:
        said = note(
            "They press these buttons while the mouse is over the image; Delete clears the "
            "landmark that was clicked last"
        )
        said.setText(
            f"<span style='color:{GREY}'>Keys: P place, A accept, U undo, Shift+U redo, Delete "
            "clear</span>"
        )
        return said

    def _on_held(self, name: str) -> None:
        """Show the landmark that is dragged, and after that the one that is next again."""
        if name:
            self._show_about(self.bench.editor.template.names.index(name), False)
        else:
            self._show_next()

    def _show_next(self) -> None:
        self._show_about(self.bench.editor.current, self.place.isChecked())
        self._select()

    def _show_about(self, index: int, clicked: bool) -> None:
        editor = self.bench.editor
        self.about.setText(next_in_words(editor.template, editor.landmarks, index, clicked))
        picture = QPixmap(str(editor.template.picture(editor.template.names[index])))
        if picture.isNull() and editor.template.view:
            picture.loadFromData(QByteArray.fromBase64(editor.template.view.encode()))
        if picture.isNull():
            self.picture.setText("no picture")
        else:
            kept = Qt.AspectRatioMode.KeepAspectRatio
            smooth = Qt.TransformationMode.SmoothTransformation
            self.picture.setPixmap(picture.scaled(_PICTURE, _PICTURE, kept, smooth))

    def _on_placed(self) -> None:
        complete = bool(self.bench.landmarks.placed.all())
        if complete and not self._complete:
            # The next click is not meant for a landmark.
            self.place.setChecked(False)
        self._complete = complete

    def _fill(self) -> None:
        bench = self.bench
        if bench.points.dragging:
            return
        generated = bench.shown.generated if bench.shown is not None else None
        rows = landmark_overview(bench.editor.template, bench.landmarks, generated)
        self._filling = True
        self.table.fill(rows, keep_order=True)
        for column, width in _WIDTHS.items():
            self.table.view.setColumnWidth(column, width)
        self._filling = False
        self._select()

    def _select(self) -> None:
        current = self.bench.editor.current
        if not self._filling and self.table.rows != [current]:
            self.table.select([current])

    def _on_opened(self) -> None:
        volume = self.bench.volume
        if volume is None and self.bench.shown is None:
            self.place.setChecked(False)
        if volume is not self._of:
            self._of, self.scan = volume, None
            self._reader.forget()
            if volume is not None:
                self._unread = f"{volume.name} is still being read"
                self._reader.ask(volume)

    def _on_read(self, scan: ScanVoxels) -> None:
        self.scan = scan
        self.threshold.setValue(scan.threshold)

    def _on_unread(self, error: Exception) -> None:
        self._unread = str(error)
