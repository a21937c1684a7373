"""What the sections of the segmentation dock share."""

from __future__ import annotations

from typing import ClassVar

from napari_midl.widgets.segment.layers import SegmentationLayers
from napari_midl.widgets.tool.classes_bench import ClassesBench


class SegmentBench(ClassesBench[SegmentationLayers]):
    """Pictures and stacks, any classes, and what was found."""

    plane_will_do: ClassVar[bool] = True
    colours_will_do: ClassVar[bool] = True
