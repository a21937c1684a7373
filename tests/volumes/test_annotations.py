from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.volume import Volume


@pytest.fixture
def store(tmp_path, volume):
    return AnnotationStore(tmp_path / "patches", volume)


def painted(name="patch 1", origin=(2, 10, 20), value=2):
    labels = np.zeros((3, 16, 17), np.uint8)
    labels[1, 4:8, 5:9] = value
    return Patch(origin, labels, name)


def test_what_is_saved_comes_back(store):
    store.save(painted())
    store.save(painted("patch 2", (0, 0, 0), 1))
    patches, problems = store.load()
    assert problems == []
    assert [(p.name, p.origin) for p in patches] == [
        ("patch 1", (2, 10, 20)),
        ("patch 2", (0, 0, 0)),
    ]
    np.testing.assert_array_equal(patches[0].labels, painted().labels)
    assert patches[0].labels.dtype == np.uint8


def test_a_patch_of_one_slice_keeps_its_three_axes(store):
    store.save(Patch((0, 0, 0), np.ones((1, 8, 8), np.uint8), "flat"))
    assert store.load()[0][0].labels.shape == (1, 8, 8)


def test_saving_again_replaces(store):
    store.save(painted(value=1))
    store.save(painted(value=2))
    (patch,), _ = store.load()
    assert patch.labels.max() == 2


def test_nothing_but_whole_files_is_left(store):
    store.save(painted())
    assert [p.name for p in store.folder.iterdir()] == ["patch 1.tif"]


def test_a_missing_folder_holds_no_patches(store):
    assert store.load() == ([], [])


def test_removing(store):
    store.save(painted())
    store.remove("patch 1")
    store.remove("never there")
    assert store.load() == ([], [])


def test_a_damaged_file_is_named_and_the_others_load(store):
    store.save(painted())
    whole = store.path("patch 1").read_bytes()
    store.path("cut").write_bytes(whole[: len(whole) // 2])
    store.path("empty").touch()
    patches, problems = store.load()
    assert [p.name for p in patches] == ["patch 1"]
    assert [name for name in ("cut.tif", "empty.tif") if name in " ".join(problems)] == [
        "cut.tif",
        "empty.tif",
    ]


def test_a_foreign_tiff_is_named(store):
    store.folder.mkdir()
    tifffile.imwrite(store.path("photo"), np.zeros((4, 4), np.uint8))
    patches, problems = store.load()
    assert patches == []
    assert "photo.tif" in problems[0]


def test_patches_of_another_volume_are_refused(store):
    store.save(painted())
    other = Volume.from_array(np.zeros((12, 64, 73), np.uint8), name="other")
    patches, problems = AnnotationStore(store.folder, other).load()
    assert patches == []
    assert "painted on tubes of shape (12, 64, 72), not on other" in problems[0]


@pytest.mark.parametrize("origin", [(-1, 0, 0), (0, 0, 70)])
def test_a_patch_beyond_the_volume_is_refused(store, origin):
    store.save(painted(origin=origin))
    patches, problems = store.load()
    assert patches == []
    assert "reaches beyond" in problems[0]


def test_a_patch_of_a_later_version_is_refused(store):
    store.folder.mkdir()
    about = {"napari-midl": 99, "origin": [0, 0, 0], "volume": "", "volume_shape": [12, 64, 72]}
    tifffile.imwrite(
        store.path("later"),
        np.zeros((2, 4, 5), np.uint8),
        description=json.dumps(about),
        metadata=None,
    )
    assert "another version" in store.load()[1][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": ""},
        {"origin": [0, 0]},
        {"origin": [0, 0, None]},
        {"volume_shape": 5},
        {"volume_shape": None},
        {"volume": None, "volume_shape": [1, 2, 3]},
    ],
)
def test_a_patch_that_does_not_say_where_it_lies_is_named(store, changes):
    store.folder.mkdir()
    about = {"napari-midl": 1, "origin": [0, 0, 0], "volume": "", "volume_shape": [12, 64, 72]}
    tifffile.imwrite(
        store.path("lost"),
        np.zeros((2, 4, 5), np.uint8),
        description=json.dumps(about | changes),
        metadata=None,
    )
    patches, problems = store.load()
    assert patches == []
    assert "lost.tif" in problems[0]


@pytest.mark.parametrize("labels", [np.full((2, 4, 5), np.nan, np.float32), np.zeros((1, 1, 4, 5))])
def test_a_patch_of_what_is_no_label_is_named(store, labels):
    store.folder.mkdir()
    about = {"napari-midl": 1, "origin": [0, 0, 0], "volume": "", "volume_shape": [12, 64, 72]}
    tifffile.imwrite(store.path("odd"), labels, description=json.dumps(about), metadata=None)
    assert "odd.tif is no complete painted patch" in store.load()[1][0]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path, volume):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        AnnotationStore(tmp_path / "file" / "patches", volume).save(painted())


