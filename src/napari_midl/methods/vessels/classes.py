"""The two classes of the vessel tool."""

from __future__ import annotations

from napari_midl.volumes.classes import Classes

VESSEL = "vessel"
CLASSES = Classes("background", VESSEL)
