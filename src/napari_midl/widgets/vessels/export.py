"""What can be saved: the mask for other programs, the numbers and the centre lines."""

from __future__ import annotations

from dataclasses import dataclass

from napari_midl.widgets.tool import export


@dataclass(frozen=True)
class Kind(export.Kind):
    """Something to save.

    Parameters
    ----------
    words, filter, ending
        As for `export.Kind`.
    name : str
        File that is proposed.
    is_mask : bool
        Whether it is of the voxels, and not of what was measured.
    """

    name: str = ""
    is_mask: bool = False


SUMMARY = Kind("Summary (CSV)…", "Tables (*.csv)", ".csv", "summary.csv")
BRANCHES = Kind("Table of branches (CSV)…", "Tables (*.csv)", ".csv", "branches.csv")
LINES = Kind("Centre lines (SWC)…", "SWC (*.swc)", ".swc", "vessels.swc")
TIFF = Kind(
    "Mask for Fiji (OME-TIFF)…", "TIFF (*.ome.tif *.tif)", ".ome.tif", "vessels.ome.tif", True
)
NIFTI = Kind(
    "Mask for 3D Slicer (NIfTI)…", "NIfTI (*.nii.gz *.nii)", ".nii.gz", "vessels.nii.gz", True
)
ZARR = Kind("Mask as OME-Zarr…", "OME-Zarr (*.ome.zarr)", ".ome.zarr", "vessels.ome.zarr", True)
GROUPS = ((SUMMARY, BRANCHES, LINES), (TIFF, NIFTI, ZARR))
