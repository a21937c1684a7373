"""Where to paint next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.outputs import TableOut
from napari_midl.engine.proposals import how_unsure, is_painted
from napari_midl.engine.running import Watch
from napari_midl.methods.vessels.operations import Propose
from napari_midl.methods.vessels.painted import painted
from napari_midl.methods.vessels.ports import GrowingPredictionIn, VesselModelIn
from napari_midl.methods.vessels.settings import ProposeSettings
from napari_midl.widgets.parts import thumbnail
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.tool.paint_section import SIDE
from napari_midl.widgets.tool.review_section import Place, ReviewSection
from napari_midl.widgets.vessels.bench import VesselsBench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QIcon

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.proposals import Proposal
    from napari_midl.volumes.annotations import Patch
    from napari_midl.widgets.tool.paint_section import PaintSection
    from napari_midl.widgets.vessels.train import VesselTrainSection

PLACES = 3  # to propose at once
SECONDS = 8.0  # after which the places that the model has looked at will do
DONE = "painted"
BRIGHTER = 4  # times, at most, that a picture of a dim place is

Shown = tuple["Proposal", "np.ndarray"]


class WhereNextSection(ReviewSection[VesselsBench, Shown]):
    """Proposes the places where the prediction that is shown, or the model, is least sure."""

    heading = "Where next?"
    tip = "Click a place to fly there and paint; once painted it is ticked"
    list_height = thumbnail.GRID_ROW + 8
    icon_side = thumbnail.SIDE

    def __init__(
        self, bench: VesselsBench, annotate: PaintSection, learn: VesselTrainSection
    ) -> None:
        self._annotate, self._learn = annotate, learn
        super().__init__(bench)
        bench.opened.connect(lambda: self.fill([]))
        bench.patches.changed.connect(self._on_painted)

    def arrange(self) -> None:
        """Ask above the list, say below it."""
        self._patches: list[Patch] = []
        self.ask = self.action(
            "Where next?",
            "Look for the places where the prediction that is shown is least sure, or else the "
            "model: painting there teaches it most",
            self._on_ask,
            lambda: self.bench.idle and torch_is_here(),
        )
        self.add = self.action("Paint there", "Paint vessels at the chosen place", self._on_add)
        self.status = note()
        self.row(self.ask, self.add)
        self.body.addWidget(self.list)
        self.body.addWidget(self.status)

    def place(self, item: Shown) -> Place:
        """How unsure it is, and whether it is painted."""
        proposal = item[0]
        z, y, x = proposal.centre
        done = is_painted(proposal, self._patches)
        words = f"{'✓ ' if done else ''}{how_unsure(proposal.uncertainty)}"
        tip = f"z {z}, y {y}, x {x}: {proposal.reason}"
        return Place(words, proposal.origin, proposal.shape, DONE if done else "", tip)

    def icon(self, item: Shown) -> QIcon:
        """The place, in a frame that tells whether it is painted."""
        done = is_painted(item[0], self._patches)
        return thumbnail.framed(item[1], thumbnail.ACCEPTED if done else thumbnail.OPEN)

    def shown(self) -> None:
        """One can paint at the chosen one."""
        self.add.setEnabled(self.bench.volume is not None and self.current is not None)
        self.status.setVisible(bool(self.items))

    def operation(self) -> Propose:
        """Ask the prediction that is shown, or else the chosen model; nothing is written."""
        bench = self.bench
        patches = bench.patches.patches
        shown = bench.shown
        return Propose(
            image=bench.image_in,
            model=VesselModelIn(str(self._learn.model.choice)),
            prediction=None if shown is None else GrowingPredictionIn(shown.path),
            labels=painted(patches, bench.opened_volume) if patches else None,
            out=TableOut(None),
            settings=ProposeSettings(
                count=PLACES,
                side=SIDE,
                device=self._learn.form.widgets["device"].value,
            ),
        )

    def job(self) -> Job[list[Shown]]:
        """The places with a picture of each; at a cost that the image's size does not change."""
        volume, limits = self.bench.opened_volume, self.bench.opened_image.contrast_limits
        operation, began = self.operation(), [0.0]
        watch = Watch(enough=lambda: time.monotonic() > began[0] + SECONDS)

        def picture(proposal: Proposal) -> np.ndarray:
            box = (slice(o, o + n) for o, n in zip(proposal.origin, proposal.shape, strict=True))
            return _gray(volume.read(tuple(box))[0], limits)

        def steps() -> Job[list[Shown]]:
            began[0] = time.monotonic()
            places = (yield from operation.perform(watch)).result
            return (
                yield from elsewhere(lambda: [(p, picture(p)) for p in places], "taking pictures")
            )

        return steps()

    def _on_ask(self) -> None:
        shown = self.bench.shown
        asked = "the model" if shown is None else shown.path.name.split(".")[0]
        self.bench.start("Where next?", self.job(), lambda found: self._on_found(found, asked))

    def _on_found(self, found: list[Shown], asked: str) -> None:
        self._patches = self.bench.patches.patches
        self.fill(found)
        self.status.setText(
            f"Where {asked} is least sure. Paint one or two of them, then fine-tune."
            if found
            else f"There is no place left where {asked} is unsure and nothing is painted."
        )
        self.status.show()
        self.bring_into_sight(self.status)

    def _on_painted(self) -> None:
        if self.items:
            self._patches = self.bench.patches.patches
            self.look_again()

    def _on_add(self) -> None:
        assert self.current is not None
        self._annotate.paint_around(self.current[0].centre)


def _gray(plane: np.ndarray, limits: Sequence[float]) -> np.ndarray:
    """A plane as it is shown, as bytes; a dim one brighter, as what is unsure often is."""
    low, high = limits
    brightest = float(np.nan_to_num(plane).max())
    high = min(high, max(brightest, low + (high - low) / BRIGHTER))
    share = (np.nan_to_num(plane.astype(np.float32)) - low) / max(high - low, 1e-9)
    return np.asarray((share.clip(0, 1) * 255).astype(np.uint8))
