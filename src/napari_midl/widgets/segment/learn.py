"""How to learn, and what the choice gave on labels that chose nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

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
from napari_midl.widgets.parts.section import combo, note
from napari_midl.widgets.tool.classes_train_section import ClassesTrainSection

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Outcome
    from napari_midl.widgets.segment.bench import SegmentBench
    from napari_midl.widgets.tool.label_sources import SourcesSection

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


class LearnSection(ClassesTrainSection):
    """Trains one model, in the way that is chosen."""

    verb = "Learn"
    tip = "Teach a model what is labelled, in the background"
    stem = "segment"
    settings = TrainSettings
    elsewhere = ("scope", "dense", "new_head")

    def __init__(self, bench: SegmentBench, sources: SourcesSection) -> None:
        self.way = combo("How to learn", {key: way.name for key, way in WAYS.items()})
        self.when = note("When this way is right")
        model = ModelPicker(
            "segment",
            bench.report,
            "Predict uses this model; a network learns on from it",
            {"none yet": NONE, "generated trees (shipped)": TREES},
        )
        super().__init__(bench, sources, model)
        self.way.currentIndexChanged.connect(lambda _: self._on_way())
        self.enabled_when(self.way, lambda: not bench.runner.running)
        self._on_way()

    def first_rows(self) -> None:
        """How, and which model."""
        self.row("How", self.way, stretch=1)
        self.body.addWidget(self.when)
        self.row("Model", self.model, stretch=1)

    @property
    def chosen(self) -> Way:
        """How to learn."""
        return WAYS[self.way.currentData()]

    def operation(self, out: Path, start: str | Path | None = None) -> Train:
        """Learn a copy of all that is ticked, which is kept beside the model."""
        way = self.chosen
        start = start or (self._network if way.begins else NONE)
        if way.needs and start == NONE:
            raise InputError(
                f"{way.name} needs a network to begin with; choose one under Model, or learn "
                "Everything of a network first."
            )
        settings = self.form.value(
            scope="everything", dense=False, new_head=self._other_classes(start)
        )
        return Train(
            images=self.examples(out),
            classes=self.bench.classes.names,
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

    def open_model(self, path: Path) -> Model:
        """One that is learnt."""
        return SegmentModelIn(str(path)).open()

    @property
    def fits(self) -> bool:
        """Whether the chosen model looks at as many channels as the image has, or at one."""
        bench, chosen = self.bench, self.model.choice
        if bench.image is None or chosen == NONE:
            return False
        try:
            takes = read_card(path_of(chosen)).get("channels")
        except InputError:
            return True  # which says what is wrong, once it is used
        return takes in (1, len(bench.channels_of(bench.image)))

    @property
    def calls(self) -> str:
        """What the chosen model calls its classes, where the dock calls them otherwise."""
        chosen = self.model.choice
        try:
            if not self._other_classes(chosen):
                return ""
            return ", ".join(Classes.from_dict(read_card(path_of(chosen))["classes"]).names)
        except InputError:
            return ""  # which says what is wrong, once it is used

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
        self.offer_minutes(way.settings.get("architecture") != "pixels")
