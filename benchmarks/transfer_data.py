"""What learning with little is tried on: shared stacks, generated domains and a brain template.

All images are ``(C, Z, Y, X)`` in [0, 1], all truths are indices of classes.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import Scaling, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.classes import Classes

    Floats = NDArray[np.float32]

GAP = 16  # voxels between what is learnt and what is scored of one stack
GROUPS = {
    "octa": ("tubenet_octa",),
    "burgess": (
        "vesselnn_burgess2014_lowerRes_hiSNR",
        "vesselnn_burgess2014_noisySparseVessels",
        "vesselnn_burgess2014_bbbDisruption",
    ),
    "santos": (
        "vesselnn_santos2015_lowContrastVessels",
        "vesselnn_santos2015_mixedSizelowContrastVessels",
    ),
}
FOREIGN = "nerves"


@dataclass(frozen=True)
class Sample:
    """An image and what is true of it.

    Parameters
    ----------
    image : ndarray of float32, shape (C, Z, Y, X)
    truth : ndarray of int, shape (Z, Y, X)
        Index of the class.
    labels : ndarray of uint8, shape (Z, Y, X), optional
        What is revealed of it; all where None.
    """

    image: Floats
    truth: NDArray[Any]
    labels: NDArray[np.uint8] | None = None

    def painted(self, classes: Classes, seed: int = 0) -> PaintedVolume:
        """What is learnt from."""
        labels = self.labels if self.labels is not None else classes.from_indices(self.truth)
        patch = Patch((0, 0, 0), labels, "labels")
        scale = Scaling(0.0, 1.0)
        return PaintedVolume(
            self.image, scale, [patch], classes, 0.0, seed, channels=True, alone=False
        )

    def at_slice(self, z: int) -> Sample:
        """One slice of it as a picture."""
        return Sample(self.image[:, z : z + 1], self.truth[z : z + 1])

    def middle(self, most: Sequence[int]) -> Sample:
        """A box about its middle, of so many voxels along each axis at most."""
        whole = self.truth.shape
        box = tuple(slice(*_around(n // 2, m, n)) for n, m in zip(whole, most, strict=True))
        return Sample(self.image[(slice(None), *box)], self.truth[box])

    def revealing(
        self, count: int, size: Sequence[int], rng: np.random.Generator, classes: Classes
    ) -> Sample:
        """The same of which only some boxes are labelled, each around a voxel of another class."""
        labels = np.zeros(self.truth.shape, np.uint8)
        present = np.unique(self.truth)
        for box in range(count):
            places = np.argwhere(self.truth == present[-1 - box % len(present)])
            centre = places[rng.integers(len(places))]
            where = tuple(
                slice(*_around(int(c), n, whole))
                for c, n, whole in zip(centre, size, labels.shape, strict=True)
            )
            labels[where] = classes.from_indices(self.truth[where])
        return Sample(self.image, self.truth, labels)


@dataclass(frozen=True)
class Domain:
    """Where something is learnt and scored: halves of the same stacks, or other volumes."""

    name: str
    learnt: list[Sample]
    scored: list[Sample]


def _around(centre: int, size: int, whole: int) -> tuple[int, int]:
    size = min(size, whole)
    start = min(max(centre - size // 2, 0), whole - size)
    return start, start + size


def vessel_domains(folder: Path, most: Sequence[int] | None = None) -> list[Domain]:
    """The shared stacks by group, each cut in the middle of X, and the generated nerves.

    Of what is scored only `most` voxels about the middle are taken.
    """
    domains = []
    for group, names in GROUPS.items():
        learnt, scored = [], []
        for name in names:
            volume = open_volume(folder / f"{name}_image.tif").spatial()
            image = robust_scaling(volume)(np.asarray(volume.data))[None]
            mask = np.asarray(open_volume(folder / f"{name}_label.tif").spatial().data) > 0
            middle = image.shape[-1] // 2
            for into, half in (
                (learnt, slice(0, middle - GAP)),
                (scored, slice(middle + GAP, None)),
            ):
                into.append(Sample(image[..., half], mask[..., half].astype(np.uint8)))
        domains.append(Domain(group, learnt, scored))
    nerves = [nerve_volume(np.random.default_rng((77, k))) for k in range(4)]
    domains.append(Domain(FOREIGN, nerves[:2], nerves[2:]))
    if most is None:
        return domains
    return [Domain(d.name, d.learnt, [s.middle(most) for s in d.scored]) for d in domains]


def nerve_volume(rng: np.random.Generator, shape: Sequence[int] = (24, 160, 160)) -> Sample:
    """Thin parallel fibres that wave over striped muscle, brighter than they are."""
    z, y, x = np.indices(shape, np.float32)
    mask = np.zeros(shape, bool)
    angle = rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    for _ in range(int(rng.integers(24, 40))):
        middle = rng.uniform(across.min(), across.max())
        height = rng.uniform(2, shape[0] - 2)
        wave = rng.uniform(2, 8) * np.sin(along / rng.uniform(8, 30) + rng.uniform(0, 6))
        rise = rng.uniform(-0.05, 0.05) * (along - shape[2] / 2)
        radius = rng.uniform(1.0, 2.0)
        mask |= (across - middle - wave) ** 2 + (2 * (z - height - rise)) ** 2 < radius**2
    stripes = 0.5 + 0.5 * np.sin((across + 0.7 * z) / rng.uniform(1.6, 2.6))
    muscle = ndimage.gaussian_filter(rng.random(shape), (2, 12, 12))
    muscle = (muscle - muscle.min()) / np.ptp(muscle)
    image = (
        0.15
        + 0.55 * stripes * (muscle > 0.45)
        + 0.35 * ndimage.gaussian_filter(mask.astype(np.float32), (0.6, 0.7, 0.7))
    )
    image += rng.normal(0, 0.08, shape)
    return Sample(np.clip(image, 0, 1).astype(np.float32)[None], mask.astype(np.uint8))


@cache
def brain(wheel: Path) -> tuple[Floats, Floats, Floats]:
    """T1, grey and white matter of the MNI template in nilearn's wheel, in voxels of 2 mm."""
    import nibabel

    arrays = []
    with zipfile.ZipFile(wheel) as files:
        for kind in ("t1", "gm", "wm"):
            name = f"nilearn/datasets/data/mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
            stored = nibabel.Nifti1Image.from_bytes(_unzipped(files.read(name)))
            whole = np.asarray(stored.dataobj, np.float32).transpose(2, 1, 0)
            arrays.append(ndimage.zoom(whole / whole.max(), _to_two_mm(stored), order=1))
    t1, grey, white = arrays
    return t1, grey, white


