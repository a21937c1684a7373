"""The vessels dock."""

from napari_midl.widgets.vessels.dock import VesselsDock

__all__ = ["VesselsDock"]
