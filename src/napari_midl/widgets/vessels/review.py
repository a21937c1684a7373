"""Where to paint next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.ports import ImageIn
from napari_midl.methods.vessels.operations import Propose
from napari_midl.methods.vessels.ports import PlacesOut, VesselModelIn
from napari_midl.methods.vessels.settings import ProposeSettings
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.review_list import ReviewList
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.vessels.painted import painted

if TYPE_CHECKING:
    from napari_midl.widgets.vessels.annotate import AnnotateSection
    from napari_midl.widgets.vessels.learn import LearnSection
    from napari_midl.widgets.vessels.workbench import Workbench

PLACES = 4  # to propose at once


class ReviewSection(Section):
    """Proposes the places where the model is least sure."""

    def __init__(self, bench: Workbench, annotate: AnnotateSection, learn: LearnSection) -> None:
        super().__init__("Where next?")
        self._bench, self._annotate, self._learn = bench, annotate, learn
        self.ask = button(
            "Where next?",
            "Look for the places where the model is least sure: painting there teaches it most",
            self._on_ask,
        )
        self.add = button("Add patch there", "Put a patch over the chosen place", self._on_add)
        self.list = ReviewList()
        self.list.visited.connect(self._on_visited)
        self.status = note()
        self.status.hide()
        self.row(self.ask, self.add)
        self.body.addWidget(self.list)
        self.body.addWidget(self.status)
        bench.changed.connect(self._on_changed)
        bench.opened.connect(self._on_opened)
        self._on_changed()

    def _on_ask(self) -> None:
        bench = self._bench
        assert bench.volume is not None
        patches, model = bench.patches.patches, self._learn.model.choice
        operation = Propose(
            image=ImageIn.of(bench.volume, bench.channel, bench.time),
            model=VesselModelIn(str(model)),
            labels=painted(patches, bench.volume) if patches else None,
            out=PlacesOut(None),
            settings=ProposeSettings(
                count=PLACES,
                side=self._annotate.side.value(),
                device=self._learn.form.widgets["device"].value,
            ),
        )
        job = operation.perform()
        bench.start("Where next?", job, lambda outcome: self._on_found(outcome.result))

    def _on_found(self, proposals: list[Any]) -> None:
        self.list.fill(proposals)
        self.status.setText("Patches cover every place that was looked at.")
        self.status.setVisible(not proposals)
        self.bring_into_sight(self.list)

    def _on_visited(self, proposal: Any) -> None:
        if self._bench.image is not None:
            fly_to(self._bench.viewer, self._bench.image, proposal.origin, proposal.shape)
        self._on_changed()

    def _on_add(self) -> None:
        proposal = self.list.current
        centre = [o + n // 2 for o, n in zip(proposal.origin, proposal.shape, strict=True)]
        self._annotate.add_around(centre)

    def _on_opened(self) -> None:
        self.list.fill([])
        self.status.hide()

    def _on_changed(self) -> None:
        self.ask.setEnabled(self._bench.idle and torch_is_here())
        self.add.setEnabled(self._bench.volume is not None and self.list.current is not None)
