"""Training on labels of named classes: of one image or several, in all channels or one."""

from __future__ import annotations

from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.gain import gain_in_words
from napari_midl.engine.semantic.settings import PredictSettings
from napari_midl.widgets.parts.section import check
from napari_midl.widgets.tool.class_layers import in_colours
from napari_midl.widgets.tool.classes_bench import ClassesBench
from napari_midl.widgets.tool.live_train_section import LiveTrainSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from qtpy.QtWidgets import QWidget

    from napari_midl.engine.examples import ExamplesIn
    from napari_midl.engine.pixels.seen import Look
    from napari_midl.engine.runs import Run
    from napari_midl.engine.semantic.live import ClassLearner
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.tool.label_sources import SourcesSection
    from napari_midl.widgets.tool.shelf import Picture


def _learner(look: Look, channels: Sequence[Volume], classes: Classes) -> ClassLearner:
    from napari_midl.engine.semantic.live import ClassLearner

    return ClassLearner(channels, classes, look)


class ClassesTrainSection(LiveTrainSection[ClassesBench[Any]]):
    """Trains one model on all that is ticked as a source.

    Parameters
    ----------
    bench : ClassesBench
        What the sections of the dock share.
    sources : SourcesSection
        What there is to learn from.
    model : ModelPicker
        As for `TrainSection`.
    """

    learner = staticmethod(_learner)

    def __init__(
        self, bench: ClassesBench[Any], sources: SourcesSection, model: ModelPicker
    ) -> None:
        self.sources = sources
        self.channels = check(
            "all channels together",
            "Look at every channel of the file at once; else only at the one that is open",
            checked=True,
        )
        self._looked_at: tuple[list[Any], list[Volume]] = [], []
        super().__init__(bench, model)
        self.gain.setToolTip(
            "Dice, from 0 to 1: how well what is found and what you labelled overlap, on labels "
            "that neither taught nor chose the model"
        )
        self.follow(self._show_channels, bench.opened, bench.layers_changed)
        bench.renamed.connect(self._preview.forget)
        self.channels.toggled.connect(self._on_channels)
        self.enabled_when(self.channels, lambda: not bench.runner.running)

    def beside(self) -> Sequence[QWidget]:
        """Also whether to look at all channels."""
        return (*super().beside(), self.channels)

    def depends_on(self) -> Sequence[Any]:
        """Also what else there is to learn from."""
        return (*super().depends_on(), self.sources.changed)

    def can_train(self) -> bool:
        """Whether something may be labelled."""
        return super().can_train() or bool(self.sources.other)

    def examples(self, out: Path) -> ExamplesIn:
        """All that is ticked, of which a copy is kept beside the model."""
        self.bench.patches.flush()
        kept = out.with_name(f"{out.stem} labels")
        return self.sources.examples(kept, self.channels.isChecked())

    def learnt_of(self) -> tuple[list[Volume], Classes]:
        """The channels that strokes are learnt of, the same until it is others, and the classes."""
        bench, together = self.bench, self.channels.isChecked()
        of, before = [bench.opened_volume, together, *bench.images], self._looked_at[0]
        if len(of) != len(before) or not all(map(is_, of, before)):
            channels = bench.channels_to_learn(bench.opened_image, together)
            self._looked_at = of, list(channels.values())
        return self._looked_at[1], bench.classes

    def picture(self, called: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """The most probable class of each voxel, in its colour."""
        return in_colours(called[0], self.bench.classes), {"rgb": True}

    def seen(self, model: str | Path, box: Box) -> Picture:
        """The same of what a model makes of the image."""
        from napari_midl.engine.semantic.models import classes_of
        from napari_midl.engine.semantic.predictor import ClassModel, classes_in

        opened = self.open_model(Path(model))
        together = opened.card["channels"] > 1
        every = self.bench.channels_to_learn(self.bench.opened_image, together)
        dense = ClassModel(list(every.values()), opened, PredictSettings(), Path(model).stem)
        return in_colours(classes_in(dense, box), classes_of(opened))

    def gained(self, run: Run) -> str:
        """In words, and the Dice of each class."""
        each = [name for name in run.results["after"] if name.startswith("dice of ")]
        shown = {name: name.removeprefix("dice ") for name in each}
        return gain_in_words(
            run.results,
            {name: (word, "{:.2f}") for name, word in ({"dice": "Dice"} | shown).items()},
            more="label more, so that some can be held out",
        )

    def _on_channels(self) -> None:
        """Show what the strokes teach of the channels that are looked at now."""
        self._preview.forget()
        self._preview.ask(learn=True)

    def _show_channels(self) -> None:
        image = self.bench.image
        self.channels.setVisible(image is not None and len(self.bench.channels_of(image)) > 1)
