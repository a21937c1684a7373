"""The staining dock."""

from napari_midl.widgets.staining.dock import StainingDock

__all__ = ["StainingDock"]
