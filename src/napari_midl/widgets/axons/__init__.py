"""The axons dock."""

from napari_midl.widgets.axons.dock import AxonsDock

__all__ = ["AxonsDock"]
