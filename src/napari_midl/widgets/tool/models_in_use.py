"""The models that were made for an image: which is in use, and back to the one before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.project import MODELS
from napari_midl.engine.project_models import (
    chosen_model,
    newest_model,
    reject_model,
    rejected_models,
    remember_model,
)

if TYPE_CHECKING:
    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.tool.bench import Bench


class ModelsInUse:
    """Lists the models of a project in a picker, and remembers what is chosen there.

    Parameters
    ----------
    bench : Bench
        Tells the project; its `model` says that another model is the one to use.
    picker : ModelPicker
        Where one is chosen.
    stem : str
        What the names of those that are made here begin with.
    choose_newest : bool
        Whether the newest is chosen where none was used before.

    Attributes
    ----------
    before : list of str or Path
        Those in whose place another was taken, the last at the end.
    """

    def __init__(
        self, bench: Bench, picker: ModelPicker, stem: str, choose_newest: bool = False
    ) -> None:
        self._bench, self._picker, self._stem = bench, picker, stem
        self._choose_newest = choose_newest
        self.before: list[str | Path] = []
        picker.changed.connect(self._on_chosen)

    @property
    def folder(self) -> Path | None:
        """Where they lie, while an image is open."""
        return self._bench.folder / MODELS if self._bench.folder is not None else None

    def find(self) -> None:
        """List those of the open image, and choose the one that was used last, else the newest."""
        self.before.clear()
        if self.folder is None:
            return
        self._picker.list_folder(self.folder, self._stem)
        chosen: Any = chosen_model(self.folder, self._picker.tool)
        if chosen is None and self._choose_newest:
            chosen = newest_model(self.folder, self._picker.choices)
        if chosen in self._picker:
            self._picker.choice = chosen
        elif isinstance(chosen, Path) and chosen.exists():
            self._picker.try_add(chosen)
        self.tell()

    def take(self, model: Path) -> bool:
        """Use one that was just made; tells whether it could be read."""
        before = self._picker.choice
        if taken := self._picker.try_add(model):
            self.before.append(before)
        return taken

    def only_list(self, model: Path) -> None:
        """Offer one that was just made; the one in use stays."""
        self._picker.list_folder(model.parent, self._stem)

    def go_back(self) -> None:
        """Use the one before; the one in use is not offered by itself any more."""
        rejected = self._picker.choice
        self._picker.choice = self.before.pop()
        if self.folder is not None and isinstance(rejected, Path):
            reject_model(self.folder, rejected)
        self.tell()

    def tell(self) -> None:
        """Say of each what is known of it."""
        if self.folder is not None:
            self._picker.tell(self.folder, rejected_models(self.folder))

    def _on_chosen(self) -> None:
        if self.folder is not None:
            remember_model(self.folder, self._picker.choice, self._picker.tool)
            self.tell()
        self._bench.model.emit()
