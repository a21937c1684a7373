"""What is imported and compiled as a dock opens, so that no click waits for it later."""

from __future__ import annotations

import numpy as np
from napari.utils.colormaps import DirectLabelColormap

from napari_midl.engine.importing_torch import warm_up as warm_torch_up
from napari_midl.widgets.parts.dock_frame import torch_is_here


def warm_up() -> None:
    """Do so; what fails is told by the first that needs it."""
    # napari compiles how labels are coloured when the first such layer is made, for a second.
    DirectLabelColormap(color_dict={None: "transparent"}).map(np.zeros((1, 1), np.uint8))
    if torch_is_here():
        warm_torch_up()
