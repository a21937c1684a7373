"""Labels and stacks of vessels from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.volumes import labels
from napari_midl.volumes.laying import laid_on
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import scaling_around

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.methods.vessels.settings import FinetuneSettings
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume


def read_labels(path: Path, volume: Volume, dense: bool = False) -> list[Patch]:
    """Labels of vessel as `volumes.labels.read_labels` reads them."""
    return labels.read_labels(path, volume, CLASSES, dense)


def read_stacks(folder: Path, hold_out: str = "") -> list[tuple[Volume, Volume]]:
    """Pairs of image and mask in a folder, less those whose name contains `hold_out`.

    Raises
    ------
    InputError
        If there are none.
    """
    names = sorted(path.name.removesuffix("_image.tif") for path in folder.glob("*_image.tif"))
    chosen = [n for n in names if not hold_out or hold_out not in n]
    if not chosen:
        raise InputError(
            f"{folder} holds no pairs NAME_image.tif and NAME_label.tif; give a folder that does."
        )
    pairs = []
    for name in chosen:
        image = open_volume(folder / f"{name}_image.tif").spatial()
        mask = open_volume(folder / f"{name}_label.tif").spatial()
        pairs.append((image, laid_on(mask, image)))
    return pairs


def painted_on(
    volume: Volume, patches: Sequence[Patch], settings: FinetuneSettings | None = None
) -> PaintedVolume:
    """What is painted on a volume; by the settings, where there are some, part is held out."""
    scaling = scaling_around(volume, [patch.box for patch in patches])
    held_out = (settings.held_out, settings.seed) if settings is not None else ()
    return PaintedVolume(volume.data, scaling, patches, CLASSES, *held_out)
