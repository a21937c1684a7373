from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
import torch

from napari_midl.engine.jobs import run
from napari_midl.engine.pixels.learners import fit_learners, partial_loss
from napari_midl.engine.verdict import Basis
from napari_midl.errors import InputError
from napari_midl.methods.segment.operations import Predict, Train
from napari_midl.volumes.ome_zarr import OmeZarrImage

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.trained import Finetuned

CLASSES = ("background", "bright", "striped")
RNG = np.random.default_rng(0)


@cache
def picture(slices: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A dim ground with bright squares and striped ones, and what each pixel is (1, 2, 3)."""
    rng = np.random.default_rng(slices)
    x = np.arange(128)
    truth = np.ones((slices, 128, 128), np.uint8)
    truth[:, 16:56, 16:56] = truth[:, 72:112, 72:112] = 2
    truth[:, 16:56, 72:112] = truth[:, 72:112, 16:56] = 3
    ground = np.array([0, 80.0, 160.0, 80.0])[truth]
    image = ground + 60 * (truth == 3) * (x // 3 % 2) + rng.normal(0, 8, truth.shape)
    return image.astype(np.float32), truth


def strokes(truth: np.ndarray) -> np.ndarray:
    """A few lines in the upper half; the lower is not labelled."""
    labels = np.zeros_like(truth)
    for row in (6, 24, 36, 48):
        labels[:1, row, 4:-4] = truth[:1, row, 4:-4]
    return labels


def learn(folder: Path, images: list[np.ndarray], labels: list[np.ndarray], **how) -> Finetuned:
    paths = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        for name, data in (("image", image), ("labels", label)):
            paths.append(folder / f"{name}{number}.tif")
            axes = "CZYX"[-data.ndim :]
            tifffile.imwrite(paths[-1], data, imagej=True, metadata={"axes": axes})
    train = Train.of(
        images=tuple(map(str, paths[::2])),
        labels=tuple(map(str, paths[1::2])),
        out=folder / "model.safetensors",
        **{"classes": CLASSES, "architecture": "pixels", "steps": 300, **how},
    )
    return run(train.perform()).result


def test_a_class_that_is_nowhere_labelled_is_named(tmp_path):
    """As where a full map, which counts from 0, is taken for labels, which count from 1."""
    image, truth = picture()
    result = learn(tmp_path, [image], [truth - 1], steps=10)
    assert "Nothing is labelled striped" in result.advice and "--dense" in result.advice


def called(folder: Path, image: Path) -> np.ndarray:
    """The classes that the model in a folder gives to the pixels of an image: 1, 2, 3."""
    out = folder / "out.ome.zarr"
    run(Predict.of(image=image, model=str(folder / "model.safetensors"), out=out).perform())
    return np.asarray(OmeZarrImage.open(out / "labels" / "classes").levels[0]) + 1


def right(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of the pixels in the lower half, of which nothing is labelled."""
    return float((found == truth)[:, 64:].mean())


def test_a_few_strokes_teach_three_classes_of_a_picture(tmp_path):
    image, truth = picture()
    result = learn(tmp_path, [image[0]], [strokes(truth)[0]])
    assert result.taken and result.basis is Basis.UNSEEN
    assert set(result.after) == {"dice", *(f"dice of {name}" for name in CLASSES)}
    assert right(called(tmp_path, tmp_path / "image0.tif"), truth) > 0.9


def test_a_low_score_says_that_strokes_did_not_foretell_each_other(tmp_path):
    image, labels = RNG.normal(100, 8, (128, 128)), np.zeros((128, 128), np.uint8)
    for row in range(8, 120, 16):  # of nothing that could be seen
        labels[row, 8:120] = RNG.integers(1, 4, 112)
    result = learn(tmp_path, [image.astype(np.float32)], [labels])
    assert result.after["dice"] < 0.5
    assert "did not foretell other places: label each class in more places" in result.advice


def test_a_score_on_parts_of_a_single_stroke_is_said_to_flatter(tmp_path):
    image, truth = picture()
    labels = np.zeros_like(truth[0])
    labels[6, 4:-4] = 1
    labels[24:27, 20:50], labels[88:91, 80:110] = 2, 2
    result = learn(tmp_path, [image[0]], [labels], classes=CLASSES[:2])
    assert result.basis is Basis.UNSEEN
    assert "in one place only" in result.advice and "flatters: background." in result.advice
    labels[64, 4:-4] = 1
    (tmp_path / "again").mkdir()
    again = learn(tmp_path / "again", [image[0]], [labels], classes=CLASSES[:2])
    assert again.basis is Basis.UNSEEN and "flatters" not in again.advice


def test_a_stroke_painted_again_at_another_time_point_is_in_one_place(tmp_path):
    """The one foretells the other, as parts of one stroke do."""
    image, truth = picture()
    both = np.concatenate([image, image + 1])
    tifffile.imwrite(tmp_path / "series.tif", both, imagej=True, metadata={"axes": "TYX"})
    labels = np.zeros_like(truth[0])
    labels[6, 4:-4] = 1
    labels[24:27, 20:50], labels[88:91, 80:110] = 2, 2
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    train = Train.of(
        images=(str(tmp_path / "series.tif"),) * 2,
        labels=(str(tmp_path / "labels.tif"),) * 2,
        times=(0, 1),
        out=tmp_path / "model.safetensors",
        **{"classes": CLASSES[:2], "architecture": "pixels", "steps": 60},
    )
    result = run(train.perform()).result
    assert result.counts["voxels of background"] == 2 * 120
    assert "in one place only" in result.advice and "flatters: background." in result.advice


def test_strokes_on_one_slice_teach_a_stack(tmp_path):
    image, truth = picture(6)
    learn(tmp_path, [image], [strokes(truth)])
    assert right(called(tmp_path, tmp_path / "image0.tif"), truth) > 0.9


@pytest.mark.usefixtures("few_learners")
def test_a_class_that_only_the_second_channel_tells_apart(tmp_path):
    _, truth = picture(2)
    told = 100.0 * (truth == 3) + RNG.normal(0, 8, truth.shape)
    flat = np.where(truth == 2, 160, 80) + RNG.normal(0, 8, truth.shape)
    both = np.stack([flat, told], 1).astype(np.float32)  # Z C Y X, as ImageJ has it
    tifffile.imwrite(tmp_path / "i.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "l.tif", strokes(truth), imagej=True, metadata={"axes": "ZYX"})
    train = Train.of(
        images=(str(tmp_path / "i.tif"),),
        labels=(str(tmp_path / "l.tif"),),
        classes=CLASSES,
        architecture="pixels",
        steps=300,
        out=tmp_path / "model.safetensors",
    )
    run(train.perform())
    assert right(called(tmp_path, tmp_path / "i.tif"), truth) > 0.9


@pytest.mark.usefixtures("few_learners")
def test_labels_of_two_images_that_each_know_one_class_teach_both(tmp_path):
    """What the first calls background may be striped, what the second does may be bright."""
    image, truth = picture()
    labels = [np.where(strokes(truth) == other, 1, strokes(truth))[0] for other in (3, 2)]
    learn(tmp_path, [image[0]] * 2, labels, knows=("bright", "striped"))
    found = called(tmp_path, tmp_path / "image0.tif")
    assert right(found, truth) > 0.85


@pytest.mark.usefixtures("few_learners", "two_threads")
def test_the_same_strokes_give_the_same_bits(tmp_path):
    image, truth = picture()
    first, again = (
        learn(place, [image[0]], [strokes(truth)[0]], steps=20).model.sha256
        for place in (tmp_path / "a", tmp_path / "b")
        if place.mkdir() is None
    )
    assert first == again


def test_one_class_alone_is_refused_with_a_sentence(tmp_path):
    image, truth = picture()
    with pytest.raises(InputError, match=r"paint some of at least two classes\.$"):
        learn(tmp_path, [image[0]], [np.where(strokes(truth) == 2, 2, 0)[0].astype(np.uint8)])


def test_the_loss_of_what_a_voxel_may_be_by_hand():
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]]))
    allowed = torch.tensor([[True, False, False], [False, True, True]])
    assert float(partial_loss(logits, allowed)) == pytest.approx(
        -(np.log(0.2) + np.log(0.9)) / 2, abs=1e-6
    )


