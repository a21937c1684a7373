"""Where to paint next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.ports import TableOut
from napari_midl.methods.vessels.operations import Propose
from napari_midl.methods.vessels.painted import painted
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.settings import ProposeSettings
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.tool.review_section import Place, ReviewSection
from napari_midl.widgets.vessels.annotate import SIDE
from napari_midl.widgets.vessels.bench import VesselsBench

if TYPE_CHECKING:
    from napari_midl.methods.vessels.apply import Proposal
    from napari_midl.widgets.vessels.annotate import AnnotateSection
    from napari_midl.widgets.vessels.train import VesselTrainSection

PLACES = 4  # to propose at once


class WhereNextSection(ReviewSection[VesselsBench, "Proposal"]):
    """Proposes the places where the model is least sure."""

    heading = "Where next?"

    def __init__(
        self, bench: VesselsBench, annotate: AnnotateSection, learn: VesselTrainSection
    ) -> None:
        self._annotate, self._learn = annotate, learn
        super().__init__(bench)
        bench.opened.connect(lambda: self.fill([]))

    def arrange(self) -> None:
        """Ask above the list, say below it."""
        self.ask = self.action(
            "Where next?",
            "Look for the places where the model is least sure: painting there teaches it most",
            self._on_ask,
            lambda: self.bench.idle and torch_is_here(),
        )
        self.add = self.action("Paint there", "Paint vessels at the chosen place", self._on_add)
        self.status = note()
        self.status.hide()
        self.row(self.ask, self.add)
        self.body.addWidget(self.list)
        self.body.addWidget(self.status)

    def place(self, item: Proposal) -> Place:
        """Its middle, and why it is proposed."""
        z, y, x = item.centre
        words = f"{self.items.index(item) + 1}.  z {z}, y {y}, x {x}:  {item.reason}"
        return Place(words, item.origin, item.shape, tip=item.reason)

    def shown(self) -> None:
        """One can paint at the chosen one."""
        self.add.setEnabled(self.bench.volume is not None and self.current is not None)
        self.status.hide()

    def operation(self) -> Propose:
        """Ask the chosen model; nothing is written."""
        bench = self.bench
        patches = bench.patches.patches
        return Propose(
            image=bench.image_in,
            model=VesselModelIn(str(self._learn.model.choice)),
            labels=painted(patches, bench.opened_volume) if patches else None,
            out=TableOut(None),
            settings=ProposeSettings(
                count=PLACES,
                side=SIDE,
                device=self._learn.form.widgets["device"].value,
            ),
        )

    def _on_ask(self) -> None:
        self.bench.start(
            "Where next?",
            self.operation().perform(),
            lambda outcome: self._on_found(outcome.result),
        )

    def _on_found(self, proposals: list[Proposal]) -> None:
        self.fill(proposals)
        self.status.setText("Every place that was looked at is painted already.")
        self.status.setVisible(not proposals)
        self.bring_into_sight(self.list)

    def _on_add(self) -> None:
        assert self.current is not None
        self._annotate.paint_around(self.current.centre)
