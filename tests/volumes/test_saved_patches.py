"""What of the painted patches is written, and under which name."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.saved_patches import SavedPatches
from napari_midl.volumes.volume import Volume


@pytest.fixture
def saved(tmp_path):
    volume = Volume.from_array(np.zeros((4, 8, 8), np.uint8))
    return SavedPatches(AnnotationStore(tmp_path / "patches", volume))


def patch(name, label=0):
    return Patch((1, 2, 3), np.full((2, 4, 4), label, np.uint8), name)


def test_only_what_was_painted_since_is_written(saved):
    for name in ("patch 1", "patch 2"):
        saved.begin(patch(name))
    assert not saved.save([patch("patch 1"), patch("patch 2")])
    assert saved.save([patch("patch 1", 2), patch("patch 2")])
    assert [p.name for p in saved.store.load()[0]] == ["patch 1"]
    assert saved.has(patch("patch 1", 2)) and not saved.has(patch("patch 1", 1))


def test_another_folder_keeps_what_it_has(saved, tmp_path):
    other = AnnotationStore(tmp_path / "other", saved.store.volume)
    other.save(patch("patch 1", 1))
    saved.begin(patch("patch 1"))
    assert saved.save([patch("patch 1", 2)], other.folder)
    assert {p.name: p.labels.max() for p in other.load()[0]} == {"patch 1": 1, "patch 2": 2}
    assert saved.has(patch("patch 1", 2))


def test_a_name_is_free_that_neither_a_patch_nor_a_file_has(saved):
    saved.begin(patch("patch 1"))
    saved.store.save(patch("patch 2"))
    assert saved.free_name() == "patch 3"


def test_a_name_whose_file_is_another_ones_is_refused(saved):
    for name in ("a b", "c"):
        saved.begin(patch(name))
    saved.save([patch("a b", 1), patch("c", 2)])
    with pytest.raises(InputError, match="has the file of c"):
        saved.rename("a b", "c")
    saved.rename("a b", "d")
    assert [p.name for p in saved.store.load()[0]] == ["c", "d"]
    assert saved.has(patch("d", 1))


def test_a_patch_that_was_removed_can_be_brought_back_and_its_name_is_not_given_away(saved):
    saved.begin(patch("patch 1"))
    saved.save([patch("patch 1", 2)])
    removed = saved.remove("patch 1")
    assert removed is not None and removed.exists()
    assert saved.store.load() == ([], [])
    assert saved.free_name() == "patch 2"
    saved.bring_back(patch("patch 1", 2), removed)
    assert [p.name for p in saved.store.load()[0]] == ["patch 1"] and not removed.exists()


def test_the_bin_keeps_all_patches_of_one_name(saved):
    kept = set()
    for label in (1, 2):
        saved.begin(patch("thin"))
        saved.save([patch("thin", label)])
        kept.add(saved.remove("thin"))
    assert len(kept) == 2 and all(path.exists() for path in kept)


def test_a_patch_that_was_never_saved_leaves_nothing_behind(saved):
    saved.begin(patch("patch 1"))
    assert saved.remove("patch 1") is None
    assert not saved.store.folder.exists()


def test_the_painted_part_of_a_patch_is_where_it_was():
    labels = np.zeros((2, 4, 4), np.uint8)
    assert Patch((1, 2, 3), labels).painted() is None
    labels[1, 1:3, 2] = 2
    part = Patch((1, 2, 3), labels, "thin").painted()
    assert (part.origin, part.labels.shape, part.name) == ((2, 3, 5), (1, 2, 1), "thin")
    assert part.labels.all() and part.box == (slice(2, 3), slice(3, 5), slice(5, 6))
