"""What is imported and compiled as a dock opens, so that no click waits for it later."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from napari.utils.colormaps import DirectLabelColormap

from napari_midl.engine.importing_torch import import_torch
from napari_midl.engine.importing_torch import warm_up as warm_torch_up
from napari_midl.widgets.parts.dock_frame import torch_is_here

# What the first output needs, hundreds of modules each; that of the first training comes last.
_FIRST = (
    "scipy.stats.qmc",
    "ome_zarr.writer",
    "napari_midl.engine.streaming",
    "napari_midl.engine.pixels.network",
)


def warm_up() -> None:
    """Do so; what fails is told by the first that needs it."""
    # napari compiles how labels are coloured when the first such layer is made, for a second, and
    # vispy draws the ways to dash its outline, and keeps them.
    DirectLabelColormap(color_dict={None: "transparent"}).map(np.zeros((1, 1), np.uint8))
    import_module("vispy.visuals.line.dash_atlas").DashAtlas()
    if torch_is_here():
        import_torch()
        for name in _FIRST:
            import_module(name)
        from napari_midl.engine.pixels.scale_space import feature_names

        feature_names()  # computes them once, for all networks
        warm_torch_up()
