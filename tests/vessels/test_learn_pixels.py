from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.jobs import run
from napari_midl.engine.models import ModelFamily, save_model
from napari_midl.engine.pixels import mixture
from napari_midl.engine.pixels.scale_space import ScaleSpace, feature_names
from napari_midl.engine.pixels.voxels import Voxels, features_of, read_voxels
from napari_midl.engine.trees import synthetic_sample
from napari_midl.engine.verdict import Basis, Verdict
from napari_midl.errors import InputError
from napari_midl.methods.vessels import apply, learn_pixels
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.models import build, named_model, scratch
from napari_midl.methods.vessels.pixel_network import PixelNet
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import FlatImage, Scaling, robust_scaling
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.engine.trained import Finetuned

IMAGE, MASK, VOXEL = synthetic_sample((12, 128, 128), seed=7)
PAINTED = 6
UNSEEN = np.abs(np.arange(12) - PAINTED) > 1
QUICK = FinetuneSettings(steps=5)
DARK = 255 - IMAGE
LITTLE = DARK[:, :64, :64]  # where a test is not of how well it learns


def volume(image: np.ndarray = IMAGE) -> Volume:
    return Volume.from_array(image, scale=VOXEL, units=("micrometer",) * 3, name="sample")


def one_slice(image: np.ndarray = IMAGE) -> list[Patch]:
    labels = np.where(MASK[PAINTED : PAINTED + 1], 2, 1).astype(np.uint8)
    labels = labels[:, : image.shape[1], : image.shape[2]]
    return [Patch((PAINTED, 0, 0), labels, "a slice")]


def tuned(
    start: Model, settings: FinetuneSettings = QUICK, image: np.ndarray = IMAGE, **how
) -> Finetuned:
    base = lambda: named_model("base")  # noqa: E731
    strokes = one_slice(image)
    return run(learn_pixels.finetune(volume(image), strokes, start, settings, base, **how))


@cache
def learnt() -> Finetuned:
    """What a slice of dark vessels teaches the shipped networks, which never saw their like."""
    return tuned(named_model("base"), FinetuneSettings(), DARK)


def dice(found: np.ndarray, slices: np.ndarray | int = UNSEEN) -> float:
    found, truth = found[slices], MASK[slices]
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def predicted(model: Model, image: np.ndarray) -> np.ndarray:
    return apply.predict_region(volume(image), model, tuple(slice(0, n) for n in image.shape))


def test_a_slice_teaches_the_shipped_networks_dark_vessels():
    before = dice(predicted(named_model("base"), DARK) >= 0.5)
    after = dice(predicted(learnt().model, DARK) >= 0.5)
    assert after > 0.65 > before + 0.3


def test_its_scores_are_of_strokes_that_nothing_had_seen():
    result = learnt()
    assert result.basis is Basis.UNSEEN and result.taken
    assert result.after["dice"] > result.before["dice"]
    assert result.gained == pytest.approx(result.after["dice"] - result.before["dice"])
    assert set(result.after) == {"dice", "precision", "recall"}
    assert result.counts["voxels of vessel"] > 0
    assert [look["step"] for look in result.history] == [0, result.steps]
    # They do not flatter: a slice away it does not score much less.
    assert result.after["dice"] < dice(predicted(result.model, DARK) >= 0.5) + 0.15


def test_the_model_is_one_small_network_that_tells_its_origin(tmp_path):
    card, network = learnt().model.card, learnt().model.network
    assert isinstance(network, PixelNet)
    assert (len(network.members), len(network.library)) == (1, 0)
    assert float(network.depth) == 2.0
    assert card["architecture"] == "pixels" and card["parent"] == named_model("base").sha256
    assert set(card["shares"]) == {"trees", "shipped", "tuned"}
    assert sum(card["shares"].values()) == pytest.approx(1, abs=0.01)
    save_model(learnt().model, tmp_path / "m.safetensors")
    loaded = ModelFamily("vessels", build, {}).load(tmp_path / "m.safetensors")
    assert loaded.sha256 == learnt().model.sha256


@pytest.mark.usefixtures("few_learners")
def test_on_the_same_image_it_begins_again_from_the_shipped_networks():
    result = tuned(learnt().model, image=LITTLE)
    assert result.before == {} and result.verdict is Verdict.NOT_COMPARED
    assert result.model.card["parent"] == learnt().model.sha256
    assert result.model.card["steps"] == learnt().model.card["steps"] + 5
    afresh = tuned(named_model("base"), image=LITTLE)
    assert result.model.sha256 == afresh.model.sha256


@pytest.mark.usefixtures("few_learners", "two_threads")
def test_the_same_seed_gives_the_same_bits_and_the_start_is_left_as_it_is():
    start = named_model("base")
    before = start.sha256
    first, again = (tuned(start, image=LITTLE) for _ in range(2))
    other = tuned(start, FinetuneSettings(steps=5, seed=1), LITTLE)
    assert first.model.sha256 == again.model.sha256 != other.model.sha256
    assert first.after == again.after
    assert start.sha256 == before


@pytest.mark.usefixtures("few_learners")
def test_steps_are_those_of_the_settings_or_exactly_what_a_replay_asks_for():
    start = scratch("pixels")
    by_settings = tuned(start, image=LITTLE)
    exactly = tuned(start, FinetuneSettings(steps=900), LITTLE, exactly=5)
    assert by_settings.steps == exactly.steps == 5
    assert by_settings.model.sha256 == exactly.model.sha256


