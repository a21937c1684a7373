"""Naming the OME-Zarr that a section writes, and showing one of those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from qtpy.QtCore import Signal

from napari_midl.engine.journal import begun_with, finished_box, is_unfinished
from napari_midl.engine.project import RESULTS, free_name, is_of, results
from napari_midl.errors import InputError
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import combo
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.growing_layers import GrowingLayers
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from qtpy.QtCore import QObject

    from napari_midl.engine.outputs import OmeZarrOut
    from napari_midl.engine.settings import Settings
    from napari_midl.engine.streamed import StreamedOperation

SUFFIX = ".ome.zarr"

S = TypeVar("S", bound="Settings")
L = TypeVar("L", bound=GrowingLayers)


class StreamBench(Bench, Generic[L]):
    """A bench of a tool whose results grow.

    Attributes
    ----------
    shown : GrowingLayers or None
        The result that is shown.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.shown: L | None = None

    def show(self, layers: L | None) -> None:
        """Show another result, or none."""
        self.shown = layers
        self.result.emit()


B = TypeVar("B", bound=StreamBench[Any])


class OutputSection(ToolSection[B]):
    """A section with an output that is named, and a list of those that were made before.

    Attributes
    ----------
    noun : str
        What is made, such as ``prediction``; also its name, before its number.
    makes : type
        The operation; results of others are not offered, though they lie in the same project.
    named : Signal
        Another output is named.
    """

    noun: ClassVar[str]
    makes: ClassVar[type[StreamedOperation]]

    named = Signal()

    def __init__(self, bench: B) -> None:
        super().__init__(bench)
        self.out = PathPicker(f"Name the {self.noun}", "OME-Zarr folder to write or to resume")
        self.earlier = combo(f"Each {self.noun} made of this image before, the newest last")
        self.show_button = self.action(
            "Show", f"Show the {self.noun} chosen beside it", self._on_show
        )
        self.out.changed.connect(self._on_named)
        bench.opened.connect(self.find_outputs)
        self.enabled_when(self.out, lambda: bench.idle)
        for widget in (self.show_button, self.earlier):
            self.enabled_when(
                widget, lambda: bench.idle and self.earlier.count(), self.named, bench.result
            )

    def layers(self, out: Path) -> GrowingLayers:
        """Hook: the layers of a result, or an `InputError` if it is none of this image."""
        raise NotImplementedError

    def began_here(self, begun: dict[str, Any]) -> bool:
        """Hook: whether an unfinished output, by its journal, is of the images that are open."""
        return True

    @property
    def unfinished(self) -> bool:
        """Whether the output that is named was stopped before its end, and can go on."""
        out = self.out.path
        if out is None or self.bench.runner.running:
            return False
        return self._is_ours(out) and self._can_go_on(out)

    def settings_for(self, out: OmeZarrOut, chosen: S) -> S:
        """The chosen settings; to go on, those that it began with, on the chosen device."""
        if not out.resume:
            return chosen
        assert out.path is not None
        device = getattr(chosen, "device", "auto")
        return chosen.from_dict({**begun_with(out.path)["settings"], "device": device})

    def find_outputs(self) -> None:
        """List those of the time point that is open, and name one."""
        self.earlier.clear()
        for path in self._results():
            self._list(path)
        self.propose_name()

    def propose_name(self) -> None:
        """Name the last output that was left unfinished, else a new one."""
        folder = self.bench.folder
        if folder is None:
            self.out.path = None
        else:
            unfinished = [path for path in self._results() if self._can_go_on(path)]
            free = free_name(folder / RESULTS, self.noun, SUFFIX)
            shown = self.bench.shown.path if self.bench.shown is not None else free
            # To what holds a box of this image more can be added.
            free = shown if shown.parent == free.parent and finished_box(shown) else free
            self.out.path = unfinished[-1] if unfinished else free
        self._on_named()

    def show_output(self, out: Path) -> None:
        """Show an output."""
        try:
            layers = self.layers(out)
        except InputError as error:
            self.bench.report(error)
            return
        self.bench.show(layers)
        self._list(out)

    def withdraw(self, path: Path) -> None:
        """Offer an output no longer to be shown."""
        self.earlier.removeItem(self.earlier.findData(str(path)))

    def _results(self) -> list[Path]:
        return results(self.bench.folder, SUFFIX, self.makes.name, self.bench.time)

    def _is_ours(self, out: Path) -> bool:
        return is_of(out, self.makes.name, self.bench.time)

    def _can_go_on(self, out: Path) -> bool:
        if not is_unfinished(out):
            return False
        try:
            return self.began_here(begun_with(out))
        except InputError:
            return True  # told where it is resumed

    def _on_show(self) -> None:
        self.show_output(Path(self.earlier.currentData()))

    def _on_named(self) -> None:
        out = self.out.path
        if out is not None and out.is_dir() and self._is_ours(out):
            self._list(out)
        self.named.emit()

    def _list(self, path: Path) -> None:
        """Offer a result to be shown, and choose it."""
        if self.earlier.findData(str(path)) < 0:
            self.earlier.addItem(path.name.removesuffix(SUFFIX), str(path))
        self.earlier.setCurrentIndex(self.earlier.findData(str(path)))