THREE = Classes("background", "vessel", "soma")


def test_the_names_of_other_classes_are_kept_beside(tmp_path, volume):
    store = AnnotationStore(tmp_path / "patches", volume, THREE)
    assert store.kept_classes() is None
    store.save(painted(value=3))
    assert AnnotationStore(store.folder, volume).kept_classes() == THREE
    (patch,), problems = AnnotationStore(store.folder, volume, THREE).load()
    assert problems == []
    assert patch.labels.max() == 3


def test_a_folder_without_names_is_of_background_and_vessel(store, volume):
    store.save(painted())
    assert store.kept_classes() == Classes("background", "vessel")
    more = AnnotationStore(store.folder, volume, THREE)
    assert len(more.load()[0]) == 1
    more.save(painted("patch 2", value=3))
    assert store.kept_classes() == THREE


def test_patches_of_other_classes_are_refused_and_left_alone(tmp_path, volume):
    store = AnnotationStore(tmp_path / "patches", volume, THREE)
    store.save(painted(value=3))
    for other in (Classes("background", "vessel"), Classes("background", "axon", "soma")):
        wrong = AnnotationStore(store.folder, volume, other)
        patches, (problem,) = wrong.load()
        assert patches == []
        assert "painted with 0 unlabelled, 1 background, 2 vessel, 3 soma, not with" in problem
        with pytest.raises(InputError, match="choose another project folder"):
            wrong.save(painted())
    assert store.load()[0][0].labels.max() == 3


@pytest.mark.parametrize(
    ("labels", "origin", "said"),
    [
        (np.zeros((2, 4, 5), np.uint16), [0, 0, 0], "labels are uint16"),
        (np.zeros((2, 4, 5), np.uint8), [0, 0], "its origin (0, 0) is not one of 3 axes"),
    ],
)
def test_a_patch_of_the_wrong_kind_is_explained(store, labels, origin, said):
    store.folder.mkdir()
    about = {"napari-midl": 1, "origin": origin, "volume": "v", "volume_shape": [12, 64, 72]}
    tifffile.imwrite(
        store.path("odd"),
        labels,
        photometric="minisblack",
        description=json.dumps(about),
        metadata=None,
    )
    patches, problems = store.load()
    assert patches == []
    assert said in problems[0]


def test_a_damaged_file_of_classes_is_named(store):
    store.save(painted())
    (store.folder / "classes.json").write_text('{"version": 1}')
    patches, problems = store.load()
    assert patches == []
    assert "classes.json names no classes" in problems[0]


def test_an_unknown_label_is_named_with_its_file(store, volume):
    AnnotationStore(store.folder, volume, THREE).save(painted(value=3))
    (store.folder / "classes.json").unlink()
    patches, problems = store.load()
    assert patches == []
    assert "patch 1.tif holds the label 3; use 0 unlabelled, 1 background, 2 vessel" in problems[0]


def test_patches_of_a_2d_image(tmp_path):
    flat = Volume.from_array(np.zeros((40, 50), np.uint8), name="flat")
    store = AnnotationStore(tmp_path / "patches", flat)
    store.save(Patch((3, 4), np.ones((5, 6), np.uint8), "square"))
    (patch,), problems = store.load()
    assert problems == []
    assert (patch.origin, patch.labels.shape) == ((3, 4), (5, 6))
