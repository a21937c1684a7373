"""The model shelf: what was trained, with scores and parents, and two of it compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QSlider, QVBoxLayout

from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.models import SUFFIX
from napari_midl.engine.project_models import copy_model
from napari_midl.engine.shelf import Shelved, models_in, put_on_shelf, shelf_folder
from napari_midl.engine.zoo import ZIP, export_to_zoo
from napari_midl.errors import InputError
from napari_midl.widgets.images import volume_of
from napari_midl.widgets.looking import box_in_view
from napari_midl.widgets.parts.section import button, combo, note, offer
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.tool.box_layers import BoxLayers
from napari_midl.widgets.tool.dialogs import ask_open, ask_save

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

    from napari_midl.engine.models import Model
    from napari_midl.volumes.boxes import Box
    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.tool.bench import Bench

    Picture = np.ndarray[Any, np.dtype[np.float32]]
    Look = Callable[[str | Path, Box], Picture]

COMPARED = "two models compared"
_STEPS, _MOST = 1000, 768
_APART = 0.1  # of a colour, where two differ


class Shelf:
    """Opens the shelf from the button of a picker.

    Parameters
    ----------
    bench : Bench
        Of the dock.
    picker : ModelPicker
        What is used on the shelf is chosen in it; it says of which tool the models are.
    parent : QWidget
        Over which the window opens.

    Attributes
    ----------
    open_model : callable or None
        Gives the model of a file, where its network can run in other programs.
    look : callable or None
        What a model, a name or a path, makes of a box of the open image: colours and opacity
        ``(1, y, x, 4)`` in [0, 1]. Without it no two can be compared.
    window : ShelfWindow or None
        Once it was opened.
    """

    def __init__(self, bench: Bench, picker: ModelPicker, parent: QWidget) -> None:
        self._bench, self._picker, self._parent = bench, picker, parent
        self.open_model: Callable[[Path], Model] | None = None
        self.look: Look | None = None
        self.window: ShelfWindow | None = None
        picker.shelf.show()
        picker.shelf.clicked.connect(lambda _=False: self._open())

    def _open(self) -> None:
        if self.window is None:
            how = (self.open_model, self.look)
            self.window = ShelfWindow(self._bench, self._picker, *how, self._parent)
        self.window.fill()
        self.window.show()
        self.window.raise_()


class ShelfWindow(QDialog):
    """Models of one tool; its parameters are as for `Shelf`."""

    def __init__(
        self,
        bench: Bench,
        picker: ModelPicker,
        open_model: Callable[[Path], Model] | None,
        look: Look | None,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Model shelf: {picker.tool}")
        self._bench, self._picker, self._tool = bench, picker, picker.tool
        self._open, self._look = open_model, look
        self._models: list[Shelved] = []
        self._pair: tuple[Picture, Picture, Box] | None = None
        self._shown = BoxLayers(bench.viewer)
        self.table = TableView(pd.DataFrame())
        self.table.view.setToolTip("The models of this project and those on the shelf")
        self.card = note("What the model that is chosen above says of itself")
        self.use = button("Use", "Choose this model in the dock", self._on_use)
        self.keep = button(
            "Keep on shelf", "Copy this model to the shelf, at hand for every image", self._on_keep
        )
        self.bring = button("Import…", "Copy a model file onto the shelf", self._on_import)
        self.send = button(
            "Export…",
            "Save this model as a file, or as a package for the BioImage Model Zoo",
            self._on_export,
        )
        self.left = combo("The model that is shown left of the edge")
        self.right = combo("The model that is shown right of the edge")
        self.compare = button(
            "Compare", "Show what both make of the part in view", self._on_compare
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS // 2)
        self.slider.setToolTip("Where the edge between the two lies")
        self.status = note("What was done")
        self.table.selected.connect(lambda _: self._on_selected())
        self.slider.valueChanged.connect(lambda _: self._draw())
        self._lay_out()
        bench.opened.connect(self._on_opened)
        bench.job.connect(self._enable)
        self.fill()
        self.resize(680, 460)

    @property
    def chosen(self) -> Shelved | None:
        """The model that is selected."""
        rows = self.table.rows
        return self._models[rows[0]] if rows else None

    def fill(self, select: Path | None = None) -> None:
        """List what is there now."""
        folders = [shelf_folder(), *(p.parent for p in self._picker.choices if isinstance(p, Path))]
        self._models = models_in(folders, self._tool)
        rows = [
            each.row(self._models) | {"on shelf": "yes" if self._on_shelf(each) else ""}
            for each in self._models
        ]
        self.table.fill(pd.DataFrame(rows))
        wanted = select or self._picker.choice
        self.table.select([i for i, each in enumerate(self._models) if each.path == wanted])
        named = {c: c for c in self._picker.choices if isinstance(c, str) and c != "scratch"}
        both: dict[Any, str] = {each.path: self._told(each) for each in self._models} | named
        offer(self.left, both, self._picker.choice)
        offer(self.right, both, self.right.currentData(), otherwise=1)
        self._on_selected()

    def _told(self, shelved: Shelved) -> str:
        """Its name, and where another has the same, what tells it from that."""
        if sum(each.name == shelved.name for each in self._models) == 1:
            return shelved.name
        made = f"{shelved.made:%d %b %H:%M}"
        return f"{shelved.name}, {'on shelf' if self._on_shelf(shelved) else made}"

    def closeEvent(self, event: Any) -> None:
        """Qt's hook: what was compared goes with the window."""
        self._shown.remove()
        super().closeEvent(event)

    def _lay_out(self) -> None:
        whole = QVBoxLayout(self)
        whole.addWidget(self.table, 1)
        whole.addWidget(self.card)
        for widgets in (
            (self.use, self.keep, self.bring, self.send),
            (self.left, QLabel("|"), self.right, self.compare, self.slider),
        ):
            row = QHBoxLayout()
            for widget in widgets:
                stretch = 1 if widget in (self.left, self.right, self.slider) else 0
                row.addWidget(widget, stretch)
            if self.use in widgets:
                row.addStretch(1)
            whole.addLayout(row)
        whole.addWidget(self.status)
        for part in (self.left, self.right, self.compare, self.slider):
            part.setEnabled(self._look is not None)

    def _on_selected(self) -> None:
        chosen = self.chosen
        empty = "No model yet: learn one, or import a file."
        self.card.setText("<br>".join(chosen.lines()) if chosen else empty)
        self._enable()

    def _enable(self) -> None:
        chosen = self.chosen
        self.use.setEnabled(chosen is not None)
        self.send.setEnabled(chosen is not None)
        self.keep.setEnabled(chosen is not None and not self._on_shelf(chosen))
        can = self._look is not None and self._bench.idle and self.left.count() > 1
        self.compare.setEnabled(can)

    def _on_shelf(self, shelved: Shelved) -> bool:
        return shelved.path.parent == shelf_folder()

    def _on_use(self) -> None:
        if (chosen := self.chosen) is not None and self._picker.try_add(chosen.path):
            self._say(f"{chosen.name} is the model of the dock now.")

    def _on_keep(self) -> None:
        if (chosen := self.chosen) is not None:
            self._put(chosen.path)

    def _on_import(self) -> None:
        path = ask_open(self, "Import a model", f"Models (*{SUFFIX});;All files (*)")
        if path is not None:
            self._put(path)

    def _put(self, source: Path) -> None:
        try:
            kept = put_on_shelf(source, self._tool)
        except InputError as error:
            self._say(str(error))
            return
        self.fill(kept)
        self._say(f"{kept.stem} is on the shelf: {kept.parent}")

    def _on_export(self) -> None:
        chosen = self.chosen
        if chosen is None:
            return
        zoo = f";;BioImage Model Zoo (*{ZIP})" if self._open is not None else ""
        kinds = f"Models (*{SUFFIX}){zoo}"
        endings = {"Models": SUFFIX, "BioImage": ZIP}
        name = Path(chosen.path.name)
        path = ask_save(self, "Export the model", name, kinds, endings)
        if path is None:
            return
        try:
            if path.suffix == ZIP and self._open is not None:
                export_to_zoo(self._open(chosen.path), path)
            else:
                path = copy_model(chosen.path, path)
        except InputError as error:
            self._say(str(error))
            return
        self._say(f"Saved {path}")

    def _on_compare(self) -> None:
        bench, look = self._bench, self._look
        if look is None or bench.image is None:
            return
        box = box_in_view(bench.viewer, bench.image, _MOST)
        models = self.left.currentData(), self.right.currentData()

        limits, below = bench.opened_image.contrast_limits, [bench.opened_volume]
        if bench.image.rgb:
            below = [volume_of(bench.image, c, bench.time, plane=True) for c in range(3)]

        def both() -> tuple[Picture, Picture, Box]:
            ground = np.concatenate([_shown(volume.read(box), limits) for volume in below], -1)
            left, right = (_over(ground, look(model, box)) for model in models)
            return left, right, box

        self._say("Both are asked about the part in view…")
        bench.start("Compare", elsewhere(both, "asking both models"), self._on_compared)

    def _on_compared(self, found: tuple[Picture, Picture, Box]) -> None:
        self._pair = found
        names = self.left.currentText(), self.right.currentText()
        differs = float((np.abs(found[0] - found[1]).max(-1) > _APART).mean())
        self._say(f"{names[0]} left, {names[1]} right; they differ in {differs:.0%} of the view.")
        self._draw()

    def _draw(self) -> None:
        image = self._bench.image
        if self._pair is None or image is None:
            return
        left, right, box = self._pair
        across = 2 if left.shape[2] > 1 else 1  # of a slice along z and y there is no x
        edge = round(left.shape[across] * self.slider.value() / _STEPS)
        shown, of_left, line = right.copy(), [slice(None)] * 3, [slice(None)] * 3
        of_left[across], line[across] = slice(edge), slice(max(edge - 1, 0), edge)
        shown[tuple(of_left)] = left[tuple(of_left)]
        shown[tuple(line)] = 1.0
        flat = image.ndim == 2
        self._shown.show(image, COMPARED, box, shown[0] if flat else shown, rgb=True)

    def _on_opened(self) -> None:
        self._pair = None
        self._shown.remove()
        if self.isVisible():
            self.fill()

    def _say(self, text: str) -> None:
        self.status.setText(text)


def _shown(voxels: Any, limits: Sequence[float]) -> Picture:
    """Voxels as they are shown, from 0 to 1, with an axis for colours."""
    low, high = limits
    share = (np.nan_to_num(np.asarray(voxels, np.float32)) - low) / max(high - low, 1e-9)
    return share.clip(0, 1)[..., None]


def _over(ground: Picture, picture: Picture) -> Picture:
    """A picture over what is below, so that no other layer shines through."""
    opacity = picture[..., 3:]
    colours = picture[..., :3] * opacity + ground * (1 - opacity)
    return np.concatenate([colours, np.ones_like(opacity)], axis=-1)
