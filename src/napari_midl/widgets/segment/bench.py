"""What the sections of the segmentation dock share."""

from __future__ import annotations

from typing import ClassVar

from napari_midl.widgets.tool.class_layers import ClassLayers
from napari_midl.widgets.tool.classes_bench import ClassesBench


class SegmentBench(ClassesBench[ClassLayers]):
    """Pictures and stacks, any classes, and what was found."""

    plane_will_do: ClassVar[bool] = True
    colours_will_do: ClassVar[bool] = True