def _unzipped(content: bytes) -> bytes:
    import gzip

    return gzip.GzipFile(fileobj=io.BytesIO(content)).read()


def _to_two_mm(stored: Any) -> list[float]:
    return [float(size) / 2 for size in stored.header.get_zooms()[:3][::-1]]


BRAIN = ("rest", "cortex", "deep grey", "white matter")


def brain_template(wheel: Path) -> Sample:
    """The template with four classes; grey matter within a box about the middle is deep."""
    t1, grey, white = brain(wheel)
    truth = np.zeros(t1.shape, np.uint8)
    truth[(grey > 0.5) & (grey >= white)] = 1
    middle = np.reshape((0.48, 0.52, 0.5), (3, 1, 1, 1))
    shape = np.reshape(t1.shape, (3, 1, 1, 1))
    z, y, x = np.abs(np.indices(t1.shape) / shape - middle)
    truth[(truth == 1) & (z < 0.1) & (y < 0.13) & (x < 0.2)] = 2
    truth[white > 0.5] = 3
    inside = tuple(slice(max(int(p.min()) - 4, 0), int(p.max()) + 5) for p in np.nonzero(truth))
    return Sample(t1[inside][None], truth[inside])


def deformed(sample: Sample, rng: np.random.Generator, how: float = 2.5) -> Sample:
    """Another person: bent smoothly, with other contrast, shading and noise."""
    shape = sample.truth.shape
    bend = [ndimage.gaussian_filter(rng.normal(size=shape), 10) for _ in range(3)]
    places = np.indices(shape, np.float32) + np.array([how * b / b.std() for b in bend])
    channels = (ndimage.map_coordinates(c, places, order=1, mode="nearest") for c in sample.image)
    image = np.stack(list(channels))
    truth = ndimage.map_coordinates(sample.truth, places, order=0, mode="nearest")
    shade = ndimage.gaussian_filter(rng.normal(size=shape), 14)
    shade = 1 + 0.25 * shade / np.abs(shade).max()
    image = image ** rng.uniform(0.7, 1.4) * shade * rng.uniform(0.85, 1.1)
    image += rng.normal(0, rng.uniform(0.03, 0.08), image.shape)
    return Sample(np.clip(image, 0, 1).astype(np.float32), truth.astype(np.uint8))


STRUCTURES = ("rest", *(f"structure {k}" for k in range(1, 10)))


