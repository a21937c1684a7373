"""For each operation the smallest example: its options without ``out``, and the output's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from imageio import v3 as imageio

from napari_midl.methods.staining.review import Field, review_path, write_review
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.ome_zarr import OmeZarrImage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Example = Callable[[Path], tuple[dict[str, Any], str]]


def vessel_image(folder: Path) -> Path:
    """Two bright tubes in a stack of 12 x 48 x 48 voxels."""
    path = folder / "vessels.tif"
    z, y, x = np.indices((12, 48, 48))
    tubes = ((z - 6) ** 2 + (y - 14) ** 2 < 16) | ((z - 5) ** 2 + (x - 36) ** 2 < 9)
    noise = np.random.default_rng(0).normal(60, 12, tubes.shape)
    tifffile.imwrite(path, np.clip(noise + 110 * tubes, 0, 255).astype(np.uint8))
    return path


def vessel_labels(folder: Path) -> Path:
    """A few strokes on that stack."""
    path = folder / "labels.tif"
    labels = np.zeros((12, 48, 48), np.uint8)
    labels[6, 8:40, 4:30] = 1
    labels[6, 12:17, 4:30] = 2
    tifffile.imwrite(path, labels)
    return path


def vessels_finetune(folder: Path) -> tuple[dict[str, Any], str]:
    options = {
        "image": vessel_image(folder),
        "labels": vessel_labels(folder),
        "model": "scratch",
        "steps": 2,
        "patch": (8, 16, 16),
        "batch": 1,
        "held_out": 0.0,
    }
    return options, "model.safetensors"


def vessels_predict(folder: Path) -> tuple[dict[str, Any], str]:
    return {"image": vessel_image(folder), "tile": (12, 32, 48)}, "vessels.ome.zarr"


def vessels_pretrain(folder: Path) -> tuple[dict[str, Any], str]:
    stacks = folder / "stacks"
    stacks.mkdir()
    image, labels = vessel_image(folder), vessel_labels(folder)
    image.rename(stacks / "a_image.tif")
    labels.rename(stacks / "a_label.tif")
    options = {"stacks": stacks, "steps": 2, "patch": (8, 16, 16), "batch": 1, "real_share": 1.0}
    return options, "base.safetensors"


def vessel_prediction(folder: Path) -> Path:
    """A prediction of 5 x 20 x 24 voxels: a tube of probability 0.9, with 0.4 around it."""
    image = OmeZarrImage.create(
        folder / "prediction.ome.zarr",
        shape=(1, 5, 20, 24),
        dtype="float32",
        axes="CZYX",
        scale=(1, 2, 1, 1),
        units=(None, *("micrometer",) * 3),
        chunks=(1, 5, 20, 24),
        channels=("vessel probability",),
    )
    probability = np.zeros((1, 5, 20, 24), np.float32)
    probability[:, 1:4, 6:13, 2:22], probability[:, 2, 8:11, 3:20] = 0.4, 0.9
    image.write((slice(None),) * 4, probability)
    return image.path


def vessels_labels(folder: Path) -> tuple[dict[str, Any], str]:
    return {"prediction": vessel_prediction(folder), "threshold": 0.3}, "labels.ome.zarr"


def vessels_analyse(folder: Path) -> tuple[dict[str, Any], str]:
    return {"mask": vessel_prediction(folder), "threshold": 0.3}, "lines.swc"


def vessels_propose(folder: Path) -> tuple[dict[str, Any], str]:
    options = {
        "image": vessel_image(folder),
        "labels": vessel_labels(folder),
        "candidates": 3,
        "side": 8,
    }
    return options, "places.csv"


def mosaic_channels(folder: Path) -> tuple[Path, Path]:
    """Reflectance and fluorescence of 80 x 90 pixels."""
    drawn = synthetic_mosaic((80, 90), np.random.default_rng(4))
    paths = folder / "one_reflectance.tif", folder / "one_fluorescence.tif"
    for path, channel in zip(paths, (drawn.reflectance, drawn.fluorescence), strict=True):
        tifffile.imwrite(path, (channel * 4000).astype(np.uint16))
    return paths


def slide(folder: Path) -> Path:
    """Pink with blue nuclei."""
    picture = np.full((70, 70, 3), (230, 150, 190), np.uint8)
    picture += np.random.default_rng(0).integers(0, 20, picture.shape, np.uint8)
    picture[10:30, 10:50] = (90, 70, 160)
    path = folder / "slide.png"
    imageio.imwrite(path, picture)
    return path


def slides(folder: Path) -> Path:
    """A folder of one slide."""
    path = folder / "slides"
    path.mkdir()
    slide(path)
    return path


def staining_stain(folder: Path) -> tuple[dict[str, Any], str]:
    reflectance, fluorescence = mosaic_channels(folder)
    options = {
        "reflectance": reflectance,
        "fluorescence": fluorescence,
        "reference": slide(folder),
        "method": "beer-lambert",
        "keep_speckle": True,
        "tile": 64,
    }
    return options, "stain.ome.zarr"


def staining_despeckle(folder: Path) -> tuple[dict[str, Any], str]:
    return {"reflectance": mosaic_channels(folder)[0], "tile": 64}, "clean.ome.zarr"


def staining_train(folder: Path) -> tuple[dict[str, Any], str]:
    mosaics = folder / "mosaics"
    mosaics.mkdir()
    mosaic_channels(mosaics)
    options = {"slides": slides(folder), "confocal": str(mosaics), "steps": 2, "crop": 32}
    return options, "stain.safetensors"


def staining_train_despeckler(folder: Path) -> tuple[dict[str, Any], str]:
    options = {"slides": slides(folder), "steps": 2, "crop": 32, "batch": 1}
    return options, "despeckler.safetensors"


def staining_match(folder: Path) -> tuple[dict[str, Any], str]:
    return {"slide": slide(folder)}, "stains.json"


def staining_export_review(folder: Path) -> tuple[dict[str, Any], str]:
    path = folder / "stain.ome.zarr"
    image = OmeZarrImage.create(
        path,
        shape=(3, 60, 70),
        dtype="uint8",
        axes="CYX",
        scale=(1, 1, 1),
        units=(None,) * 3,
        chunks=(3, 60, 70),
        channels=("red", "green", "blue"),
    )
    image.write((slice(None),) * 3, np.full((3, 60, 70), 120, np.uint8))
    write_review([Field(0, 0, 60, 70, 0.0, "accepted", "good")], review_path(path))
    return {"stain": path}, "review"


EXAMPLES: dict[str, Example] = {
    "vessels.finetune": vessels_finetune,
    "vessels.predict": vessels_predict,
    "vessels.pretrain": vessels_pretrain,
    "vessels.labels": vessels_labels,
    "vessels.analyse": vessels_analyse,
    "vessels.propose": vessels_propose,
    "staining.stain": staining_stain,
    "staining.despeckle": staining_despeckle,
    "staining.train": staining_train,
    "staining.train-despeckler": staining_train_despeckler,
    "staining.match": staining_match,
    "staining.export-review": staining_export_review,
}
