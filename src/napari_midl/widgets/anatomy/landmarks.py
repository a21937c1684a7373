"""The list of landmarks, the one that is next, and placing it by a click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QDoubleSpinBox, QLabel

from napari_midl.errors import InputError
from napari_midl.widgets.anatomy import picking
from napari_midl.widgets.clicks import Click, Clicks, voxel_at
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.parts.table import TableView

if TYPE_CHECKING:
    from napari_midl.widgets.anatomy.scan import ScanCopy
    from napari_midl.widgets.anatomy.workbench import Workbench

_PICTURE, _ROWS = 132, 210
_PLACED, _EXPECTED, _MISSING = "●", "○", ""


class LandmarksSection(Section):
    """Says which landmark is next, and takes the clicks.

    Parameters
    ----------
    bench : Workbench
        Holds the landmarks.
    scan : ScanCopy
        The voxels that a click in 3D meets.
    """

    def __init__(self, bench: Workbench, scan: ScanCopy) -> None:
        super().__init__("Landmarks")
        self._bench, self._scan = bench, scan
        self._filling = False
        self.picture = QLabel()
        self.picture.setFixedSize(_PICTURE, _PICTURE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setToolTip("Where this landmark lies")
        self.about = note("The landmark that the next click places")
        self.place = button(
            "Place by clicking",
            "Each click into a slice, or in 3D onto the bone, places the landmark that is next.\n"
            "Drag a landmark to move it; drag a hollow one to place it where it is better.",
            self._on_place,
        )
        self.place.setCheckable(True)
        self.clear = button(
            "Clear", "Make the chosen landmark missing again; Undo brings it back", self._on_clear
        )
        self.undo = button("Undo", "Take the last edit back", bench.undo)
        self.redo = button("Redo", "Make the edit again that was taken back", bench.redo)
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(-1e9, 1e9)
        self.threshold.setDecimals(1)
        self.threshold.setToolTip(
            "A click in the 3D view lands on the first voxel above this value; it begins with a "
            "guess from the scan"
        )
        self.table = TableView(pd.DataFrame())
        self.table.setFixedHeight(_ROWS)
        self.table.view.setToolTip(
            "Click a row to fly to a landmark, and to place it by the next click.\n"
            "●: placed, ○: expected there by the model, from the others.\n"
            "x, y, z: mm. L2S: distance from the landmark to the surface, mm.\n"
            "doubt: how many standard deviations it lies from where the others expect it."
        )
        self.table.visited.connect(self._on_row)
        self.row(self.picture, self.about, stretch=1)
        self.row(self.place, self.clear, self.undo, self.redo)
        self.row("3D clicks land on values above", self.threshold)
        self.body.addWidget(self.table)
        self.clicks = Clicks(bench.viewer, self._on_click, self._wants_clicks)
        scan.ready.connect(self._on_scan)
        for signal in (bench.placed, bench.meshed):
            signal.connect(self._fill)
        bench.chosen.connect(self._on_chosen)
        bench.opened.connect(self._on_opened)
        for signal in (bench.changed, bench.meshed):
            signal.connect(self._on_changed)
        self._fill()
        self._on_chosen()

    def _wants_clicks(self) -> bool:
        return self.place.isChecked() and not self._bench.points.on_placed

    def _on_place(self) -> None:
        if self.place.isChecked():
            self._bench.points.activate()
        self._on_chosen()
        self._bench.changed.emit()

    def _on_click(self, click: Click) -> None:
        bench = self._bench
        try:
            data = self._hit(click)
        except InputError as error:
            bench.report(error)
            return
        was_complete = bench.landmarks.placed.all()
        bench.place(bench.frame.to_mm(np.asarray(data, float)[None])[0])
        if bench.landmarks.placed.all() and not was_complete:
            # The next click is not meant for a landmark.
            self.place.setChecked(False)
            self._on_place()

    def _hit(self, click: Click) -> Any:
        """Data ``(z, y, x)`` under a click."""
        bench = self._bench
        if not click.in_3d:
            if bench.image is None:
                raise InputError(
                    "A click into a slice needs a scan; open one, or change to the 3D view and "
                    "click onto the mesh."
                )
            return voxel_at(bench.image, bench.volume.shape, click.position)
        place = None
        if bench.image is not None and bench.image.visible:
            if self._scan.voxels is None:
                raise InputError(f"{self._scan.why}; click into a slice (2D view) instead.")
            threshold = self.threshold.value()
            place = picking.on_scan(click, bench.image, self._scan.voxels, threshold)
        mesh = bench.mesh.layer
        if place is None and mesh is not None and mesh.visible:
            place = picking.on_mesh(click, mesh)
        if place is None:
            raise InputError(
                "There is nothing under this click: no voxel above the value for 3D clicks, and no "
                "mesh; lower the value, or click onto the bone."
            )
        return place

    def _on_clear(self) -> None:
        self._bench.clear(self._bench.current)

    def _on_row(self, row: int) -> None:
        bench = self._bench
        bench.choose(row)
        point = bench.landmarks.points[row]
        if not np.isfinite(point).all() and bench.reply is not None:
            point = bench.reply.generated.landmarks.points[row]
        if np.isfinite(point).all() and bench.image is not None and bench.viewer.dims.ndisplay == 2:
            size = np.array((1.0, *(40 / s for s in bench.frame.voxel_size[1:])))
            corner = bench.frame.to_data(point[None])[0] - (size - 1) // 2
            fly_to(bench.viewer, bench.image, corner, size)

    def _on_chosen(self) -> None:
        bench = self._bench
        item = bench.template.landmarks[bench.current]
        placed = bench.landmarks.placed
        state = "placed" if placed[bench.current] else "not placed"
        if self.place.isChecked():
            state = "placed; a click moves it" if placed[bench.current] else "a click places it"
        self.about.setText(
            f"<b>{item.number}. {item.name}</b> ({state})<br>{item.description}<br>"
            f"<span style='color:#8f98a6'>{int(placed.sum())} of {len(placed)} placed</span>"
        )
        picture = QPixmap(str(bench.template.picture(item.name)))
        if picture.isNull():
            self.picture.setText("no picture")
        else:
            kept = Qt.AspectRatioMode.KeepAspectRatio
            smooth = Qt.TransformationMode.SmoothTransformation
            self.picture.setPixmap(picture.scaled(_PICTURE, _PICTURE, kept, smooth))
        self._select()

    def _fill(self) -> None:
        bench = self._bench
        if bench.points.dragging:
            return
        placed, points = bench.landmarks.placed, bench.landmarks.points
        columns: dict[str, Any] = {
            "#": [item.number for item in bench.template.landmarks],
            "landmark": list(bench.template.names),
        }
        states, doubt = np.where(placed, _PLACED, _MISSING), np.full(len(placed), np.nan)
        to_surface = doubt
        if bench.reply is not None:
            generated = bench.reply.generated
            points = np.where(placed[:, None], points, generated.landmarks.points)
            states = np.where(placed, _PLACED, _EXPECTED)
            doubt, to_surface = generated.doubt, generated.to_surface
        columns[""] = states.tolist()
        columns |= {"L2S": _shown(to_surface, 2), "doubt": _shown(doubt, 1)}
        columns |= {axis: _shown(points[:, i], 1) for i, axis in enumerate("xyz")}
        self._filling = True
        self.table.fill(pd.DataFrame(columns), keep_order=True)
        self._filling = False
        self._select()

    def _select(self) -> None:
        if not self._filling and self.table.rows != [self._bench.current]:
            self.table.select([self._bench.current])

    def _on_scan(self) -> None:
        self.threshold.setValue(self._scan.threshold)

    def _on_opened(self) -> None:
        self._scan.follow(self._bench.volume)
        if self._bench.volume is None and self._bench.reply is None:
            self.place.setChecked(False)
            self._on_place()

    def _on_changed(self) -> None:
        bench = self._bench
        self.place.setEnabled(bench.volume is not None or bench.mesh.layer is not None)
        self.clear.setEnabled(bool(bench.landmarks.placed[bench.current]))
        self.undo.setEnabled(bench.history.can_undo)
        self.redo.setEnabled(bench.history.can_redo)
        self.threshold.setEnabled(bench.volume is not None)


def _shown(values: np.ndarray, digits: int) -> list[Any]:
    """Rounded, and empty where there is none."""
    return [round(float(value), digits) if np.isfinite(value) else "" for value in values]
