"""What a stain is trained on: mosaics of a folder or synthetic ones, despeckled."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.folding import fold_batch_norm
from napari_midl.engine.jobs import Job, Progress
from napari_midl.errors import InputError
from napari_midl.methods.staining.apply import ready
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.pipeline import Despeckled, Exposed, Pipeline
from napari_midl.methods.staining.ports import SYNTHETIC, ChannelIn
from napari_midl.methods.staining.settings import DespeckleSettings
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model

SYNTHETIC_MOSAICS, SYNTHETIC_SHAPE = 12, (640, 640)
FLUORESCENCE, REFLECTANCE = "_fluorescence", "_reflectance"


def read_mosaics(folder: Path) -> dict[str, Mosaic]:
    """The mosaics of a folder by name; a channel without its other is left out.

    Raises
    ------
    InputError
        If there are none, or one cannot be read.
    """
    paths = {path.name: path for path in sorted(folder.glob("*"))}
    found = {}
    for name, path in paths.items():
        other = paths.get(name.replace(FLUORESCENCE, REFLECTANCE))
        if FLUORESCENCE in name and other is not None:
            channels = [ChannelIn(each).open() for each in (path, other)]
            found[name.split(FLUORESCENCE)[0]] = Mosaic(channels)
    if not found:
        raise InputError(
            f"{folder} holds no pairs NAME_fluorescence.tif and NAME_reflectance.tif; give a "
            "folder that does."
        )
    return found


def synthetic_mosaics(seed: int) -> dict[str, Mosaic]:
    """Mosaics that are drawn, by name."""
    made = {}
    for index in range(SYNTHETIC_MOSAICS):
        drawn = synthetic_mosaic(SYNTHETIC_SHAPE, np.random.default_rng((seed, index)))
        channels = [Volume.from_array(c[None]) for c in (drawn.fluorescence, drawn.reflectance)]
        made[f"{SYNTHETIC} {index}"] = Mosaic(channels)
    return made


def despeckled(mosaic: Mosaic, despeckler: Model) -> Job[NDArray[np.float32]]:
    """Both channels ``(2, Y, X)`` in [0, 1], the reflectance despeckled and exposed."""
    stages = Despeckled(fold_batch_norm(despeckler.network)), Exposed()
    streamed = yield from ready(mosaic, Pipeline(*stages), DespeckleSettings())
    tiling = streamed.tiling
    whole = np.zeros((2, *mosaic.shape), np.float32)
    for index in range(len(tiling)):
        yield Progress(index, len(tiling), "despeckling")
        core = tiling.core(index)
        whole[(slice(None), *core)] = streamed.look(core)
    return whole[:, 0]


def fingerprints(images: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """What tells each image from another, by name."""
    return {
        name: {"fingerprint": hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()}
        for name, image in images.items()
    }
