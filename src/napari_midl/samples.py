"""Sample data for the File menu: one image made here, one fetched once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    LayerData = tuple[Any, dict[str, Any], str]

# Where the landmarks of a sample lie, in the metadata of its layer.
LANDMARKS = "landmarks"
CACHE_VARIABLE = "NAPARI_MIDL_CACHE"
OCTA_FILE = "tubenet_octa_image.tif"
OCTA_SHA256 = "2190d129cdc29747f6a98841ad5219d9fdf91bc52c299e99ffaa50d71bb08faf"
# The hash decides; a second address helps where the first does not answer.
_OCTA_REPOSITORY = "https://raw.githubusercontent.com/natalie11/tUbeNet"
OCTA_ADDRESSES = (
    f"{_OCTA_REPOSITORY}/37e71e6/data/OCTA-Data.tif",
    f"{_OCTA_REPOSITORY}/98e0dcd8603c8839d7eb2b105f58c3f9bb962c0a/OCTA-Data.tif",
)


def synthetic_vessels(
    shape: tuple[int, int, int] = (48, 160, 160), seed: int = 7
) -> list[LayerData]:
    """Branching vessels as a microscope might show them, with the exact mask.

    Parameters
    ----------
    shape : tuple of int
        Size ``(z, y, x)`` in voxels.
    seed : int
        Seed of everything drawn at random.

    Returns
    -------
    list of LayerData
        An image (uint8, Z Y X, scaled in micrometres) and the hidden labels that are its
        truth (0 background, 1 vessel).
    """
    from napari_midl.engine.trees import synthetic_sample

    image, mask, voxel_size = synthetic_sample(shape=shape, seed=seed)
    place = {"scale": tuple(voxel_size), "units": ("um",) * 3}
    return [
        (image, {"name": "synthetic vessels", **place}, "image"),
        (mask.astype("uint8"), {"name": "synthetic truth", "visible": False, **place}, "labels"),
    ]


def synthetic_fibres() -> list[LayerData]:
    """Fibres with boutons, gaps and crossings as a two-photon microscope might show them.

    Returns
    -------
    list of LayerData
        An image (float32, Y X).
    """
    import numpy as np

    from napari_midl.methods.axons.synthetic import synthetic_image

    image, _ = synthetic_image("rich", np.random.default_rng(5), 512)
    return [(image, {"name": "synthetic fibres"}, "image")]


def synthetic_mandible() -> list[LayerData]:
    """A made-up person's mandible as a CT scanner might show it.

    Its 28 landmarks are written to ``synthetic mandible landmarks.csv`` in `cache_folder`, where
    the anatomy dock's *Open…* begins.

    Returns
    -------
    list of LayerData
        An image (int16, Z Y X, scaled in millimetres).

    Raises
    ------
    InputError
        If torch is missing, or the landmarks cannot be written.
    """
    try:
        from napari_midl.methods.anatomy.synthetic import VOXEL_SIZE, synthetic_scan
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise InputError(
            "the scan of a mandible is drawn by the shape model, which needs torch; pip install "
            "torch, then restart napari."
        ) from error
    from napari_midl.volumes.atomic import not_written
    from napari_midl.volumes.landmarks import write_landmarks

    image, landmarks, _ = synthetic_scan()
    path = cache_folder() / "synthetic mandible landmarks.csv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
    write_landmarks(path, landmarks)
    about = {"scale": VOXEL_SIZE, "units": ("mm",) * 3, "contrast_limits": (-400, 1200)}
    return [
        (
            image,
            {"name": "synthetic mandible", "metadata": {LANDMARKS: str(path)}, **about},
            "image",
        )
    ]


def synthetic_confocal(size: int = 1024) -> list[LayerData]:
    """Nuclei in fluorescence and speckled fibres in reflectance, as a confocal mosaic might be.

    Parameters
    ----------
    size : int
        Edge of the square mosaic, in pixels.

    Returns
    -------
    list of LayerData
        Two images (uint8, Y X, 0.75 micrometres a pixel): reflectance and fluorescence.
    """
    import numpy as np

    from napari_midl.methods.staining.synthetic import synthetic_mosaic

    mosaic = synthetic_mosaic((size, size), np.random.default_rng(3))
    place = {"scale": (0.75, 0.75), "units": ("um", "um"), "blending": "additive"}
    channels = {"reflectance": mosaic.reflectance, "fluorescence": mosaic.fluorescence}
    colours = {"reflectance": "red", "fluorescence": "green"}
    return [
        (
            (channel * 255).round().astype("uint8"),
            {"name": name, "colormap": colours[name], **place},
            "image",
        )
        for name, channel in channels.items()
    ]


def synthetic_cells(seed: int = 0) -> list[LayerData]:
    """Cells with bright nuclei in cytoplasm, as a fluorescence microscope might show them.

    Parameters
    ----------
    seed : int
        Seed of everything drawn at random.

    Returns
    -------
    list of LayerData
        An image (uint8, Y X).
    """
    from napari_midl.engine.cells import cells

    return [(cells(seed)[0], {"name": "synthetic cells"}, "image")]


def octa() -> list[LayerData]:
    """Optical coherence tomography angiography of a retina, from tUbe net's repository.

    Returns
    -------
    list of LayerData
        One image, 64 x 128 x 128 voxels (uint8, Z Y X). Its voxel size is not given.

    Raises
    ------
    InputError
        If it is not in the cache and cannot be downloaded.
    """
    return [(_read(fetch_octa()), {"name": "OCT-A retina"}, "image")]


def cache_folder() -> Path:
    """Where downloads are kept: ``NAPARI_MIDL_CACHE``, or the system's cache folder."""
    import pooch

    return Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("napari-midl"))


def fetch_octa() -> Path:
    """Path of the OCT-A stack, downloaded if it is not in the cache with the right hash.

    Raises
    ------
    InputError
        If it cannot be downloaded, or what comes down is another file.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder, reason = cache_folder(), ""
    for address in OCTA_ADDRESSES:
        try:
            return Path(pooch.retrieve(address, f"sha256:{OCTA_SHA256}", OCTA_FILE, folder))
        # requests' errors are OSErrors; a wrong hash is a ValueError.
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
    raise InputError(
        f"the sample {OCTA_FILE} could not be downloaded ({reason}); connect to the internet, or "
        f"put the file into {folder}."
    )


def _read(path: Path) -> NDArray[Any]:
    import tifffile

    return tifffile.imread(path)
