"""Synthetic vessel volumes with their exact masks, so that pre-training needs no data.

Trees grow as branching random walks with tapering radii and are drawn as chains of
capsules in physical space, so that thin vessels and anisotropic voxels come out right.
The appearance (blur along the axis, noise, uneven stain, hollow walls, background
bodies, vessels out of focus) is then drawn around the same geometry. The idea that
synthetic trees transfer to real stacks is that of Paetzold et al., MIDL 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int, int, int]
FAR = 8.0
Segment = tuple[Any, Any, float, float]


@dataclass(frozen=True)
class Appearance:
    """How a synthetic volume is imaged, in units of an in-plane pixel.

    Parameters
    ----------
    anisotropy : float
        Height of a voxel over its width.
    blur : float
        Standard deviation of the in-plane blur.
    axial_blur : float
        Standard deviation of the blur along Z.
    noise : float
        Standard deviation of the Gaussian noise; the photon noise comes on top.
    streaks : float
        Standard deviation of an offset that each scan line gets.
    photons : float
        Photons in a voxel of full intensity.
    contrast : float
        Intensity of the brightest vessels over the background.
    hollow : float
        Share of the thick vessels of which only the wall is stained.
    trees : int
        Number of trees in the volume.
    radius : (float, float)
        Range of the radii at the trees' roots.
    bodies : int
        Number of bright background bodies that are no vessels.
    out_of_focus : int
        Number of blurred trees that are not labelled.
    """

    anisotropy: float
    blur: float
    axial_blur: float
    noise: float
    streaks: float
    photons: float
    contrast: float
    hollow: float
    trees: int
    radius: tuple[float, float]
    bodies: int
    out_of_focus: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Appearance:
        """An appearance somewhere between optical, photoacoustic and two-photon stacks."""
        anisotropy = float(rng.choice([1.0, 1.0, 2.0, 3.0, 5.0, 8.0]))
        thick = _log_uniform(rng, 1.5, 26.0)
        return cls(
            anisotropy=anisotropy,
            blur=rng.uniform(0.4, 1.4),
            axial_blur=rng.uniform(0.5, 2.0) * max(1.0, anisotropy / 2),
            noise=_log_uniform(rng, 0.004, 0.1),
            streaks=float(rng.choice([0.0, 1.0])) * _log_uniform(rng, 0.01, 0.08),
            photons=_log_uniform(rng, 10, 3000),
            contrast=rng.uniform(0.25, 1.0),
            hollow=float(rng.choice([0.0, 0.0, 0.5, 1.0])),
            trees=int(np.clip(rng.uniform(10, 60) / thick, 2, 10)),
            radius=(max(1.0, rng.uniform(0.15, 0.5) * thick), thick),
            bodies=int(rng.integers(0, 14)),
            out_of_focus=int(rng.integers(0, 4)),
        )


def synthetic_volume(
    shape: Shape, rng: np.random.Generator, appearance: Appearance | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_], tuple[float, float, float]]:
    """Draw one volume.

    Parameters
    ----------
    shape : tuple of int
        Voxels along ``Z, Y, X``.
    rng : numpy.random.Generator
        Source of the randomness.
    appearance : Appearance, optional
        How it is imaged; drawn at random by default.

    Returns
    -------
    image : ndarray of float32, shape (Z, Y, X)
        Intensities in [0, 1].
    mask : ndarray of bool, shape (Z, Y, X)
        True inside a vessel, the lumen of hollow ones included.
    voxel_size : tuple of float
        Size of a voxel ``(z, y, x)``, in in-plane pixels.
    """
    look = appearance or Appearance.draw(rng)
    voxel_size = (look.anisotropy, 1.0, 1.0)
    distance, stain = _draw_trees(shape, voxel_size, look, look.trees, rng)
    mask = distance < 0
    sharp = _profile(distance, look, rng) * stain
    image = look.contrast * _blur(sharp, look.blur, look.axial_blur / look.anisotropy)
    if look.out_of_focus:
        far, faint = _draw_trees(shape, voxel_size, look, look.out_of_focus, rng)
        haze = _blur((far < 0) * faint, look.blur * 4, max(2.0, 6 / look.anisotropy))
        image += look.contrast * rng.uniform(0.2, 0.5) * haze * (distance > 3)
    image += _background(shape, look, rng)
    image *= 1 - rng.uniform(0, 0.5) * _smooth_field(shape, rng)
    image *= np.linspace(1, rng.uniform(0.6, 1), shape[0], dtype=np.float32)[:, None, None]
    image = rng.poisson(np.clip(image, 0, None) * look.photons) / look.photons
    image += rng.normal(0, look.noise, shape)
    image += rng.normal(0, look.streaks, (*shape[:2], 1))
    if rng.random() < 0.4:
        image = ndimage.gaussian_filter(image, (0, 0.6, 0.6))
    low, high = np.percentile(image, (0.5, 99.8))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return scaled, mask, voxel_size


def synthetic_sample(
    shape: Shape = (48, 160, 160), seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[float, float, float]]:
    """The built-in sample: a two-photon-like stack with voxels of 2 x 1 x 1 micrometres.

    Returns
    -------
    image : ndarray of uint8, shape (Z, Y, X)
    mask : ndarray of bool, shape (Z, Y, X)
    voxel_size : tuple of float
        Micrometres ``(z, y, x)``.
    """
    look = Appearance(
        anisotropy=2.0,
        blur=0.8,
        axial_blur=2.0,
        noise=0.06,
        streaks=0.02,
        photons=25.0,
        contrast=0.6,
        hollow=0.3,
        trees=7,
        radius=(2.5, 6.0),
        bodies=10,
        out_of_focus=2,
    )
    image, mask, voxel_size = synthetic_volume(shape, np.random.default_rng(seed), look)
    return (image * 255).astype(np.uint8), mask, voxel_size


def _draw_trees(
    shape: Shape,
    voxel_size: tuple[float, float, float],
    look: Appearance,
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Signed distance to the nearest vessel's surface, and that vessel's stain."""
    distance = np.full(shape, FAR, np.float32)
    stain = np.zeros(shape, np.float32)
    size = np.array(shape) * voxel_size
    for _ in range(count):
        brightness = rng.uniform(0.35, 1.0)
        for start, end, r0, r1 in _grow(size, look, rng):
            _draw_capsule(distance, stain, brightness, start, end, r0, r1, np.array(voxel_size))
    return distance, stain