def test_from_scratch_a_slice_teaches_more_than_the_threshold_that_fits_it():
    result = tuned(scratch("pixels"), FinetuneSettings())
    assert result.verdict is Verdict.NOT_COMPARED and result.taken and result.before == {}
    assert set(result.model.card["shares"]) == {"trees", "tuned"}
    levels = np.percentile(IMAGE, np.arange(1, 100))
    level = max(levels, key=lambda level: dice(level <= IMAGE, PAINTED))
    after = dice(predicted(result.model, IMAGE) >= 0.5)
    assert after > 0.7 and after > dice(level <= IMAGE) + 0.02


@pytest.mark.usefixtures("few_learners")
def test_a_start_that_is_better_than_what_was_learnt_stays(monkeypatch):
    def wrong(answers, vessel, fold, prior):
        judged = judge(answers, vessel, fold, prior)
        return type(judged)(judged.shares, 1 - judged.probability)

    judge = mixture.judge
    monkeypatch.setattr(mixture, "judge", wrong)
    start = named_model("base")
    result = tuned(start)
    assert result.after["dice"] < result.before["dice"]
    assert not result.taken
    assert (result.model.sha256 == start.sha256) == result.verdict.is_start


@pytest.mark.usefixtures("few_learners")
def test_little_paint_is_learnt_without_a_score():
    labels = np.zeros((1, 128, 128), np.uint8)
    inside, outside = (np.argwhere(MASK[PAINTED] == k)[:10] for k in (True, False))
    labels[0, *inside.T], labels[0, *outside.T] = 2, 1
    strokes = [Patch((PAINTED, 0, 0), labels, "dots")]
    start = named_model("base")
    result = run(learn_pixels.finetune(volume(), strokes, start, QUICK, lambda: start))
    assert result.basis is Basis.NONE and result.after == result.before == {}
    assert result.verdict is Verdict.NOT_COMPARED
    assert result.model.card["shares"] == learn_pixels.PRIOR


def test_one_class_alone_is_refused_with_a_sentence():
    strokes = [Patch((PAINTED, 0, 0), np.ones((1, 8, 8), np.uint8), "a patch")]
    start = named_model("base")
    with pytest.raises(InputError, match=r"vessel.*\.$"):
        run(learn_pixels.finetune(volume(), strokes, start, QUICK, lambda: start))


def read(patches: list[Patch], elsewhere: bool = True) -> Voxels:
    painted = PaintedVolume(IMAGE, Scaling(0, 255), patches, CLASSES)
    *_, voxels = read_voxels(painted, ScaleSpace(2.0), elsewhere=elsewhere)
    assert isinstance(voxels, Voxels)
    return voxels


def test_painted_voxels_are_read_with_their_features_and_others_beside_them():
    labels = np.zeros((2, 20, 30), np.uint8)
    labels[0, 4, 5:9], labels[1, 10, 6:8] = 2, 1
    voxels = read([Patch((3, 40, 50), labels, "strokes")])
    wanted = [(3, 44, x) for x in range(55, 59)] + [(4, 50, 56), (4, 50, 57)]
    assert [tuple(place) for place in voxels.places.tolist()] == wanted
    assert voxels.labels.tolist() == [2] * 4 + [1] * 2
    painted = PaintedVolume(IMAGE, Scaling(0, 255), [Patch((3, 40, 50), labels)], CLASSES)
    for (z, y, x), features in zip(wanted, voxels.features, strict=True):
        at = (slice(z, z + 1), slice(y, y + 1), slice(x, x + 1))
        alone = features_of(painted, ScaleSpace(2.0), at)[0, 0, 0]
        np.testing.assert_allclose(features, alone, atol=1e-3)
    assert voxels.unpainted.shape[1] == len(feature_names())
    assert len(voxels.unpainted) > 1000


def test_where_all_is_labelled_there_is_nothing_else_to_look_at():
    voxels = read(one_slice(), elsewhere=False)
    assert len(voxels.unpainted) == 0
    assert len(voxels) == 128 * 128 and (voxels.labels == 2).sum() == MASK[PAINTED].sum()


class Hidden:
    """A stack too large to be looked through, empty but for one place."""

    shape, dtype, ndim, size = (512, 8192, 8192), np.dtype(np.float32), 3, 2**35
    place = (slice(100, 112), slice(1000, 1128), slice(1000, 1128))

    def __getitem__(self, key):
        bounds = [s.indices(n) for s, n in zip(key, self.shape, strict=True)]
        part = np.zeros([stop - start for start, stop, _ in bounds], np.float32)
        both = [
            (max(start, p.start), min(stop, p.stop))
            for (start, stop, _), p in zip(bounds, self.place, strict=True)
        ]
        if all(start < stop for start, stop in both):
            into, out_of = (
                tuple(slice(a - o, b - o) for (a, b), o in zip(both, of, strict=True))
                for of in ([b[0] for b in bounds], [p.start for p in self.place])
            )
            part[into] = IMAGE[out_of]
        return part


@pytest.mark.usefixtures("few_learners")
def test_a_large_image_that_looks_empty_is_learnt_where_it_is_painted():
    hidden = Volume.from_array(Hidden(), scale=VOXEL, units=("micrometer",) * 3, name="hidden")
    with pytest.raises(FlatImage):
        robust_scaling(hidden)
    base = named_model("base")
    patches = [Patch((100 + PAINTED, 1000, 1000), one_slice()[0].labels, "a slice")]
    found = run(learn_pixels.finetune(hidden, patches, base, QUICK, lambda: base))
    assert found.after["dice"] > 0.5
