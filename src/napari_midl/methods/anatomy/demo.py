"""The anatomy tool from a file of landmarks to a measured mesh, on a made-up person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from napari_midl.engine.page import Section
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.operations import Generate
from napari_midl.methods.anatomy.picture import draw
from napari_midl.methods.anatomy.synthetic import sample
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job

MISSING = ("coronoid peak left", "mental tubercle right")
MOVED, BY = "angle right", (0.0, 0.0, 10.0)
VIEWS = (("from the front", (0.0, -1.0, 0.2)), ("from the left", (1.0, -0.3, 0.2)))


def anatomy_demo(folder: Path) -> Job[Section]:
    """Generate a mandible with two landmarks missing and one misplaced."""
    person, _ = sample()
    points = person.points.copy()
    points[[person.names.index(name) for name in MISSING]] = np.nan
    fewer = Landmarks(person.names, points.copy())
    write_landmarks(folder / "landmarks.csv", fewer)
    fitting = Generate.of(landmarks=folder / "landmarks.csv", out=folder / "mandible.ply")
    run = (yield from fitting.perform()).run
    points[person.names.index(MOVED)] += BY
    write_landmarks(folder / "misplaced.csv", Landmarks(person.names, points))
    misfit = Generate.of(landmarks=folder / "misplaced.csv", out=folder / "misplaced.ply")
    wrong = (yield from misfit.perform()).run
    table = pd.read_csv(folder / "mandible.ply.landmarks.csv")
    write_table(table, folder / "landmarks-measured.csv")
    _picture(folder / "mandible.png", fewer)
    named = ", ".join(wrong.results["misplaced"]) or "none"
    return Section(
        "Anatomy",
        f"A mandible was generated from {len(person.names) - len(MISSING)} of "
        f"{len(person.names)} landmarks of a made-up person in {run.seconds:.1f} s; "
        f"{' and '.join(MISSING)} were left out. Then {MOVED} was moved up by 10 mm; named as "
        f"misplaced: {named}.",
        pictures=[
            (
                folder / "mandible.png",
                "The surface coloured by its uncertainty (one standard deviation, mm). Placed "
                "landmarks are white, imputed ones hollow.",
            )
        ],
        tables=[("Landmarks", table.round(2))],
        files=[
            (folder / "mandible.ply", "the mesh, in mm"),
            (folder / "mandible.ply.run.json", "record that replays the generation"),
            (folder / "landmarks.csv", "the landmarks"),
            (folder / "landmarks-measured.csv", "the landmarks with spread, doubt and distance"),
        ],
    )


def _picture(path: Path, landmarks: Landmarks) -> None:
    made = Anatomy(named_model("base")).generate(landmarks)
    figure = Figure(figsize=(11, 5), layout="constrained", dpi=110)
    for axis, (title, towards) in zip(figure.subplots(1, 2), VIEWS, strict=True):
        shown = draw(axis, made.mesh, towards, made.uncertainty)
        for placed, face in ((made.spread == 0, "white"), (made.spread > 0, "none")):
            x, y = shown.project(made.landmarks.points[placed]).T
            axis.plot(x, y, "o", markersize=5, markerfacecolor=face, markeredgecolor="black")
        axis.set_title(title)
    figure.colorbar(shown.colours, ax=figure.axes, label="uncertainty (mm)", fraction=0.03)
    figure.savefig(path)
