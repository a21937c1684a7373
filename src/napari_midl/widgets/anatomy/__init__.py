"""The anatomy dock."""

from napari_midl.widgets.anatomy.dock import AnatomyDock

__all__ = ["AnatomyDock"]