def _grow(size: NDArray[np.float64], look: Appearance, rng: np.random.Generator) -> list[Segment]:
    """Segments ``(start, end, radius, radius)`` of one branching, tapering tree."""
    segments: list[Segment] = []
    flatten = np.array([min(1.0, size[0] / size[1:].mean() + 0.1), 1.0, 1.0])
    root = rng.uniform(0, 1, 3) * size
    heading = _unit(rng.normal(size=3) * flatten)
    tips = [(root, heading, rng.uniform(*look.radius)), (root, -heading, rng.uniform(*look.radius))]
    while tips and len(segments) < 220:
        point, heading, radius = tips.pop(rng.integers(len(tips)))
        curvature = rng.uniform(0.05, 0.35)
        for _ in range(int(rng.integers(4, 26))):
            step = max(2.0, 0.6 * radius)
            heading = _unit(heading + curvature * rng.normal(size=3) * flatten)
            following, thinner = point + step * heading, max(0.7, radius * rng.uniform(0.97, 1.01))
            segments.append((point, following, radius, thinner))
            point, radius = following, thinner
            if np.any(point < -6) or np.any(point > size + 6):
                break
        else:
            # Murray's law: the cubes of the daughters' radii sum to the parent's.
            share = rng.uniform(0.25, 0.75)
            for part in (share, 1 - share):
                turn = rng.uniform(0.3, 0.9) * rng.normal(size=3) * flatten
                if radius * part ** (1 / 3) > 0.7:
                    tips.append((point, _unit(heading + turn), radius * part ** (1 / 3)))
    return segments


