"""How the prediction that is shown stands to what is chosen and painted now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_midl.engine.unfinished import recorded_hash
from napari_midl.errors import InputError
from napari_midl.methods.vessels.models import path_of
from napari_midl.methods.vessels.provenance import Provenance, of_prediction, warnings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.vessels.bench import VesselsBench


GROWS = "Predict"  # title of the job in which a prediction is no less for being a part


class Standing(QObject):
    """What the shown prediction is and is not; the names of its layers say so.

    Parameters
    ----------
    bench : VesselsBench
        Of the dock.
    model : ModelPicker
        Which model is chosen.

    Attributes
    ----------
    changed : Signal
        `said` or `warnings` may be others.
    said : Provenance or None
        What the prediction is, at the threshold that is shown.
    warnings : list of str
        What it is not.
    """

    changed = Signal()

    def __init__(self, bench: VesselsBench, model: ModelPicker) -> None:
        super().__init__(bench)
        self._bench, self._model = bench, model
        self.said: Provenance | None = None
        self.warnings: list[str] = []
        self._read: tuple[Any, Provenance] | None = None
        for signal in (bench.result, bench.opened, bench.job, bench.model, bench.patches.changed):
            signal.connect(self._look)

    def _look(self) -> None:
        bench, shown = self._bench, self._bench.shown
        self.said, self.warnings = None, []
        if shown is not None and bench.folder is not None and not bench.ended:
            said = replace(
                self._of(shown.path),
                threshold=bench.threshold,
                corrected=bench.corrected_voxels,
            )
            if bench.runner.running and bench.runner.title == GROWS:
                said = replace(said, done=said.tiles)  # what it lacks is still to come
            self.said = said
            self.warnings = warnings(said, *self._chosen(), self._bench.painted_at)
            shown.say(self.warnings)
        self.changed.emit()

    def _of(self, path: Path) -> Provenance:
        """What a prediction says, read once while it does not change: a hand is waiting."""
        files = (path / "zarr.json", path / ".zattrs", path.with_name(f"{path.name}.progress"))
        state = path, [file.stat().st_mtime_ns if file.exists() else 0 for file in files]
        if self._read is None or self._read[0] != state:
            try:
                self._read = state, of_prediction(path)
            except InputError:
                return Provenance(path.name)  # told where it is resumed
        return self._read[1]

    def _chosen(self) -> tuple[str, str]:
        """Name and hash of the model that is chosen."""
        choice = self._model.choice
        path = path_of(choice)
        return (choice if isinstance(choice, str) else choice.stem), recorded_hash(path)
