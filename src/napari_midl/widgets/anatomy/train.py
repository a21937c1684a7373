"""Training a model on the person's own shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_data_path

from napari_midl.engine.inputs import FileIn
from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.project import MODELS
from napari_midl.methods.anatomy.operations import Train
from napari_midl.methods.anatomy.settings import TrainSettings
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.runs import Run


class AnatomyTrainSection(TrainSection[AnatomyBench]):
    """Makes a model of a folder of shapes, with or without a scan."""

    heading = "Learn"
    verb = "Train on my shapes"
    tip = "Make a model of the shapes in the folder, in the background"
    stem = "anatomy"
    settings = TrainSettings
    listens = True

    def first_rows(self) -> None:
        """Where the shapes are."""
        self.folder = self.folder_row(
            "Shapes",
            "Choose a folder of shapes",
            "Closed meshes (PLY, STL, OBJ in mm) or masks, each with its landmarks in a file of "
            "the same name (.csv, .mrk.json, .fcsv)",
        )

    @property
    def models(self) -> Path:
        """The folder of the models: that of the project, or the person's own without a scan."""
        return (self.bench.folder or user_data_path("napari-midl", appauthor=False)) / MODELS

    def operation(self, out: Path) -> Train:
        """Train on the folder."""
        return Train(folder=FileIn(self.folder.path), out=ModelOut(out), settings=self.form.value())

    def gained(self, run: Run) -> str:
        """That the mesh is now made by it."""
        name = self.model.name
        return (
            f"Trained for {run.results['steps']} steps; <b>{name}</b> is chosen under Mesh, and "
            f"lies in {self.models}."
        )
