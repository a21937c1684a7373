"""What was shown and measured of an image, kept in its project so that it is there again."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.methods.vessels.analyse import VesselGraph
from napari_midl.methods.vessels.provenance import Provenance
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from pathlib import Path

_TABLES = ("branches", "nodes", "summary")


@dataclass(frozen=True)
class Shown:
    """Which prediction was shown last, and how.

    Parameters
    ----------
    prediction : str
        Its path, from the folder of results.
    threshold : float
        At which it was cut.
    measured : dict
        The options with which it was measured; empty where it was not.
    of : dict
        What was said of it then, as the fields of a `Provenance`.
    corrected : str
        Fingerprint of the corrections then.
    """

    prediction: str
    threshold: float
    measured: dict[str, Any] = field(default_factory=dict)
    of: dict[str, Any] = field(default_factory=dict)
    corrected: str = ""

    @property
    def said(self) -> Provenance:
        """What was said of what was measured."""
        return Provenance(**self.of)


def keep_shown(shown: Shown, path: Path) -> None:
    """Keep what is shown; nothing is kept where it cannot be written: it is a convenience."""
    with suppress(InputError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            beside.write_text(json.dumps(asdict(shown)) + "\n", encoding="utf-8")


def shown_last(path: Path) -> Shown | None:
    """What `keep_shown` kept, if it is there and whole."""
    try:
        shown = Shown(**json.loads(path.read_text(encoding="utf-8")))
        return replace(shown, of=asdict(shown.said)) if shown.of else shown
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep_graph(graph: VesselGraph, path: Path) -> None:
    """Keep what was measured; nothing is kept where it cannot be written."""
    ends = np.cumsum([len(points) for points in graph.paths])
    about = {"unit": graph.unit, "space": graph.space.to_dict()}
    tables = {name: getattr(graph, name).to_dict("list") for name in _TABLES}
    with suppress(InputError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside, beside.open("wb") as file:
            np.savez_compressed(
                file,
                points=np.concatenate(graph.paths),
                ends=ends,
                about=np.array(json.dumps(about | tables)),
            )


def kept_graph(path: Path) -> VesselGraph | None:
    """What `keep_graph` kept, if it is there and whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            about = json.loads(str(kept["about"]))
            paths = np.split(kept["points"], kept["ends"][:-1])
        branches, nodes, summary = (pd.DataFrame(about[name]) for name in _TABLES)
        space = Space.from_dict(about["space"])
        return VesselGraph(branches, nodes, paths, about["unit"], space, summary)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile):
        return None
