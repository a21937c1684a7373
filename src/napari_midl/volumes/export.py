"""Images as files of other programs, by the ending of their name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.volumes import nifti

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.volumes.space import Space

TIFF = (".tif", ".tiff")
FILES = (*nifti.ENDINGS, *TIFF)


def write_image(array: Any, space: Space, path: Path, about: str = "") -> None:
    """Write voxels with their size and place, a few planes at a time.

    Parameters
    ----------
    array : Lazy, zarr.Array or ndarray
        Axes ``Z Y X``.
    space : Space
        Where they lie.
    path : Path
        Ends in one of `FILES`; a TIFF becomes an OME-TIFF.
    about : str
        What the file is to say of itself, for a person.

    Raises
    ------
    InputError
        If the voxels cannot be read or the file cannot be written.
    """
    if path.name.endswith(TIFF):
        from napari_midl.volumes.tiff_out import write_tiff

        write_tiff(array, space, path, about=about)
    else:
        nifti.write_nifti(array, space, path, about)
