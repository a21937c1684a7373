"""The two classes of the vessel tool, and what a correction of a result says."""

from __future__ import annotations

from napari_midl.volumes.classes import Classes

VESSEL = "vessel"
CLASSES = Classes("background", VESSEL)
CORRECTIONS = Classes("not vessel", VESSEL, colours={"not vessel": "#35c4e8", VESSEL: "#f0c419"})
