"""What is done with a mask of vessels: cut it from a prediction, and measure it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.lengths import unit_of, why_voxels
from napari_midl.engine.operations import Operation, operation
from napari_midl.methods.vessels.ports import (
    CorrectionsIn,
    GraphOut,
    LabelsOut,
    MaskIn,
    PredictionIn,
    RegionsIn,
    Threshold,
    check_finished,
    image_of,
    no_prediction,
)
from napari_midl.methods.vessels.settings import Length

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Running
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume

Table = Literal["branches", "summary"]


@operation("vessels.labels", argument="prediction")
@dataclass(frozen=True, kw_only=True)
class Labels(Operation[None]):
    """Write the labels of a prediction at another threshold, or corrected by hand.

    Parameters
    ----------
    threshold : float
        Probability from which a voxel is labelled vessel.
    corrections : CorrectionsIn, optional
        Folder of patches that have the last word: 1 is no vessel, 2 is vessel.
    note : str
        What else the labels are to say of themselves.
    out : LabelsOut
        The ``.ome.zarr`` to write, or a ``.nii``, ``.nii.gz`` or ``.ome.tif`` for other programs;
        by default an OME-Zarr in that of the prediction, ``labels/vessels-0.50`` or what the
        threshold is.
    """

    prediction: PredictionIn
    threshold: Threshold = 0.5
    corrections: CorrectionsIn | None = None
    note: str = ""
    out: LabelsOut = LabelsOut(None)

    def __post_init__(self) -> None:
        if self.out.path is None:
            from napari_midl.methods.vessels.labels import labels_path

            if self.prediction.path.is_file():
                raise no_prediction(self.prediction.path)
            path = labels_path(self.prediction.path, self.threshold)
            object.__setattr__(self, "out", LabelsOut(path))

    def job(self, run: Running) -> Job[None]:
        """Write them aside; they are listed once they lie where they belong."""
        path = self.out.path
        assert path is not None
        if image_of(path) is not None:
            check_finished(self.prediction.path)
        prediction = yield from run.open(self.prediction)
        from napari_midl.methods.vessels.labels import write_labels
        from napari_midl.methods.vessels.provenance import of_prediction
        from napari_midl.volumes.label_list import list_labels

        patches = yield from _corrections(self, run, prediction)
        said = of_prediction(self.prediction.path, self.threshold).with_(patches, self.note)
        read = yield from write_labels(self.prediction.path, said, run.staged(), patches)
        run.inputs["probability"] = {"sha256": read}
        run.results |= {"of": said.columns()}
        if image_of(path) is not None:
            run.afterwards(lambda: list_labels(path))


@operation("vessels.analyse", argument="mask")
@dataclass(frozen=True, kw_only=True)
class Analyse(Operation["VesselGraph"]):
    """Measure vessels: how much there is, their branches, radii and centre lines.

    Parameters
    ----------
    min_length : float
        Leave out branches with a free end that are shorter, in the unit of the mask's voxel size,
        which is that of the table: thinning makes them of bumps.
    corrections : CorrectionsIn, optional
        Folder of patches that have the last word: 1 is no vessel, 2 is vessel.
    regions : RegionsIn, optional
        An image of integers over the mask: the summary has a row for each of its regions.
    table : str
        What a ``.csv`` holds: the ``branches``, or the ``summary`` (volume fraction, length
        density, branch points and the like).
    note : str
        What else the output is to say of the mask.
    """

    mask: MaskIn
    min_length: Length = 0.0
    corrections: CorrectionsIn | None = None
    regions: RegionsIn | None = None
    table: Table = "branches"
    note: str = ""
    out: GraphOut

    def job(self, run: Running) -> Job[VesselGraph]:
        """Thin the mask to its skeleton and measure along it."""
        mask = yield from run.open(self.mask)
        from napari_midl.methods.vessels.export import write_graph
        from napari_midl.methods.vessels.provenance import written
        from napari_midl.methods.vessels.words import numbers
        from napari_midl.volumes.corrected import Corrected
        from napari_midl.volumes.laying import laid_on

        patches = yield from _corrections(self, run, mask)
        regions = None
        if self.regions is not None:
            opened = yield from run.open(self.regions, "reading the regions")
            regions = laid_on(opened, mask)
        said = self.mask.provenance(mask).with_(patches, self.note)
        part = written(self.mask.path) if self.mask.path is not None and said.partial else []
        if patches:
            mask = replace(mask, levels=(Corrected(mask.data, patches),))
        analysing = "napari_midl.methods.vessels.analyse"
        module = yield from elsewhere(lambda: import_module(analysing), "loading")
        graph: VesselGraph = self.mask.graph or (
            yield from module.analyse(mask, self.min_length, regions, part)
        )
        if self.out.path is not None:
            write_graph(graph, run.staged(), said, self.table == "summary")
        lengths = graph.branches["length"]
        run.results |= {
            "branches": len(lengths),
            "length": float(lengths.sum()),
            "numbers": numbers(graph),
            "of": said.columns(),
            "partial": said.extent if said.partial else "",
            "box": said.where if said.partial else "",
            **unit_of(mask),
        }
        return graph

    def summary(self, results: dict[str, Any]) -> list[str]:
        """The numbers of the whole, and whether it is the whole."""
        partial, box = results.get("partial"), results.get("box")
        where = f", {box} in voxels," if box else ""
        said = f"Only {partial}{where} are predicted: the numbers are of these."
        warning = [said] if partial else []
        numbers = [f"{name}: {value}" for name, value in results["numbers"].items()]
        lost = self.regions is not None and self.out.path is not None and self.table != "summary"
        without = ["The file has no row for each region; --table summary has."] if lost else []
        return [*warning, *numbers, *why_voxels(results), *without]


def _corrections(done: Labels | Analyse, run: Running, mask: Volume) -> Job[list[Patch]]:
    """What was corrected by hand of a mask."""
    if done.corrections is None:
        return []
    folder = yield from run.open(done.corrections, "reading the corrections")
    return done.corrections.patches(folder, mask)
