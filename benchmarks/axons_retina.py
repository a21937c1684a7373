"""Retina photographs, dark vessels on bright, on which no tracker was trained.

The centreline graphs are cut at their branch points. Each piece of 60 px or more is traced from
either end, with its direction there: which vessel goes on at a branch is nobody's to say, so
coverage counts the piece alone, and what counts as off is the share of the whole trace that is
further than 3 px from every vessel of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, connect
from napari_midl.methods.axons.score import NEAR, score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.traces import Seed, resample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model

SHORTEST = 60.0
GREEN = 1
_COLUMNS = ["id", "type", "x", "y", "z", "radius", "parent"]


def retina(model: Model, data: Path) -> list[dict[str, Any]]:
    """Coverage and error from one seed, and told both ends, an image a row."""
    rows = []
    for path in sorted(data.glob("chasedb1_*_image.png")):
        volume = open_volume(path).spatial(GREEN)
        pieces = pieces_of(path.with_name(path.name.replace("image.png", "centreline.swc")))
        everywhere = cKDTree(np.concatenate([resample(piece, 0.5) for piece in pieces]))
        lines = [p for p in pieces if len(resample(p, 1.0)) > SHORTEST]
        tracing = Tracing(volume, model, TraceSettings(dark=True))
        classical = Tracing(volume, model, TraceSettings(dark=True, method="minimal-path"))
        found = []
        for line in (way for piece in lines for way in (piece, piece[::-1])):
            spaced = resample(line, 1.0)
            (y, x), (dy, dx) = spaced[3].tolist(), (spaced[15] - spaced[3]).tolist()
            trace = run(tracing.follow([Seed("", (0.0, y, x), (0.0, dy, dx))]))[0].points[:, 1:]
            ends = [(0.0, *line[0].tolist()), (0.0, *line[-1].tolist())]
            both, path_alone = (
                score(run(connect(how, ends, "")).points[:, 1:], line)
                for how in (tracing, classical)
            )
            one = score(trace, line)
            away, _ = everywhere.query(resample(trace, 0.5))
            found.append(
                {
                    "coverage": one.coverage,
                    "error px": one.error,
                    "off": float((away > NEAR).mean()),
                    "both ends coverage": both.coverage,
                    "both ends error px": both.error,
                    "both ends, minimal path coverage": path_alone.coverage,
                    "both ends, minimal path error px": path_alone.error,
                }
            )
        mean = pd.DataFrame(found).mean().to_dict()
        rows.append({"image": path.name.split("_")[1], "pieces": len(lines), **mean})
    return rows


def pieces_of(path: Path) -> list[NDArray[np.float64]]:
    """Centrelines ``(n, 2)`` of a graph between its ends and branch points."""
    nodes = pd.read_csv(path, sep=r"\s+", comment="#", names=_COLUMNS, index_col="id")
    where = nodes[["y", "x"]]
    children = nodes.groupby("parent").groups
    begins = [(None, root) for root in children[-1]]
    pieces = []
    while begins:
        parent, node = begins.pop()
        chain = [node] if parent is None else [parent, node]
        while len(following := children.get(chain[-1], [])) == 1:
            chain.append(following[0])
        begins += [(chain[-1], child) for child in following]
        if len(chain) > 1:
            pieces.append(where.loc[chain].to_numpy(float))
    return pieces
