"""Streaming what a chosen model makes of the image."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from napari_midl.engine.project import MODELS
from napari_midl.engine.unfinished import model_begun_with
from napari_midl.widgets.tool.output_section import B
from napari_midl.widgets.tool.stream_section import StreamSection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.models import Model
    from napari_midl.engine.outputs import OmeZarrOut
    from napari_midl.engine.settings import Settings
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.parts.model_picker import ModelPicker


class ModelStreamSection(StreamSection[B]):
    """Predicts with the chosen model, or goes on with the one that an output began with.

    Parameters
    ----------
    bench : StreamBench
        What the sections of the dock share.
    model : ModelPicker
        Which model is chosen.

    Attributes
    ----------
    settings : type
        How to predict.
    elsewhere : tuple of str
        Settings that `operation` takes from elsewhere.
    """

    heading = "Predict"
    verb = "Predict"

    settings: ClassVar[type[Settings]]
    elsewhere: ClassVar[tuple[str, ...]] = ()

    def __init__(self, bench: B, model: ModelPicker) -> None:
        self.model = model
        self._seen: tuple[Volume | None, tuple[str, ...]] = None, ()
        super().__init__(bench)

    def channels(self) -> Sequence[Volume]:
        """Hook: all channels that a model may look at together; by default the open one."""
        return (self.bench.opened_volume,)

    def began_here(self, begun: dict[str, Any]) -> bool:
        """Not with another channel, nor with another time point."""
        return begun.get("input") in (None, *self._fingerprints)

    @property
    def _fingerprints(self) -> tuple[str, ...]:
        """Of the open channel, and of all together; read when they are asked for first."""
        volume = self.bench.volume
        if volume is not None and self._seen[0] is not volume:
            one, *every = (v.identity()["fingerprint"] for v in (volume, *self.channels()))
            self._seen = volume, (one, " ".join(every))
        return self._seen[1]

    @abstractmethod
    def open_model(self, name: str) -> Model:
        """Hook: a model by its name or path."""

    def arrange(self) -> None:
        """What of the image, where to, and which to show."""
        self.form: Any = self.make_form(self.settings, leave_out=self.elsewhere)
        self.row("Of", self.region, stretch=1)
        self.row("To", self.out, stretch=1)
        self.row(self.go, *self.beside())
        self.body.addWidget(self.outlook)
        self.row(self.show_button, self.earlier, stretch=1)
        self.last_rows()
        self.body.addWidget(self.form)

    def beside(self) -> tuple[Any, ...]:
        """Hook: widgets beside the button."""
        return ()

    def last_rows(self) -> None:
        """Hook: rows above the form."""

    def asked(self, out: OmeZarrOut, **others: Any) -> tuple[str | Path, Any]:
        """The model and the settings of an output; `others` are settings that no form has."""
        settings = self.form.value(**others)
        if not out.resume:
            return self.model.choice, settings
        assert out.path is not None
        models = self.bench.opened_folder / MODELS
        model = model_begun_with(out.path, models, self.model.choices, self.open_model)
        return model, self.settings_for(out, settings)

    def resume_with(self, begun: dict[str, Any]) -> None:
        """Its settings; the chosen model stays, since it is that of the next one."""
        self.form.fill({k: v for k, v in begun["settings"].items() if k != "device"})
