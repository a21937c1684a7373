"""For each operation the smallest example: its options without ``out``, and the output's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

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


EXAMPLES: dict[str, Example] = {
    "vessels.finetune": vessels_finetune,
    "vessels.predict": vessels_predict,
    "vessels.pretrain": vessels_pretrain,
}