def atlas(shape: Sequence[int] = (24, 88, 88)) -> Sample:
    """Nine structures about a middle; where two are equally bright, the place tells."""
    rng = np.random.default_rng(11)
    truth = np.zeros(shape, np.uint8)
    grid = [np.linspace(-1, 1, n) for n in shape]
    z, y, x = np.meshgrid(*grid, indexing="ij")
    body = (z / 0.9) ** 2 + (y / 0.8) ** 2 + (x / 0.85) ** 2 < 1
    seeds = rng.permutation(np.array(list(np.ndindex(1, 3, 3)))) * 0.5 - (0, 0.5, 0.5)
    seeds = seeds + rng.uniform(-0.15, 0.15, seeds.shape)
    far = [
        ((z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2) / (1 + 0.1 * k)
        for k, (a, b, c) in enumerate(seeds)
    ]
    nearest = np.argmin(far, axis=0)
    truth[body] = 1 + nearest[body]
    grey = np.array([0.1, 0.35, 0.6, 0.35, 0.8, 0.6, 0.45, 0.8, 0.25, 0.45], np.float32)
    image = ndimage.gaussian_filter(grey[truth], (0.5, 0.8, 0.8))
    return Sample(image[None], truth)


TUMOUR = ("healthy", "oedema", "core", "rim")


def head_slice(wheel: Path, rng: np.random.Generator, tumour: bool) -> Sample:
    """A slice of the template in two contrasts with lesions, or with a tumour of three parts."""
    t1, grey, white = brain(wheel)
    z = int(rng.integers(int(0.4 * t1.shape[0]), int(0.75 * t1.shape[0])))
    tissue = grey[z] + white[z]
    first = t1[z].copy()
    around = 0.9 * (1 - t1[z]) * (t1[z] > 0.1)
    second = np.where(tissue > 0.4, 0.25 + 0.5 * grey[z] + 0.25 * white[z], around)
    truth = np.zeros(first.shape, np.uint8)
    y, x = np.indices(first.shape, np.float32)
    places = np.argwhere((white[z] if not tumour else tissue) > 0.6)
    for _ in range(1 if tumour else int(rng.integers(3, 9))):
        cy, cx = places[rng.integers(len(places))]
        wobble = ndimage.gaussian_filter(rng.normal(size=first.shape), 4)
        far = np.hypot((y - cy) * rng.uniform(0.8, 1.25), (x - cx) * rng.uniform(0.8, 1.25))
        far = far * (1 + 1.2 * wobble / np.abs(wobble).max())
        if not tumour:
            truth[(far < rng.uniform(1.5, 4.0)) & (tissue > 0.5)] = 1
            continue
        size = rng.uniform(9, 16)
        for part, share in ((1, 1.0), (3, 0.62), (2, 0.42)):
            truth[(far < size * share) & (tissue > 0.3)] = part
    change = {1: (-0.12, 0.35), 2: (-0.35, 0.15), 3: (0.35, 0.2)} if tumour else {1: (-0.15, 0.4)}
    for part, (one, two) in change.items():
        first[truth == part] += one * rng.uniform(0.6, 1.2)
        second[truth == part] += two * rng.uniform(0.6, 1.2)
    shade = ndimage.gaussian_filter(rng.normal(size=first.shape), 20)
    shade = 1 + 0.25 * shade / np.abs(shade).max()
    image = np.stack([ndimage.gaussian_filter(c, 0.6) for c in (first, second)]) * shade
    image = image + rng.normal(0, rng.uniform(0.03, 0.08), image.shape)
    turned = slice(None, None, int(rng.choice([-1, 1])))
    image, truth = image[:, None, :, turned], truth[None, :, turned]
    return Sample(np.clip(image, 0, 1).astype(np.float32).copy(), truth.copy())


CELLS = ("background", "nucleus", "cytoplasm", "fibre")


def cells_picture(rng: np.random.Generator, size: int = 320) -> Sample:
    """Cells with nuclei among fibres as bright as the cells' bodies, on uneven ground."""
    y, x = np.indices((size, size), np.float32)
    truth = np.zeros((size, size), np.uint8)
    for _ in range(10):
        angle, at = rng.uniform(0, np.pi), rng.uniform(-size, size)
        line = y * np.cos(angle) - x * np.sin(angle) - at + 6 * np.sin(x / rng.uniform(12, 30))
        truth[np.abs(line) < rng.uniform(1.2, 2.5)] = 3
    for _ in range(45):
        cy, cx = rng.uniform(0, size, 2)
        far = np.hypot((y - cy) * rng.uniform(0.7, 1.3), (x - cx) * rng.uniform(0.7, 1.3))
        radius = rng.uniform(7, 14)
        truth[far < radius] = 2
        truth[far < 0.5 * radius] = 1
    light = np.array([0.2, 0.45, 0.6, 0.6], np.float32)[truth]
    texture = ndimage.gaussian_filter(rng.normal(size=truth.shape), 1)
    light += np.where(truth == 1, 0.12, 0.03) * texture / texture.std()
    ground = ndimage.gaussian_filter(rng.normal(size=truth.shape), 40)
    light = ndimage.gaussian_filter(light, 0.8) + 0.15 * ground / np.abs(ground).max()
    light += rng.normal(0, 0.07, truth.shape)
    return Sample(np.clip(light, 0, 1).astype(np.float32)[None, None], truth[None])
