"""An image that is opened again shows what was shown of it last."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject

from napari_midl.engine.project import shown_file
from napari_midl.errors import InputError
from napari_midl.methods.vessels.kept import Shown, keep_graph, keep_shown, kept_graph, shown_last
from napari_midl.methods.vessels.operations import Analyse
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.vessels.measure import Measured

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.widgets.vessels.bench import VesselsBench
    from napari_midl.widgets.vessels.measure import MeasureSection
    from napari_midl.widgets.vessels.predict import PredictSection

_REST_MS = 300


class Reopening(QObject):
    """Keeps in the project which prediction is shown, at which threshold, and what was measured.

    Parameters
    ----------
    bench : VesselsBench
        Of the dock.
    predict, measure : section
        What shows them.
    """

    def __init__(
        self, bench: VesselsBench, predict: PredictSection, measure: MeasureSection
    ) -> None:
        super().__init__(bench)
        self._bench, self._predict, self._measure = bench, predict, measure
        self._kept: Measured | None = None
        self._timer = once_after(_REST_MS, self.keep, self)
        bench.opened.connect(self._on_opened)
        for signal in (bench.result, bench.job):
            signal.connect(self._timer.start)
        bench.leaving.connect(self.keep)

    def keep(self) -> None:
        """Keep what is shown now."""
        bench, measured = self._bench, self._measure.measured
        self._timer.stop()
        if bench.shown is None or bench.folder is None:
            return
        shown = Shown(self._name(bench.shown.path), bench.threshold)
        if measured is not None and _can_be_kept(measured):
            shown = replace(
                shown,
                measured=measured.operation.arguments(),
                of=asdict(measured.said),
                corrected=measured.corrected,
            )
            if measured is not self._kept:
                keep_graph(measured.graph, self._file.with_suffix(".npz"))
                self._kept = measured
        keep_shown(shown, self._file)

    def _name(self, path: Path) -> str:
        """Within the results, so that the project can be moved; else in full."""
        whole, results = path.absolute(), self._file.parent.absolute()
        return str(whole.relative_to(results) if whole.is_relative_to(results) else whole)

    @property
    def _file(self) -> Path:
        bench = self._bench
        return shown_file(bench.opened_folder, bench.channel, bench.time)

    def _on_opened(self) -> None:
        self._timer.stop()
        if self._bench.folder is None:
            return
        shown = shown_last(self._file)
        prediction = self._file.parent / shown.prediction if shown is not None else None
        if shown is None or prediction is None or not prediction.is_dir():
            return
        self._predict.show_at(prediction, shown.threshold)
        self._show_measured(shown)

    def _show_measured(self, shown: Shown) -> None:
        bench, graph = self._bench, None
        if shown.measured and bench.shown is not None:
            graph = kept_graph(self._file.with_suffix(".npz"))
        volume = bench.opened_volume
        if graph is None or (volume.unit or "voxel") != graph.unit:
            return
        if not np.allclose(graph.space.voxel_size, volume.voxel_size):
            return  # another size was typed since
        try:
            operation = Analyse.of(**shown.measured)
        except InputError:
            return
        image, corrected = bench.opened_image, shown.corrected
        self._kept = Measured(operation, graph, shown.said, image, corrected)
        self._measure.show_measured(self._kept)


def _can_be_kept(measured: Measured) -> bool:
    """Whether it can be measured again from files alone."""
    operation = measured.operation
    regions = operation.regions
    return operation.mask.volume is None and (regions is None or regions.path is not None)
