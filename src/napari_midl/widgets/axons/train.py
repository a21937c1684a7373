"""Fine-tuning the tracker on the accepted traces, while tracing goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.ports import ModelOut
from napari_midl.methods.axons.entries import lessons
from napari_midl.methods.axons.operations import Finetune
from napari_midl.methods.axons.ports import AxonModelIn, TracesIn
from napari_midl.methods.axons.settings import FinetuneSettings
from napari_midl.methods.axons.words import gain, what_is_learnt
from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.runs import Run
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.trace import TraceSection


class AxonTrainSection(TrainSection[AxonsBench]):
    """Fine-tunes beside the tracing."""

    heading = "Learn"
    verb = "Fine-tune"
    tip = "Teach the tracker the accepted traces, in the background; go on tracing meanwhile"
    stem = "tracker"
    settings = FinetuneSettings
    elsewhere = ("fibres", "dark")

    def __init__(self, bench: AxonsBench, trace: TraceSection) -> None:
        self._trace = trace
        super().__init__(bench, trace.model, bench.learner)
        self.status.setToolTip("Which traces the tracker would learn from")
        self.status.show()
        self.gain.setToolTip("Scores on accepted traces that the tracker did not learn from")
        self.follow(self._count, bench.opened, bench.traced)

    @property
    def lessons(self) -> list[Trace]:
        """What there is to learn from."""
        return lessons(self.bench.entries)

    def depends_on(self) -> Sequence[Any]:
        """What is accepted."""
        return (self.bench.traced,)

    def can_train(self) -> bool:
        """Whether a trace is accepted that is long enough."""
        return bool(self.lessons)

    def operation(self, out: Path) -> Finetune:
        """Fine-tune on a copy of the traces, which is kept beside the model."""
        return Finetune(
            image=self.bench.image_in,
            traces=TracesIn.of(self.lessons),
            model=AxonModelIn(str(self.model.choice)),
            out=ModelOut(out),
            settings=self.form.value(fibres=self._trace.fibres),
        )

    def gained(self, run: Run) -> str:
        """Before against after."""
        return gain(run.results)

    def _count(self) -> None:
        accepted = sum(entry.accepted for entry in self.bench.entries)
        self.status.setText(what_is_learnt(accepted, len(self.lessons)))
