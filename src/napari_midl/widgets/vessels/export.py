"""Saving what was found: the mask for other programs, the numbers and the centre lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu, QPushButton

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QAction


@dataclass(frozen=True)
class Kind:
    """Something to save.

    Parameters
    ----------
    words : str
        What the menu says.
    name : str
        File that is proposed.
    filter : str
        Qt's filter; its first word stands for `ending`.
    ending : str
        Of a name without one.
    is_mask : bool
        Whether it is of the voxels, and not of what was measured.
    """

    words: str
    name: str
    filter: str
    ending: str
    is_mask: bool = False


SUMMARY = Kind("Summary (CSV)…", "summary.csv", "Tables (*.csv)", ".csv")
BRANCHES = Kind("Table of branches (CSV)…", "branches.csv", "Tables (*.csv)", ".csv")
LINES = Kind("Centre lines (SWC)…", "vessels.swc", "SWC (*.swc)", ".swc")
TIFF = Kind(
    "Mask for Fiji (OME-TIFF)…", "vessels.ome.tif", "TIFF (*.ome.tif *.tif)", ".ome.tif", True
)
NIFTI = Kind(
    "Mask for 3D Slicer (NIfTI)…", "vessels.nii.gz", "NIfTI (*.nii.gz *.nii)", ".nii.gz", True
)
ZARR = Kind("Mask as OME-Zarr…", "vessels.ome.zarr", "OME-Zarr (*.ome.zarr)", ".ome.zarr", True)
KINDS = (SUMMARY, BRANCHES, LINES, TIFF, NIFTI, ZARR)


class ExportButton(QPushButton):
    """One button whose menu has all kinds.

    Parameters
    ----------
    chosen : callable
        Called with the kind.
    """

    def __init__(self, chosen: Callable[[Kind], object]) -> None:
        super().__init__("Export…")
        self.setToolTip("Save the numbers, the centre lines or the mask for another program")
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.kinds: dict[Kind, QAction] = {}
        for kind in KINDS:
            if kind is TIFF:
                self._menu.addSeparator()
            action = self._menu.addAction(kind.words)
            assert action is not None
            action.triggered.connect(lambda _=False, kind=kind: chosen(kind))
            self.kinds[kind] = action
        self.setMenu(self._menu)

    def offer(self, can: Callable[[Kind], str]) -> None:
        """Grey what cannot be saved; `can` says why not, or nothing."""
        reasons = {kind: can(kind) for kind in self.kinds}
        for kind, why in reasons.items():
            self.kinds[kind].setEnabled(not why)
            self.kinds[kind].setToolTip(why)
        self.setEnabled(not all(reasons.values()))
