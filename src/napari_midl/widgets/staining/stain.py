"""Staining the view at once and the whole mosaic in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.errors import InputError
from napari_midl.methods.staining.look import Look, look
from napari_midl.methods.staining.operations import Stain
from napari_midl.methods.staining.ports import DespecklerIn, ReferenceIn, StainModelIn
from napari_midl.methods.staining.settings import HAS_DOUBT, LEARNT, TAKES_REFERENCE, StainSettings
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.widgets.layers import OURS
from napari_midl.widgets.looking import box_in_view
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.model_picker import BASE, ModelPicker
from napari_midl.widgets.parts.section import check, combo, once_after
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.staining.layers import StainLayers
from napari_midl.widgets.staining.reference import ReferencePicker
from napari_midl.widgets.tool.box_layers import BoxLayers
from napari_midl.widgets.tool.stream_section import StreamSection

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Progress
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.volumes.boxes import Box

METHODS = {
    "beer-lambert": "plain (Beer-Lambert)",
    "density": "structure-safe (density)",
    "cyclegan": "CycleGAN",
    "linear": "linear (Gareau)",
}
KEPT = "kept"
DESPECKLERS = BASE | {"none: keep the speckle": KEPT}
NOWHERE = OmeZarrOut(None)  # a look is not written
_REST_MS = 600
LOOK_EDGE = 1024  # pixels of the view that are stained at once


class StainSection(StreamSection[StainingBench]):
    """Looks, stains, shows what grows."""

    heading = "Stain"
    verb = "Stain"
    tip = "Stain the mosaic, beginning where you look"
    noun = "stain"
    makes = Stain

    def arrange(self) -> None:
        """Which stain, a look at it, and the whole."""
        bench = self.bench
        self._live = BoxLayers(bench.viewer)
        self.method = combo(
            "Plain takes the channels for the densities of the two stains; structure-safe evens "
            "them out and cannot invent nuclei; the CycleGAN draws freely",
            METHODS,
        )
        self.model = ModelPicker("staining", bench.report, "Weights of the method")
        self.reference = ReferencePicker(bench)
        self.speckle = ModelPicker(
            "staining", bench.report, "What takes the speckle out of the reflectance", DESPECKLERS
        )
        self.doubt = check(
            "do not trust map",
            "Also write where not to trust the stain: cycle error and disagreement of two stains",
            checked=True,
        )
        self.watermark = check(
            "watermark", "Write “virtual stain, not for diagnosis” on the picture too"
        )
        self.look = self.action(
            "Look here",
            "Despeckle and stain the middle of the view at once",
            self.look_here,
            lambda: bench.idle and torch_is_here(),
        )
        self.live = check("live", "Look again whenever the view comes to rest")
        self.form = self.make_form(
            StainSettings, leave_out=("method", "keep_speckle", "doubt", "watermark")
        )
        self.row("Method", self.method, stretch=1)
        self.row("Weights", self.model, stretch=1)
        self.row("Match to", self.reference, stretch=1)
        self.row("Speckle", self.speckle, stretch=1)
        self.row(self.look, self.live)
        self.row("Of", self.region, stretch=1)
        self.row("To", self.out, stretch=1)
        self.row(self.doubt, self.watermark)
        self.row(self.go, self.show_button, self.earlier, stretch=2)
        self.body.addWidget(self.outlook)
        self.body.addWidget(self.form)
        self._follow_method()
        self._rest = once_after(_REST_MS, self._on_rest, self)
        camera = bench.viewer.scene.camera
        for event in (camera.events.center, camera.events.zoom):
            event.connect(self._on_moved)
        self.live.toggled.connect(self._on_moved)
        bench.opened.connect(self._live.remove)

    def operation(self, out: OmeZarrOut = NOWHERE) -> Stain:
        """Stain by what is chosen; a stain that was stopped goes on with its own settings."""
        bench, method = self.bench, self.method.currentData()
        fluorescence, reflectance = bench.fluorescence, bench.reflectance
        assert fluorescence is not None and reflectance is not None
        learnt, reference = method in LEARNT, self.reference.path
        chosen = self.form.value(
            method=method,
            keep_speckle=self.speckle.choice == KEPT,
            doubt=self.doubt.isChecked() and method in HAS_DOUBT,
            watermark=self.watermark.isChecked(),
        )
        settings = self.settings_for(out, chosen)
        takes = method in TAKES_REFERENCE
        return Stain(
            fluorescence=fluorescence.port(bench.volumes[0], bench.time),
            reflectance=reflectance.port(bench.volumes[1], bench.time),
            model=StainModelIn(str(self.model.choice) if learnt else "base"),
            despeckler=DespecklerIn("base" if settings.keep_speckle else str(self.speckle.choice)),
            reference=ReferenceIn(reference) if reference is not None and takes else None,
            out=out,
            settings=settings,
        )

    def began_here(self, begun: dict[str, Any]) -> bool:
        """Not with the two channels the other way round, or with another one."""
        names = ("fluorescence", "reflectance")
        return tuple(begun.get(name) for name in names) == self.bench.fingerprints

    def layers(self, out: Path) -> StainLayers:
        """The stain, over those that are shown, to compare them."""
        if self.running:
            self._live.remove()
        return StainLayers(self.bench.viewer, self.bench.opened_image, out)

    def resume_with(self, begun: dict[str, Any]) -> None:
        """The settings of a stain that was stopped."""
        settings = StainSettings.from_dict(begun["settings"])
        self.form.fill(begun["settings"])
        self.method.setCurrentIndex(self.method.findData(settings.method))
        if settings.keep_speckle:
            self.speckle.choice = KEPT
        elif self.speckle.choice == KEPT:
            self.speckle.choice = "base"
        self.doubt.setChecked(settings.doubt)
        self.watermark.setChecked(settings.watermark)

    def look_here(self) -> None:
        """Stain the middle of the view."""
        bench = self.bench
        box = box_in_view(bench.viewer, bench.opened_image, LOOK_EDGE, of_z=True)
        try:
            job = look(self.operation(), box, bench.mosaic)
        except InputError as error:
            bench.report(error)
            return
        bench.start("Look", job, lambda mosaic: self._on_looked(mosaic, box), self._on_look)

    def _on_look(self, batch: list[Progress]) -> None:
        for progress in batch:
            if isinstance(progress.preview, Look):
                self._show_look(progress.preview)

    def _show_look(self, look: Look) -> None:
        """In the place of the same step of a look before.

        What another method made of the view stays below, to be compared.
        """
        colours = look.picture.ndim == 3
        how = {"rgb": True} if colours else {"rgb": False, "contrast_limits": (0, 1)}
        metadata = {OURS: "made by the staining dock", "notice": NOTICE}
        image, name = self.bench.opened_image, f"view: {look.name}"
        self._live.show(image, name, look.box, look.picture, metadata=metadata, **how)

    def _on_looked(self, mosaic: Mosaic, box: Box) -> None:
        self.bench.mosaic = mosaic
        self._live.keep_only(box)
        self.bench.result.emit()

    def _on_moved(self, event: Any = None) -> None:
        if self.live.isChecked() and not self.bench.ended:
            self._rest.start()

    def _on_rest(self) -> None:
        if self.bench.idle and torch_is_here() and self.live.isChecked():
            self.look_here()

    def _follow_method(self) -> None:
        """Grey out what the method does not use, and what a stopped stain cannot change."""
        idle, method = lambda: self.bench.idle, self.method.currentData
        changed, named = self.method.currentIndexChanged, self.named
        self.enabled_when(self.model, lambda: idle() and method() in LEARNT, changed)
        self.enabled_when(self.reference, lambda: idle() and method() in TAKES_REFERENCE, changed)
        self.enabled_when(self.speckle, idle)
        self.enabled_when(
            self.doubt, lambda: method() in HAS_DOUBT and not self.unfinished, changed, named
        )
        for widget in (self.method, self.watermark):
            self.enabled_when(widget, lambda: not self.unfinished, named)
