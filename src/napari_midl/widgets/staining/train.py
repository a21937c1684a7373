"""Training a stain on a folder of mosaics and a folder of slides, in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.inputs import FileIn
from napari_midl.engine.outputs import ModelOut
from napari_midl.methods.staining.operations import Train
from napari_midl.methods.staining.ports import MosaicsIn
from napari_midl.methods.staining.settings import TrainSettings
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.runs import Run
    from napari_midl.widgets.staining.stain import StainSection


class StainTrainSection(TrainSection[StainingBench]):
    """Trains, and goes on with a training that was stopped."""

    heading = "Train on your own"
    tip = "Train a stain on the two folders, in the background"
    stem = "stain"
    settings = TrainSettings

    def __init__(self, bench: StainingBench, stain: StainSection) -> None:
        self._stain = stain
        super().__init__(bench, stain.model)
        self.status.setText("The weights are kept in the project folder.")
        self.status.setVisible(True)

    def first_rows(self) -> None:
        """The two folders."""
        self.confocal = self.folder_row(
            "Mosaics",
            "Choose the folder of mosaics",
            "Pairs NAME_fluorescence.tif and NAME_reflectance.tif; they need no slide of the same "
            "tissue",
        )
        self.slides = self.folder_row(
            "Slides", "Choose the folder of slides", "H&E pictures at the mosaics' resolution"
        )

    def operation(self, out: Path) -> Train:
        """Train on the folders."""
        return Train(
            slides=FileIn(self.slides.path),
            confocal=MosaicsIn(str(self.confocal.path)),
            out=ModelOut(out),
            settings=self.form.value(),
        )

    def gained(self, run: Run) -> str:
        """Choose its method too."""
        method = "density" if run.settings["generator"] == "density" else "cyclegan"
        self._stain.method.setCurrentIndex(self._stain.method.findData(method))
        return f"Trained for {run.results['steps']} steps; chosen under Stain."
