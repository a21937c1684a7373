"""Several images, one after the other: predictions, and one table of their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_midl.engine.jobs import Progress, mapped
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError
from napari_midl.methods.vessels import report
from napari_midl.methods.vessels.measuring import Analyse
from napari_midl.methods.vessels.operations import Batch, Predict
from napari_midl.methods.vessels.ports import GraphOut, MaskIn
from napari_midl.methods.vessels.provenance import of_prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_midl.engine.inputs import ImageIn
    from napari_midl.engine.jobs import Job


def measure_all(batch: Batch) -> Job[pd.DataFrame]:
    """Predict and measure each image of a batch.

    Returns
    -------
    pandas.DataFrame
        A row an image: ``image``, the numbers of `report.with_units`, what they are of, and the
        ``problem`` in a sentence where there is one. Returned by the generator.
    """
    assert batch.out.path is not None
    images, rows = batch.images.each, []
    names = _names(batch.images.files)
    for index, (name, image) in enumerate(zip(names, images, strict=True)):
        prediction = batch.out.path.with_name(f"{name}.ome.zarr")
        row: dict[str, Any] = {"image": str(batch.images.files[index])}
        shown = _shown(name, index, len(images))
        try:
            yield from mapped(_predicted(batch, image, prediction), shown)
            row |= yield from mapped(_measured(batch, prediction), shown)
        except InputError as error:
            row["problem"] = str(error)
        rows.append(row)
    table = pd.DataFrame(rows)
    problem = table.pop("problem") if "problem" in table else ""
    return table.assign(problem=problem).fillna({"problem": ""})


def _predicted(batch: Batch, image: ImageIn, out: Path) -> Job[None]:
    """Predict an image, go on with what is there of it, or take it if it is whole."""
    resume = is_unfinished(out)
    wanted = Predict(
        image=image,
        model=batch.model,
        out=OmeZarrOut(out, resume=resume),
        settings=batch.settings,
    )
    if resume or not out.exists():
        yield from wanted.perform()
        return
    yield Progress(0, 1, "looking at what is there")
    done = read_run(record_path(out)) if record_path(out).exists() else None
    device = {"device": ""}
    if (
        done is None
        or done.operation != Predict.name
        or {**done.arguments, "out": ""} != {**wanted.arguments(), "out": ""}
        or {**done.settings, **device} != {**wanted.settings_dict(), **device}
    ):
        raise InputError(
            f"{out} is there already and was made otherwise; choose another folder for the table."
        )


def _measured(batch: Batch, prediction: Path) -> Job[dict[str, Any]]:
    """The numbers of the whole, and what they are of."""
    threshold = batch.settings.threshold
    outcome = yield from Analyse(
        mask=MaskIn(prediction, voxel_size=batch.images.voxel_size, threshold=threshold),
        min_length=batch.min_length,
        out=GraphOut(None),
    ).perform()
    graph = outcome.result
    whole = report.with_units(graph.summary, graph.unit).iloc[0].drop("region")
    numbers = {str(name): value for name, value in whole.items()}
    return {**numbers, **of_prediction(prediction, threshold).columns()}


def _names(paths: Sequence[Path]) -> list[str]:
    """Of the outputs: those of the files without their endings, each once."""
    names: list[str] = []
    for path in paths:
        stem = path.name.split(".")[0] or path.name
        number, name = 1, stem
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return names


def _shown(name: str, index: int, count: int) -> Callable[[Progress], Progress]:
    def shown(step: Progress) -> Progress:
        part = step.done / step.total if step.total else 0.0
        message = f"{name} ({index + 1} of {count}): {step.message}"
        return replace(step, done=index + part, total=count, message=message, preview=None)

    return shown