def test_the_gradient_of_what_a_voxel_may_be_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3, 4, dtype=torch.float64, generator=generator)
    allowed = torch.tensor([[1, 0, 0, 0], [1, 0, 1, 0], [0, 1, 1, 1]]).bool()
    assert torch.autograd.gradcheck(lambda x: partial_loss(x, allowed), logits.requires_grad_())


def test_what_may_be_anything_of_a_set_is_learnt_as_what_it_looks_like():
    """Voxels labelled "one of the last two" whose features are those of the second."""
    features = np.repeat(np.eye(3, dtype=np.float32) * 4, 60, 0)
    allowed = np.repeat(np.eye(3, dtype=bool), 60, 0)
    allowed[80:120, 2] = True
    learners, _ = fit_learners(features, allowed, torch.zeros(3), np.ones(3, bool), 0, 60)
    for learner in learners.values():
        assert (learner(features).argmax(1) == np.repeat([0, 1, 2], 60)).mean() > 0.95


@pytest.mark.usefixtures("few_learners")
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_the_colours_of_a_photograph_are_channels(tmp_path, kind):
    _, truth = picture()
    noise = RNG.normal(0, 8, (*truth.shape[1:], 3))
    photo = np.array([[90, 90, 90], [140, 90, 60], [90, 140, 60]])[truth[0] - 1] + noise
    path = tmp_path / f"photo.{kind}"
    imageio.imwrite(path, photo.clip(0, 255).astype(np.uint8))
    tifffile.imwrite(tmp_path / "l.tif", strokes(truth)[0])
    train = Train.of(
        images=(str(path),),
        labels=(str(tmp_path / "l.tif"),),
        classes=CLASSES,
        architecture="pixels",
        steps=300,
        out=tmp_path / "model.safetensors",
    )
    run(train.perform())
    assert right(called(tmp_path, path), truth) > 0.9


def test_strokes_of_a_class_count_beside_a_full_map_of_another(tmp_path):
    """Of the map more is labelled than can be read."""
    image, truth = (np.tile(each, (1, 3, 3)) for each in picture())
    image, truth = image[0], truth[0]
    labels = np.where(truth == 3, 0, truth).astype(np.uint8)
    labels[24, 76:106] = labels[36, 76:106] = labels[152, 204:234] = 3
    result = learn(tmp_path, [image], [labels])
    assert 90 in result.counts.values()
    found = called(tmp_path, tmp_path / "image0.tif")
    assert (found == truth)[truth == 3].mean() > 0.6
