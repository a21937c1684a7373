"""Several images in one run, with the model and the settings of the dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QListWidget

from napari_midl.engine.outputs import TableOut
from napari_midl.engine.project import free_name
from napari_midl.methods.vessels.operations import Batch
from napari_midl.methods.vessels.ports import ImagesIn, VesselModelIn
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.tool.dialogs import ask_folder, ask_open_many
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.vessels.bench import VesselsBench

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_midl.engine.running import Outcome
    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.vessels.measure import MeasureSection
    from napari_midl.widgets.vessels.predict import PredictSection

_KINDS = "Images (*.tif *.tiff *.nii *.nii.gz *.zip);;All files (*)"


class BatchSection(ToolSection[VesselsBench]):
    """Predicts and measures files, and shows one table of them.

    Parameters
    ----------
    bench : VesselsBench
        Of the dock.
    model : ModelPicker
        The model to use.
    predict, measure : section
        Whose threshold, settings and shortest branch are used.

    Attributes
    ----------
    filled : Signal
        Other images are listed.
    """

    heading = "Several images"
    folded_at_first = True
    filled = Signal()

    def __init__(
        self,
        bench: VesselsBench,
        model: ModelPicker,
        predict: PredictSection,
        measure: MeasureSection,
    ) -> None:
        super().__init__(bench)
        self._model, self._predict, self._measure = model, predict, measure
        self.images: list[Path] = []
        self.table: TableView | None = None
        self.list = QListWidget()
        self.list.setFixedHeight(62)
        self.list.setToolTip("The images to predict and to measure")
        self.add = self.action("Add files…", "Choose image files", self._on_add, self._free)
        self.add_folder = self.action(
            "Add OME-Zarr…", "Choose the folder of an OME-Zarr", self._on_add_folder, self._free
        )
        self.empty = self.action("Clear", "Empty the list", lambda: self.fill([]), self._free)
        self.out = PathPicker(
            "Choose a folder for the results",
            "Predictions, masks and one table of all images are written here",
            folder=True,
        )
        self.go = self.action(
            "Measure all",
            "Predict each image with the model chosen above, at the threshold and with the "
            "settings above, and measure it",
            self._on_go,
            lambda: self._free() and self.images and self.out.line.text() and torch_is_here(),
            self.filled,
            self.out.line.textChanged,
        )
        self.status = note("What came of it")
        self.row(self.add, self.add_folder, self.empty)
        self.body.addWidget(self.list)
        self.row("To", self.out, stretch=1)
        self.row(self.go)
        self.body.addWidget(self.status)
        self.status.hide()
        self.list.hide()

    def fill(self, images: Iterable[Path]) -> None:
        """List these images, and no others."""
        self.images = list(dict.fromkeys(images))
        self.list.clear()
        self.list.addItems([str(path) for path in self.images])
        self.list.setVisible(bool(self.images))
        if self.images and self.out.path is None:
            self.out.path = self.images[0].parent / "vessels of all"
        self.filled.emit()

    def operation(self, folder: Path) -> Batch:
        """Measure the images that are listed."""
        bench, predict = self.bench, self._predict
        return Batch(
            images=ImagesIn(tuple(map(str, self.images)), bench.channel, bench.time),
            model=VesselModelIn(str(self._model.choice)),
            min_length=self._measure.shortest.value(),
            out=TableOut(free_name(folder, "summary", ".csv")),
            settings=predict.form.value(threshold=bench.threshold, uncertainty=False),
        )

    def _free(self) -> bool:
        return not self.bench.runner.running

    def _on_add(self) -> None:
        self.fill([*self.images, *ask_open_many(self, "Images to measure", _KINDS)])

    def _on_add_folder(self) -> None:
        folder = ask_folder(self, "An OME-Zarr to measure")
        if folder is not None:
            self.fill([*self.images, folder])

    def _on_go(self) -> None:
        folder = self.out.path
        assert folder is not None
        operation = self.operation(folder)

        def done(outcome: Outcome[Any]) -> None:
            results, path = outcome.run.results, operation.out.path
            failed = results["problems"]
            self.status.setText(
                f"{results['images']} images: {path}"
                + (f" <b>{failed} could not be measured.</b>" if failed else "")
            )
            self.status.show()
            self._show(outcome.result)
            show_info(f"Saved {path}")

        self.bench.start("Measure all", operation.perform(), done)

    def _show(self, table: Any) -> None:
        if self.table is None or self.table.parent() is None:
            self.table = TableView(table)
            self.table.view.setToolTip("A row for each image; it is saved in the folder too")
            self.bench.viewer.window.add_dock_widget(
                self.table, name="Vessels of several images", area="bottom"
            )
        self.table.fill(table)
