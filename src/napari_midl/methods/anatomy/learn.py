"""Training a generator: `train` learns the shape model, then the network beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_midl.engine.devices import device_name, pick_device
from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.models import Model
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.training import Schedule
from napari_midl.engine.training import train as fit
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import Points, generalised_procrustes, similarity
from napari_midl.methods.anatomy.models import TOOL
from napari_midl.methods.anatomy.network import GRID, CoefficientNetwork, Generator, dice_loss
from napari_midl.methods.anatomy.registration import in_correspondence
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

HELD_OUT_EVERY = 10
BATCH, VOXEL_BATCH = 64, 2


def train(
    shapes: Sequence[Shape],
    template: Template,
    settings: TrainSettings,
    checkpoint: Checkpoint | None = None,
    *,
    enough: Callable[[], bool] = lambda: False,
    exactly: int | None = None,
) -> Job[Model]:
    """Learn to generate shapes of a kind.

    Parameters
    ----------
    shapes : sequence of Shape
        At least three; every tenth is kept aside to measure the uncertainty.
    template : Template
        Their landmarks.
    settings : TrainSettings
        Which network, how long.
    checkpoint : Checkpoint, optional
        Where the state of the training is kept, and from where a stopped one goes on.
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
    aside = np.arange(len(shapes)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    known = (landmarks[~aside], surfaces[~aside])
    model = yield from wait_for(
        in_thread(lambda: ShapeModel.fit(*known, settings.modes)),
        Progress(0, 0, "learning the shape model"),
    )
    faces = shapes[0].mesh.faces
    sizes = (len(model.mean_landmarks), len(model.surface_modes), len(model.mean_surface))
    with WeightsFrom(settings.seed):
        generator = Generator(settings.preset, *sizes, len(faces))
    generator.keep(model, faces)
    loss: Loss
    if isinstance(generator.network, CoefficientNetwork):
        generator.network.initialise_from(model)
        draw, loss = coefficient_batches(model, *known, settings.noise), weighted_squares
    else:
        draw, loss = voxel_batches(*known, faces, template), dice_loss
    device, rate = pick_device(settings.device), settings.learning_rate
    trained = yield from fit(
        Supervised(generator.network.train(), loss, rate, settings.half_life, draw=draw),
        Schedule.of(settings, exactly=exactly),
        device=device,
        enough=enough,
        checkpoint=checkpoint,
    )
    generator.network = trained.network.cpu()
    ratio = _spread_ratio(model, landmarks[aside], surfaces[aside]) if aside.any() else 1.0
    card = {
        "tool": TOOL,
        "architecture": generator.architecture,
        "name": f"{template.name} generator",
        "template": template.to_dict(),
        "shapes": len(shapes),
        "steps": trained.steps,
        "seed": settings.seed,
        "device": device_name(device),
        "settings": settings.to_dict(),
        "spread_ratio": ratio,
        "licence": "BSD-3-Clause",
        "training_data_licence": settings.data_licence,
        "training_data": [f"{len(shapes)} shapes of a {template.name}"],
    }
    return Model(generator.eval(), card)


def aligned(shapes: Sequence[Shape], template: Template) -> tuple[Points, Points]:
    """Landmarks ``(m, n, 3)``, completed, and vertices ``(m, V, 3)``, by similarity on the mean.

    A landmark missing on a shape is where its nearest vertex goes on the others.
    """
    landmarks = np.stack([shape.landmarks for shape in shapes])
    never = ~np.isfinite(landmarks).all(2).any(0)
    if never.any():
        raise InputError(
            f"{template.names[int(never.argmax())]!r} is placed on none of the shapes; place it, "
            "or leave it out of the template."
        )
    vertices = np.stack([shape.mesh.vertices for shape in shapes])
    for i in range(landmarks.shape[1]):
        missing = ~np.isfinite(landmarks[:, i]).all(1)
        shown = int((~missing).argmax())
        at = np.linalg.norm(vertices[shown] - landmarks[shown, i], axis=1).argmin()
        landmarks[missing, i] = vertices[missing, at]
    placed, mean = generalised_procrustes(landmarks)
    moved = [
        similarity(marks, mean)(surface) for marks, surface in zip(landmarks, vertices, strict=True)
    ]
    return placed, np.stack(moved)


def coefficient_batches(
    model: ShapeModel, landmarks: Points, surfaces: Points, noise: float
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
        moved = torch.from_numpy(rng.normal(0, noise, (BATCH, *offsets.shape[1:]))).float()
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
    landmarks: Points, surfaces: Points, faces: NDArray[np.int32], template: Template
) -> Draw:
    """Batches of landmarks and occupancies, mirrored, turned and shifted (section 3.3)."""
    partners = template.partners
    mean = landmarks.mean(0)
    grid = Space((1.0, 1.0, 1.0), MM, (-(GRID - 1) / 2,) * 3)

    def draw(rng: np.random.Generator, _: int) -> tuple[Tensor, Tensor]:
        inputs, occupied = [], []
        for k in rng.integers(len(landmarks), size=VOXEL_BATCH):
            marks, surface, corners = landmarks[k], surfaces[k], faces
            if rng.random() < 0.5:
                flip = np.array([-1.0, 1.0, 1.0])
                marks, surface, corners = (marks * flip)[partners], surface * flip, faces[:, ::-1]
            angle = rng.normal(0, 0.1)
            turn = np.array(
                [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
            )
            shift = rng.normal(0, 3.0, 3)
            inputs.append(marks @ turn + shift - mean)
            moved = Mesh(surface @ turn + shift, corners)
            occupied.append(mask(moved, (GRID,) * 3, grid))
        return torch.from_numpy(np.stack(inputs)).float(), torch.from_numpy(
            np.stack(occupied)
        ).float()

    return draw


def _spread_ratio(model: ShapeModel, landmarks: Points, surfaces: Points) -> float:
    """True error of shapes kept aside over the spread that the model claims."""
    ratios = []
    for marks, surface in zip(landmarks, surfaces, strict=True):
        posterior = model.given(marks)
        errors = ((surface - model.surface(posterior.mean)) ** 2).mean(1)
        ratios.append(errors / model.surface_spread(posterior) ** 2)
    return float(np.sqrt(np.mean(ratios)))
