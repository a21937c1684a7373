"""Training a stain on a folder of mosaics and a folder of slides, in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.ports import FileIn, ModelOut
from napari_midl.methods.staining.operations import Train
from napari_midl.methods.staining.ports import MosaicsIn
from napari_midl.methods.staining.settings import TrainSettings
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from collections.abc import Sequence
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
        self.confocal = PathPicker(
            "Choose the folder of mosaics",
            "Pairs NAME_fluorescence.tif and NAME_reflectance.tif; they need no slide of the same "
            "tissue",
            folder=True,
        )
        self.slides = PathPicker(
            "Choose the folder of slides", "H&E pictures at the mosaics' resolution", folder=True
        )
        self.row("Mosaics", self.confocal, stretch=1)
        self.row("Slides", self.slides, stretch=1)

    def depends_on(self) -> Sequence[Any]:
        """The two folders."""
        return self.confocal.changed, self.slides.changed

    def can_train(self) -> bool:
        """Whether both are named."""
        return self.confocal.path is not None and self.slides.path is not None

    def operation(self, out: Path) -> Train:
        """Train on the folders."""
        confocal, slides = self.confocal.path, self.slides.path
        assert confocal is not None and slides is not None
        return Train(
            slides=FileIn(slides),
            confocal=MosaicsIn(str(confocal)),
            out=ModelOut(out),
            settings=self.form.value(),
        )

    def gained(self, run: Run) -> str:
        """Choose its method too."""
        method = "density" if run.settings["generator"] == "density" else "cyclegan"
        self._stain.method.setCurrentIndex(self._stain.method.findData(method))
        return f"Trained for {run.results['steps']} steps; chosen under Stain."
