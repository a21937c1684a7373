"""Training a generator: `train` learns the shape model, then the network beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from torch import Tensor

from napari_midl.engine.devices import pick_device
from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.models import Model
from napari_midl.engine.pretraining import made_by
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.training import Schedule
from napari_midl.engine.training import train as fit
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import Points, generalised_procrustes, similarity
from napari_midl.methods.anatomy.evidence import Shapes, weigh
from napari_midl.methods.anatomy.models import TOOL
from napari_midl.methods.anatomy.network import GRID, CoefficientNetwork, Generator, dice_loss
from napari_midl.methods.anatomy.registration import in_correspondence, mirrored
from napari_midl.methods.anatomy.shape_model import ShapeModel
from napari_midl.volumes.grids import mask
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.methods.anatomy.settings import TrainSettings
    from napari_midl.methods.anatomy.shapes import Shape
    from napari_midl.methods.anatomy.template import Template

    Loss = Callable[[Tensor, Tensor], Tensor]
    Draw = Callable[[np.random.Generator, int], tuple[Tensor, Tensor]]

BATCH, VOXEL_BATCH = 64, 2
MOST_MESHES = 8
# The paper turns each sample anew; voxels of some turns are kept, since filling takes longest.
TURNS = 4


def train(
    shapes: Sequence[Shape],
    template: Template,
    settings: TrainSettings,
    checkpoint: Checkpoint | None = None,
    *,
    teeth: Points | None = None,
    enough: Callable[[], bool] = lambda: False,
    exactly: int | None = None,
) -> Job[Model]:
    """Learn to generate shapes of a kind.

    Parameters
    ----------
    shapes : sequence of Shape
        At least one. The real ones, or some of many, are warped to landmarks and left out in
        turn to measure the doubt; those that were warped from others say how people vary.
    template : Template
        Their landmarks.
    settings : TrainSettings
        Which network, how long.
    checkpoint : Checkpoint, optional
        Where the state of the training is kept, and from where a stopped one goes on.
    teeth : ndarray, shape (t, 3), optional
        Vertices of the first shape that are teeth, which a generated shape may lack.
    enough : callable
        Once true, the training ends and keeps what it has.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Model
        Returned by the generator.

    Raises
    ------
    InputError
        If a landmark is placed on no shape.
    """
    shapes = yield from in_correspondence(shapes)
    yield Progress(0, 0, "learning the shape model")
    landmarks, surfaces = aligned(shapes, template)
    faces = shapes[0].mesh.faces
    real = _to_warp(shapes)
    held = Shapes(
        landmarks,
        surfaces,
        (yield from _mirrored(surfaces, landmarks, faces, real, template)),
        faces,
        _origins(shapes),
        real,
        template.partners,
        settings.modes,
    )
    model = yield from elsewhere(held.people, "learning the shape model")
    evidence, warps = (yield from weigh(held, settings.seed)), held.meshes()
    sizes = (len(model.mean_landmarks), len(model.surface_modes), len(model.mean_surface))
    with WeightsFrom(settings.seed):
        generator = Generator(settings.preset, *sizes, len(faces), len(warps[0]))
    generator.keep(
        **{name: getattr(model, name) for name in ShapeModel.__dataclass_fields__},
        faces=faces,
        mesh_surfaces=warps[0],
        mesh_landmarks=warps[1],
        landmark_covariance=evidence.landmarks.covariance,
        placing=evidence.landmarks.placing,
        warp_rest=evidence.rest,
        teeth=_nearest_of(shapes[0].mesh, teeth),
    )
    loss: Loss
    if isinstance(generator.network, CoefficientNetwork):
        generator.network.initialise_from(model)
        noise = settings.noise * evidence.landmarks.placing / evidence.landmarks.placing.mean()
        draw, loss = coefficient_batches(model, landmarks, surfaces, noise), weighted_squares
    else:
        draw, loss = voxel_batches(landmarks, surfaces, faces, template, settings.seed), dice_loss
    device, rate = pick_device(settings.device), settings.learning_rate
    trained = yield from fit(
        Supervised(generator.network.train(), loss, rate, settings.half_life, draw=draw),
        Schedule.of(settings, exactly=exactly),
        device=device,
        enough=enough,
        checkpoint=checkpoint,
    )
    generator.network = trained.network.cpu()
    card = {
        "tool": TOOL,
        "architecture": generator.architecture,
        "name": f"{template.name} generator",
        "template": template.to_dict(),
        "shapes": len(shapes),
        **made_by(settings, trained.steps),
        "spread_ratio": evidence.ratio,
        "meshes": [shapes[i].name for i in real],
        "training_data": [f"{len(shapes)} shapes of a {template.name}"],
    }
    return Model(generator.eval(), card)


def aligned(shapes: Sequence[Shape], template: Template) -> tuple[Points, Points]:
    """Landmarks ``(m, n, 3)`` and vertices ``(m, V, 3)``, by similarity on the mean."""
    landmarks = np.stack([shape.landmarks for shape in shapes])
    never = ~np.isfinite(landmarks).all(2).any(0)
    if never.any():
        raise InputError(
            f"{template.names[int(never.argmax())]!r} is placed on none of the shapes; place it, "
            "or leave it out of the template."
        )
    vertices = np.stack([shape.mesh.vertices for shape in shapes])
    _, mean = generalised_procrustes(landmarks)
    mean = _upright(mean, template.partners)
    laid = [similarity(marks, mean) for marks in landmarks]
    moved = [
        np.stack([lay(points) for lay, points in zip(laid, sets, strict=True)])
        for sets in (landmarks, vertices)
    ]
    return moved[0], moved[1]


def _upright(mean: Points, partners: NDArray[np.int64]) -> Points:
    """Points turned so that they are mirrored to their partners at x = 0, if they have any."""
    across = (mean - mean[partners])[partners > np.arange(len(mean))]
    if not len(across):
        return mean
    way = np.linalg.svd(across)[2][0]
    turn, _ = Rotation.align_vectors([[np.copysign(1.0, way[0]), 0, 0]], [way])
    turned = turn.apply(mean)
    middle = (turned + turned[partners])[:, 0].mean() / 2
    return np.asarray(turned - [middle, 0, 0])


def coefficient_batches(
    model: ShapeModel, landmarks: Points, surfaces: Points, noise: NDArray[np.float64]
) -> Draw:
    """Batches of offsets of landmarks, and the coefficients that the whole shape has."""
    modes = model.surface_modes.reshape(len(model.surface_modes), -1)
    strength = (modes**2).sum(1)
    centred = (surfaces - model.mean_surface).reshape(len(surfaces), -1)
    coefficients = torch.from_numpy(centred @ modes.T / strength).float()
    offsets = torch.from_numpy(landmarks - model.mean_landmarks).float()
    weights = torch.from_numpy(strength / strength.sum()).float()

    def draw(rng: np.random.Generator, _: int) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(rng.integers(len(offsets), size=BATCH))
        moved = torch.from_numpy(
            rng.normal(0, 1, (BATCH, *offsets.shape[1:])) * noise[:, None]
        ).float()
        targets = torch.stack([coefficients[chosen], weights.expand(BATCH, -1)], -1)
        return offsets[chosen] + moved, targets

    return draw


def weighted_squares(coefficients: Tensor, targets: Tensor) -> Tensor:
    """Squared error of the coefficients, weighted by how far each mode moves the surface.

    Parameters
    ----------
    coefficients : Tensor, shape (B, K)
        Of the network.
    targets : Tensor, shape (B, K, 2)
        True coefficients, and weights that sum to 1.
    """
    errors = (coefficients - targets[..., 0]).square() * targets[..., 1]
    return errors.sum(1).mean()


def voxel_batches(
    landmarks: Points,
    surfaces: Points,
    faces: NDArray[np.int32],
    template: Template,
    seed: int = 0,
) -> Draw:
    """Batches of landmarks and occupancies, mirrored, turned and shifted (section 3.3)."""
    partners = template.partners
    mean = landmarks.mean(0)
    grid = Space((1.0, 1.0, 1.0), MM, (-(GRID - 1) / 2,) * 3)
    kept: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def turned(k: int, turn: int) -> tuple[Points, NDArray[np.uint8]]:
        """Landmarks and voxels of a shape about the vertical axis."""
        angle = np.random.default_rng((seed, k, turn)).normal(0, 0.1)
        matrix = np.array(
            [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        )
        if (k, turn) not in kept:
            filled = mask(Mesh(surfaces[k] @ matrix, faces), (GRID,) * 3, grid)
            kept[k, turn] = np.packbits(filled)
        voxels = np.unpackbits(kept[k, turn], count=GRID**3).reshape((GRID,) * 3)
        return landmarks[k] @ matrix, voxels

    def draw(rng: np.random.Generator, _: int) -> tuple[Tensor, Tensor]:
        inputs, occupied = [], []
        for k in rng.integers(len(landmarks), size=VOXEL_BATCH):
            marks, voxels = turned(int(k), int(rng.integers(TURNS)))
            if rng.random() < 0.5:
                marks, voxels = (marks * [-1, 1, 1])[partners], voxels[:, :, ::-1]
            # In whole voxels, of 1 mm.
            shift = np.rint(rng.normal(0, 3.0, 3)).astype(int)
            inputs.append(marks + shift - mean)
            occupied.append(np.roll(voxels, shift[::-1], (0, 1, 2)))
        return torch.from_numpy(np.stack(inputs)).float(), torch.from_numpy(
            np.stack(occupied)
        ).float()

    return draw


def _origins(shapes: Sequence[Shape]) -> list[int]:
    """Which of them each was warped from; a real one from itself."""
    real = {shape.origin: k for k, shape in enumerate(shapes) if not shape.warped_from}
    return [real[s.origin] if s.warped_from else k for k, s in enumerate(shapes)]


def _to_warp(shapes: Sequence[Shape]) -> list[int]:
    """Which shapes are warped to landmarks: the real ones, or some of many."""
    real = [k for k, shape in enumerate(shapes) if not shape.warped_from]
    return real[:: -(-len(real) // MOST_MESHES)]


def _mirrored(
    surfaces: Points,
    landmarks: Points,
    faces: NDArray[np.int32],
    real: Sequence[int],
    template: Template,
) -> Job[Points]:
    """The mirror images of some shapes, in correspondence; none where no landmark has a partner."""
    if not template.paired:
        return surfaces[:0]
    first = real[0]
    make = yield from elsewhere(
        lambda: mirrored(Mesh(surfaces[first], faces), landmarks[first], template.partners),
        "making mirror images",
    )
    return np.stack([make(surfaces[i]) for i in real])


def _nearest_of(mesh: Mesh, points: Points | None) -> NDArray[np.uint8]:
    """1 for each vertex at which a point lies."""
    found = np.zeros(len(mesh.vertices), np.uint8)
    if points is not None and len(points):
        found[cKDTree(mesh.vertices).query(points)[1]] = 1
    return found
