"""Training a model on the person's own shapes, of the mandible or of another bone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points
from platformdirs import user_data_path
from qtpy.QtWidgets import QInputDialog

from napari_midl.engine.inputs import FileIn
from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.project import MODELS
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.methods.anatomy.new_template import write_template
from napari_midl.methods.anatomy.operations import Train
from napari_midl.methods.anatomy.ports import TemplateIn
from napari_midl.methods.anatomy.settings import TrainSettings
from napari_midl.methods.anatomy.template import load_template
from napari_midl.volumes.landmarks import read_landmarks
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.anatomy.files import KINDS
from napari_midl.widgets.anatomy.template_dialog import TemplateDialog, names_of
from napari_midl.widgets.layers import of_others
from napari_midl.widgets.parts.section import combo
from napari_midl.widgets.tool.dialogs import ask_open, ask_save
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.runs import Run

_MANDIBLE = "mandible"
_TEMPLATES = "Templates (*.json)"
_FROM_FILE = "a file of landmarks…"


class AnatomyTrainSection(TrainSection[AnatomyBench]):
    """Makes a model of a folder of shapes, with or without a scan."""

    heading = "Learn"
    verb = "Train on my shapes"
    tip = "Make a model of the shapes in the folder, in the background"
    stem = "anatomy"
    settings = TrainSettings
    listens = True

    def first_rows(self) -> None:
        """What bone it is, and where the shapes are."""
        bench = self.bench
        self.template = combo("What bone the shapes are: its landmarks, by their template")
        self.template.addItem(_MANDIBLE, _MANDIBLE)
        self.open_template = self.action(
            "Open…",
            "Open the template of another bone, or a model's, from a file",
            self._on_open,
        )
        self.new_template = self.action(
            "New…",
            "Make the template of another bone from landmarks: a Points layer, or a file "
            "(.csv, .mrk.json, .fcsv)",
            self._on_new,
        )
        for widget in (self.template, self.open_template, self.new_template):
            self.enabled_when(widget, lambda: bench.idle)
        self.row("Bone", self.template, self.open_template, self.new_template, stretch=1)
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
        return Train(
            folder=FileIn(self.folder.path),
            template=TemplateIn(str(self.template.currentData())),
            out=ModelOut(out),
            settings=self.form.value(),
        )

    def gained(self, run: Run) -> str:
        """That the mesh is now made by it."""
        name = self.model.name
        return (
            f"Trained for {run.results['steps']} steps; <b>{name}</b> is chosen under Mesh, and "
            f"lies in {self.models}."
        )

    def _on_open(self) -> None:
        path = ask_open(self, "Open a template", _TEMPLATES)
        if path is not None:
            self._take(path)

    def _take(self, path: Path) -> None:
        """Choose a template file."""
        try:
            name = load_template(path).name
        except InputError as error:
            self.bench.report(error)
            return
        at = self.template.findData(str(path))
        if at < 0:
            self.template.addItem(f"{name} ({path.name})", str(path))
            at = self.template.count() - 1
        self.template.setCurrentIndex(at)

    def _on_new(self) -> None:
        try:
            names = self._names()
        except InputError as error:
            self.bench.report(error)
            return
        if names is None:
            return
        dialog = TemplateDialog(self, names, self._picture)
        if not dialog.exec() or dialog.template is None:
            return
        start = self.models.parent / f"{dialog.template.name}.json"
        path = ask_save(self, "Save the template", start, _TEMPLATES)
        if path is None:
            return
        try:
            write_template(path, dialog.template)
        except InputError as error:
            self.bench.report(error)
        else:
            self._take(path)

    def _names(self) -> list[str] | None:
        """Names of landmarks that are in the viewer or in a file; None if a person cancels."""
        layers = {
            layer.name: layer
            for layer in of_others(self.bench.viewer, Points)
            if len(layer.data) >= MIN_LANDMARKS
        }
        source = _FROM_FILE
        if layers:
            choices = [*layers, _FROM_FILE]
            asked = "Which points are the landmarks?"
            source, taken = QInputDialog.getItem(self, "New template", asked, choices, 0, False)
            if not taken:
                return None
        if source in layers:
            return names_of(layers[source])
        path = ask_open(self, "Landmarks of the new template", KINDS)
        return list(read_landmarks(path).names) if path is not None else None

    def _picture(self) -> np.ndarray:
        """The view as it is."""
        return np.asarray(self.bench.viewer.screenshot(canvas_only=True, flash=False))