def _draw_capsule(
    distance: NDArray[np.float32],
    stain: NDArray[np.float32],
    brightness: float,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    r0: float,
    r1: float,
    voxel_size: NDArray[np.float64],
) -> None:
    """Lower `distance` to that of a tapering capsule, and note the stain where it is nearest."""
    reach = max(r0, r1) + 3
    low = np.floor((np.minimum(start, end) - reach) / voxel_size).astype(int).clip(0)
    high = np.ceil((np.maximum(start, end) + reach) / voxel_size).astype(int) + 1
    high = np.minimum(high, distance.shape)
    if np.any(low >= high):
        return
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    axes = [np.arange(a, b) * v for a, b, v in zip(low, high, voxel_size, strict=True)]
    offsets = np.meshgrid(
        *[a - s for a, s in zip(axes, start, strict=True)], indexing="ij", sparse=True
    )
    along = end - start
    t = sum(o * a for o, a in zip(offsets, along, strict=True)) / max(along @ along, 1e-9)
    t = np.clip(t, 0, 1)
    squared = sum((o - t * a) ** 2 for o, a in zip(offsets, along, strict=True))
    field = (np.sqrt(squared) - (r0 + (r1 - r0) * t)).astype(np.float32)
    nearer = field < distance[box]
    distance[box][nearer] = field[nearer]
    stain[box][nearer] = brightness


def _profile(
    distance: NDArray[np.float32], look: Appearance, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Stain across a vessel: filled, or only the wall where it is hollow and thick."""
    filled: NDArray[np.float32] = np.clip(0.5 - distance, 0, 1)
    if rng.random() >= look.hollow:
        return filled
    wall = rng.uniform(1.0, 2.0)
    lumen = np.clip(-distance - wall, 0, 1)
    profile: NDArray[np.float32] = filled - rng.uniform(0.4, 0.95) * lumen
    return profile


def _background(shape: Shape, look: Appearance, rng: np.random.Generator) -> NDArray[np.float32]:
    """Tissue glow, and bodies such as cells that are bright but no tubes."""
    glow = rng.uniform(0.02, 0.35) + rng.uniform(0, 0.25) * _smooth_field(shape, rng)
    texture = _blur(rng.normal(size=shape).astype(np.float32), 1.5, 1.0)
    glow += rng.uniform(0, 0.06) * texture / max(float(texture.std()), 1e-6)
    for _ in range(look.bodies):
        centre = rng.uniform(0, 1, 3) * shape
        radii = rng.uniform(1.5, 7.0, 3) / (look.anisotropy, 1, 1) + 0.3
        reach = np.ceil(2 * radii).astype(int)
        low = np.maximum(centre.astype(int) - reach, 0)
        high = np.minimum(centre.astype(int) + reach + 1, shape)
        grid = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        r2 = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True))
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        glow[box] += look.contrast * rng.uniform(0.2, 0.7) * np.exp(-r2)
    return np.asarray(glow, np.float32)


def _smooth_field(shape: Shape, rng: np.random.Generator) -> NDArray[np.float32]:
    """A slowly varying random field in [0, 1]."""
    coarse = rng.random((3, 4, 4))
    field = ndimage.zoom(coarse, [n / c for n, c in zip(shape, coarse.shape, strict=True)], order=1)
    cut = field[: shape[0], : shape[1], : shape[2]]
    return np.asarray(np.clip(cut, 0, 1), np.float32)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _blur(image: NDArray[np.float32], planar: float, axial: float) -> NDArray[np.float32]:
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(
        np.asarray(image, np.float32), (axial, planar, planar)
    )
    return blurred


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit
