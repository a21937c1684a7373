"""Training through its operation: what learns, what it begins with, and what it is scored on."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_midl.engine.jobs import run
from napari_midl.engine.models import save_model
from napari_midl.engine.semantic.models import classes_of
from napari_midl.errors import InputError
from napari_midl.methods.segment.models import named_model, scratch
from napari_midl.methods.segment.operations import Train
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.label_values import Meaning
from napari_midl.volumes.ome_zarr import OmeZarrImage

NAMES = ("background", "dim", "bright")


@pytest.fixture
def picture(tmp_path):
    """Dim and bright discs, all labelled, and once more with labels that know the dim ones only."""
    rng, size = np.random.default_rng(0), 192
    y, x = np.indices((size, size))
    image, labels = rng.normal(40, 6, (size, size)), np.ones((size, size), np.uint8)
    for place in range(36):
        cy, cx = 16 + 32 * (place // 6), 16 + 32 * (place % 6)
        disc = (y - cy) ** 2 + (x - cx) ** 2 < 81
        image[disc] += 140 if place % 2 else 60
        labels[disc] = 3 if place % 2 else 2
    for name, array in (
        ("image", image.clip(0, 255)),
        ("all", labels),
        ("dim", np.where(labels == 3, 1, labels)),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", array.astype(np.uint8))
    return tmp_path


def train(folder, labels=("all",), name="model", **options):
    usual = {
        "images": (str(folder / "image.tif"),) * len(labels),
        "labels": tuple(str(folder / (each if "." in each else f"{each}.tif")) for each in labels),
        "classes": NAMES,
        "steps": 2,
        "patch": (1, 48, 48),
        "out": folder / f"{name}.safetensors",
    }
    outcome = run(Train.of(**usual | options).perform())
    return named_model(folder / f"{name}.safetensors"), outcome.run.results


def weights(model):
    return model.network.state_dict()


def test_it_learns_and_is_scored_on_labels_that_chose_nothing(picture):
    model, results = train(picture, steps=60, batch=4, learning_rate=5e-3)
    assert classes_of(model).names == NAMES
    assert results["basis"] == "unseen"
    assert results["after"]["dice of bright"] > 0.8
    assert results["after"]["dice of dim"] > 0.8
    assert set(results["counts"]) == {"blocks", *(f"voxels of {name}" for name in NAMES)}
    assert model.card["scored"]["score"] == "dice"


def test_labels_that_know_one_class_join_those_that_know_all(picture):
    model, results = train(picture, ("all", "dim"), knows=("all", "dim"))
    assert classes_of(model).names == NAMES
    assert results["steps"] == 2


def test_time_points_of_a_series_teach_one_model(picture):
    """Each knows what the other does not; labels of the same time point join."""
    image = tifffile.imread(picture / "image.tif")
    series = np.stack([image, np.zeros_like(image), image[::-1]])
    tifffile.imwrite(picture / "series.tif", series, imagej=True, metadata={"axes": "TYX"})
    labels = tifffile.imread(picture / "all.tif")
    tifffile.imwrite(picture / "first.tif", np.where(labels == 3, 0, labels))
    tifffile.imwrite(picture / "last.tif", np.where(labels == 2, 0, labels)[::-1].copy())
    images = (str(picture / "series.tif"),) * 2
    _, results = train(picture, ("first", "last"), times=(0, 2), images=images)
    assert results["basis"] == "unseen"
    assert min(results["counts"][f"voxels of {name}"] for name in NAMES) > 0
    with pytest.raises(InputError, match="name a time point for each image"):
        train(picture, ("first", "last"), "other", times=(0,), images=images)


def named(path, labels, names):
    """Labels in an OME-Zarr that says what its values are called."""
    image = OmeZarrImage.create(
        path, shape=labels.shape, dtype="uint8", axes="YX", chunks=labels.shape
    )
    made = image.create_labels("l", meanings={v: Meaning(name) for v, name in names.items()})
    made.write((slice(None),) * 2, labels)


def test_labels_that_name_their_values_name_the_classes(picture):
    values = tifffile.imread(picture / "all.tif")
    named(picture / "l.ome.zarr", values, dict(enumerate(NAMES, 1)))
    model, _ = train(picture, ("l.ome.zarr/labels/l",), classes=())
    assert classes_of(model).names == NAMES
    with pytest.raises(InputError, match=r"no classes are named"):
        train(picture, classes=(), name="other")


@pytest.mark.parametrize(
    ("names", "knows", "said"),
    [
        (
            ({1: "soil", 2: "vein", 3: "artery"}, {1: "soil", 2: "artery", 3: "vein"}),
            (),
            "a.zarr/labels/l calls 2 vein and 3 artery but .*b.zarr/labels/l calls 2 artery and 3",
        ),
        (({2: "Vein"}, {2: "vein", 3: "artery"}), (), ""),
        (({2: "vein"}, {3: "artery"}), (), ""),
        (({}, {2: "artery"}), (), ""),
        (({1: "vein"}, {1: "artery"}), ("dim", "bright"), ""),
        (({1: "vein"}, {1: "artery"}), ("dim", "dim"), "a.zarr/labels/l calls 1 vein but"),
    ],
)
def test_files_that_name_one_number_differently_are_refused(picture, names, knows, said):
    values = tifffile.imread(picture / "all.tif")
    values = (values == 2).astype(np.uint8) if knows else values
    for letter, called in zip("ab", names, strict=True):
        named(picture / f"{letter}.zarr", values, called)
    how = {"knows": knows, "dense": bool(knows)}
    if not said:
        train(picture, ("a.zarr/labels/l", "b.zarr/labels/l"), steps=1, **how)
        return
    with pytest.raises(InputError, match=said):
        train(picture, ("a.zarr/labels/l", "b.zarr/labels/l"), steps=1, **how)
    assert not (picture / "model.safetensors").exists()


def test_labels_that_leave_a_class_open_everywhere_are_refused(picture):
    tifffile.imwrite(picture / "open.tif", np.ones((192, 192), np.uint8))
    with pytest.raises(InputError, match=r"open.tif holds no voxel labelled dim \(2\)"):
        train(picture, ("open",), knows=("dim",))


@pytest.mark.parametrize("scope", ["last-layers", "decoder"])
def test_what_is_frozen_stays_to_the_bit(picture, scope):
    start, _ = train(picture, name="start", held_out=0.0)
    tuned, _ = train(
        picture, scope=scope, start=str(picture / "start.safetensors"), held_out=0.0, steps=12
    )
    before, after = weights(start), weights(tuned)
    changed = {key.split(".")[0] for key in before if not before[key].equal(after[key])}
    assert "encoder" not in changed
    assert changed <= {"decoder", "head"}


def test_a_start_of_other_classes_is_refused_unless_it_gets_a_new_head(picture):
    train(picture, name="start")
    other = {"classes": ("background", "disc", "ring"), "start": str(picture / "start.safetensors")}
    said = "start tells background, dim, bright apart, not background, disc, ring"
    with pytest.raises(InputError, match=said):
        train(picture, **other)
    model, results = train(picture, **other, new_head=True, steps=1, learning_rate=1e-6)
    assert classes_of(model).names == ("background", "disc", "ring")
    assert results["before"] == {}  # nothing to compare with
    start, body = named_model(picture / "start.safetensors"), weights(model)
    first = next(iter(body))
    assert (weights(start)[first] - body[first]).abs().max() < 1e-3


def test_mo_net_begins_both_decoders_with_the_start(picture):
    partial = {"classes": ("background", "dim")}
    start, _ = train(picture, ("dim",), name="start", **partial)
    options = {"architecture": "mo-net", "start": str(picture / "start.safetensors")}
    model, _ = train(picture, new_head=True, steps=1, learning_rate=1e-6, **options)
    assert model.card["architecture"] == "mo-net-2d-compact 1>3+2"
    assert model.card["second"] == ["dim"]
    before, after = weights(start), weights(model)
    for key in (k for k in before if k.startswith("decoder.0.upsample")):
        for to in (key, f"second_{key}"):
            assert (before[key] - after[to]).abs().max() < 1e-3
    assert (before["head.weight"] - after["second_head.weight"]).abs().max() < 1e-3


def test_mo_net_asks_for_partial_labels(picture):
    with pytest.raises(InputError, match="give one kind with --knows, or take unet"):
        train(picture, architecture="mo-net")


def test_a_set_of_classes_may_be_painted(picture):
    labels = tifffile.imread(picture / "all.tif")
    labels[:96][labels[:96] > 1] = 255
    tifffile.imwrite(picture / "sets.tif", labels)
    names = (*NAMES, "disc=dim+bright")
    model, _ = train(picture, ("sets",), classes=names)
    assert classes_of(model).to_dict()["sets"][0]["classes"] == ["dim", "bright"]


def test_several_channels_are_learnt_from_and_asked_for(picture):
    image = tifffile.imread(picture / "image.tif")
    both = np.stack([image, 255 - image])
    tifffile.imwrite(picture / "two.ome.tif", both, metadata={"axes": "CYX"})
    options = {"images": (str(picture / "two.ome.tif"),)}
    model, _ = train(picture, **options)
    assert model.card["architecture"] == "unet-2d-compact 2>3"
    start = str(picture / "model.safetensors")
    with pytest.raises(InputError, match=r"model looks at 2 channels and is given 1"):
        train(picture, start=start, name="again")
    model, _ = train(picture, **options, channels=(1,), name="one")
    assert model.card["channels"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": ()}, "give them with --classes"),
        ({"labels": ("all", "dim"), "images": ("image.tif",)}, "name each image once for each"),
        ({"architecture": "deepvesselnet"}, "the network is 3D; take a unet of dimensions 2d"),
        ({"dimensions": "3d"}, "the network is 3D"),
        ({"labels": ("missing",)}, "missing.tif does not exist"),
    ],
)
def test_what_does_not_go_together_is_refused(picture, options, said):
    with pytest.raises(InputError, match=said):
        train(picture, **options)
    assert not (picture / "model.safetensors").exists()


def test_a_model_of_another_tool_is_refused(picture):
    model = scratch("unet-2d-compact 1>3", Classes(*NAMES), 1)
    model.card["tool"] = "vessels"
    save_model(model, picture / "other.safetensors")
    with pytest.raises(InputError, match="model of the tool 'vessels', not of 'segment'"):
        train(picture, start=str(picture / "other.safetensors"))
