"""How to learn, and what the choice gave on labels that chose nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.gain import gain_in_words
from napari_midl.engine.models import SUFFIX, read_card
from napari_midl.engine.outputs import ModelOut
from napari_midl.errors import InputError
from napari_midl.methods.segment.models import SCRATCH as NONE
from napari_midl.methods.segment.models import path_of
from napari_midl.methods.segment.operations import Pretrain, Train
from napari_midl.methods.segment.ports import SegmentModelIn, StartIn
from napari_midl.methods.segment.settings import PretrainSettings, TrainSettings
from napari_midl.volumes.classes import Classes
from napari_midl.widgets.parts.model_picker import ModelPicker
from napari_midl.widgets.parts.section import check, combo, note
from napari_midl.widgets.segment.bench import SegmentBench
from napari_midl.widgets.segment.layers import OPACITY
from napari_midl.widgets.tool.live_preview import LivePreview
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.pixels.seen import Look
    from napari_midl.engine.running import Outcome
    from napari_midl.engine.runs import Run
    from napari_midl.methods.segment.live import LiveLearner
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.tool.label_sources import SourcesSection
    from napari_midl.widgets.tool.shelf import Picture

TREES = "trees"


@dataclass(frozen=True)
class Way:
    """A way to learn.

    Parameters
    ----------
    name, when : str
        What it is called, and when it is right.
    settings : dict
        What it sets.
    begins : bool
        Whether it begins with the model that is chosen.
    needs : bool
        Whether it cannot do without one.
    """

    name: str
    when: str
    settings: dict[str, Any]
    begins: bool = True
    needs: bool = False


WAYS = {
    "strokes": Way(
        "From strokes, in seconds",
        "Learns what single pixels look like. Right to begin with, and where texture or "
        "brightness tells the classes apart.",
        {"architecture": "pixels"},
        begins=False,
    ),
    "everything": Way(
        "Everything of a network",
        "Learns shapes too, in minutes; begins with the model chosen below, or anew. Right where "
        "there is more to learn from, or the images look new.",
        {"scope": "everything"},
    ),
    "decoder": Way(
        "The decoder of a network",
        "Keeps what the model sees and learns what to make of it. Right where the images look "
        "like its own and something else is to be found.",
        {"scope": "decoder"},
        needs=True,
    ),
    "last": Way(
        "The last layers of a network",
        "Changes little. Right where images and structures are like its own and a handful of "
        "strokes is all there is.",
        {"scope": "last-layers"},
        needs=True,
    ),
    "trees": Way(
        "Generated trees first",
        "A network learns vessels and trees on generated stacks, then your labels. Right for "
        "vessels, nerves and roots in stacks with few labels.",
        {"scope": "everything"},
        begins=False,
    ),
}


class LearnSection(TrainSection[SegmentBench]):
    """Trains one model on all that is ticked."""

    heading = "Learn"
    verb = "Learn"
    tip = "Teach a model what is labelled, in the background"
    stem = "segment"
    settings = TrainSettings
    elsewhere = ("scope", "dense", "new_head")
    score = "validation_dice"
    listens = True
    choose_newest = True

    def __init__(self, bench: SegmentBench, sources: SourcesSection) -> None:
        self.sources = sources
        self.way = combo("How to learn", {key: way.name for key, way in WAYS.items()})
        self.when = note("When this way is right")
        self.channels = check(
            "all channels together",
            "Look at every channel of the file at once; else only at the one that is open",
            checked=True,
        )
        self.live = check(
            "learn while I paint",
            "After each stroke, show what it teaches in the part in view",
            checked=True,
        )
        self._looked_at: tuple[list[Any], list[Volume]] = [], []
        self._preview = LivePreview(bench, self.live, _learner, self._learnt, self._picture)
        model = ModelPicker(
            "segment",
            bench.report,
            "Predict uses this model; a network learns on from it",
            {"none yet": NONE, "generated trees (shipped)": TREES},
        )
        super().__init__(bench, model)
        self.shelf.open_model, self.shelf.look = self._open, self._seen
        self.gain.setToolTip(
            "Dice, from 0 to 1: how well what is found and what you labelled overlap, on labels "
            "that neither taught nor chose the model"
        )
        self.way.currentIndexChanged.connect(lambda _: self._on_way())
        self.follow(self._show_channels, bench.opened, bench.layers_changed)
        bench.renamed.connect(self._preview.forget)
        self.channels.toggled.connect(self._on_channels)
        bench.result.connect(self._on_result)
        for widget in (self.way, self.channels, model):
            self.enabled_when(widget, lambda: not bench.runner.running)
        self._on_way()

    def first_rows(self) -> None:
        """How, and which model."""
        self.row("How", self.way, stretch=1)
        self.body.addWidget(self.when)
        self.row("Model", self.model, stretch=1)

    def beside(self) -> Sequence[QWidget]:
        """Whether to look at all channels."""
        return (self.live, self.channels)

    def depends_on(self) -> Sequence[Any]:
        """What there is to learn from."""
        return (self.bench.patches.changed, self.sources.changed)

    def can_train(self) -> bool:
        """Whether something may be labelled."""
        return bool(self.bench.patches.names) or bool(self.sources.other)

    @property
    def chosen(self) -> Way:
        """How to learn."""
        return WAYS[self.way.currentData()]

    def operation(self, out: Path, start: str | Path | None = None) -> Train:
        """Learn a copy of all that is ticked, which is kept beside the model."""
        bench, way = self.bench, self.chosen
        start = start or (self._network if way.begins else NONE)
        if way.needs and start == NONE:
            raise InputError(
                f"{way.name} needs a network to begin with; choose one under Model, or learn "
                "Everything of a network first."
            )
        bench.patches.flush()
        kept = out.with_name(f"{out.stem} labels")
        settings = self.form.value(
            scope="everything", dense=False, new_head=self._other_classes(start)
        )
        return Train(
            images=self.sources.examples(kept, self.channels.isChecked()),
            classes=bench.classes.names,
            start=StartIn(str(start)),
            out=ModelOut(out),
            settings=replace(settings, **way.settings),
        )

    def job(self, out: Path) -> Job[Outcome[Any]]:
        """Before it, for that way, trees are learnt, unless they were."""
        if self.way.currentData() != "trees":
            return super().job(out)
        if self.bench.opened_volume.shape[0] > 1:
            return self.operation(out, TREES).perform(self.watch())
        # What ships looks through slices.
        trees = out.with_name(f"generated trees 2d{SUFFIX}")
        operation, watch = self.operation(out, trees), self.watch()
        how = PretrainSettings(minutes=operation.settings.minutes, dimensions="2d")

        def steps() -> Job[Outcome[Any]]:
            if not trees.exists():
                yield from Pretrain(out=ModelOut(trees), settings=how).perform()
            return (yield from operation.perform(watch))

        return steps()

    def _open(self, path: Path) -> Model:
        """A network, for the zoo."""
        return SegmentModelIn(str(path)).open()

    def _seen(self, model: str | Path, box: Box) -> Picture:
        """The most probable class of each voxel, in its colour."""
        from napari_midl.methods.segment.predictor import classes_in

        opened = SegmentModelIn(str(model)).open()
        image, channels = self.bench.opened_image, opened.card["channels"]
        every = self.bench.channels_to_learn(image, together=channels > 1)
        called, classes = classes_in(list(every.values()), opened, box, Path(model).stem)
        return in_colours(called, classes)

    def gained(self, run: Run) -> str:
        """In words, and the Dice of each class."""
        each = [name for name in run.results["after"] if name.startswith("dice of ")]
        shown = {name: name.removeprefix("dice ") for name in each}
        return gain_in_words(
            run.results,
            {name: (word, "{:.2f}") for name, word in ({"dice": "Dice"} | shown).items()},
            more=Train.more,
        )

    def began(self) -> None:
        """What is shown is of the strokes alone."""
        self._preview.forget()

    def shut_down(self) -> None:
        """Also what learns from strokes."""
        self._preview.shut_down()
        super().shut_down()

    @property
    def _network(self) -> str | Path:
        """The model that is chosen, if it is a network: what sees single voxels is no start."""
        chosen = self.model.choice
        if chosen == NONE:
            return NONE
        architecture = str(read_card(path_of(chosen)).get("architecture"))
        return NONE if architecture.startswith("pixels") else chosen

    def _other_classes(self, start: str | Path) -> bool:
        """Whether the start tells other classes apart than those of the dock."""
        if start == NONE or not path_of(start).exists():
            return start != NONE
        own = Classes.from_dict(read_card(path_of(start))["classes"])
        return own.names != self.bench.classes.names

    def _on_way(self) -> None:
        way = self.chosen
        self.when.setText(way.when)
        in_minutes = way.settings.get("architecture") != "pixels"
        for widget in (self.form.outside("minutes"), self.form, self.stop):
            widget.setVisible(in_minutes)

    def _learnt(self) -> tuple[list[Volume], Classes]:
        """The channels that strokes are learnt of, the same until it is others, and the classes."""
        bench, together = self.bench, self.channels.isChecked()
        of, before = [bench.opened_volume, together, *bench.images], self._looked_at[0]
        if len(of) != len(before) or not all(map(is_, of, before)):
            channels = bench.channels_to_learn(bench.opened_image, together)
            self._looked_at = of, list(channels.values())
        return self._looked_at[1], bench.classes

    def _on_channels(self) -> None:
        """Show what the strokes teach of the channels that are looked at now."""
        self._preview.forget()
        self._preview.ask(learn=True)

    def _picture(self, called: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        return in_colours(called[0], self.bench.classes), {"rgb": True}

    def _on_result(self) -> None:
        """Something better than the preview is shown."""
        if self.bench.shown is not None:
            self._preview.give_way()

    def _show_channels(self) -> None:
        image = self.bench.image
        self.channels.setVisible(image is not None and len(self.bench.channels_of(image)) > 1)


def in_colours(called: np.ndarray, classes: Classes) -> np.ndarray:
    """Colours and opacity ``(..., 4)`` of classes by their numbers, the first transparent."""
    colours = [(0.0, 0.0, 0.0, 0.0)] + [
        (*(part / 255 for part in bytes.fromhex(label.colour[1:])), OPACITY)
        for label in classes.labels[1 : len(classes)]
    ]
    return np.array(colours, np.float32)[called]


def _learner(look: Look, channels: Sequence[Volume], classes: Classes) -> LiveLearner:
    from napari_midl.methods.segment.live import LiveLearner

    return LiveLearner(channels, classes, look)
