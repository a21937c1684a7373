"""The dock of the segmentation tool."""

from napari_midl.widgets.segment.dock import SegmentDock

__all__ = ["SegmentDock"]
