"""What each dock is given to do while its delays are measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl import samples
from napari_midl.volumes.landmarks import read_landmarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.tutorials.hand import Hand

# Copies of a sample beside each other, so that the work outlasts the measurement.
ACROSS = {"vessels": 3, "segment": 3, "staining": 2}
LAYERS = {
    "vessels": samples.synthetic_vessels,
    "segment": samples.synthetic_vessels,
    "axons": samples.synthetic_fibres,
    "staining": samples.synthetic_confocal,
    "anatomy": samples.synthetic_mandible,
}


def open_image(viewer: Any, tool: str) -> None:
    """The sample of a tool, larger."""
    for data, about, kind in LAYERS[tool]():
        if kind == "image":
            n = ACROSS.get(tool, 1)
            viewer.add_image(np.tile(data, (1,) * (data.ndim - 2) + (n, n)), **about)


def made_ready(hand: Hand, tool: str, dock: Any) -> tuple[Any, Callable[[], Any]]:
    """The button that starts the work, and whether there is something of it to be drawn."""
    bench = dock.bench
    if tool == "vessels":
        return dock.predict.go, lambda: _sliced(bench.shown)
    if tool == "segment":
        dock.learn.model.choice = "trees"
        return dock.predict.go, lambda: _sliced(bench.shown)
    if tool == "staining":
        return dock.stain.go, lambda: _sliced(bench.shown)
    if tool == "axons":
        layers = hand.viewer.layers
        return dock.trace.all, lambda: any(layer.name.endswith("growing") for layer in layers)
    (scan,) = hand.viewer.layers[:1]
    landmarks = read_landmarks(Path(scan.metadata[samples.LANDMARKS]))
    bench.edit(bench.editor.replace, landmarks)
    hand.until(lambda: bench.shown is not None and bench.idle)
    before = bench.mesh.layer.data[0]
    return dock.mesh.fit, lambda: (bench.mesh.layer.data[0] != before).any()


def _sliced(shown: Any) -> bool:
    """Whether the slice of a layer that is to be seen has more in it than nothing."""
    layers = shown.present if shown is not None else ()
    return any(layer.visible and np.any(layer._slice.image.raw) for layer in layers)
