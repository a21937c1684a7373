"""Through `stream`, with a small network: tiles, kills, memory, neighbours in other threads."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from tests.operations.disk import Disk, content, watched
from torch import nn

from napari_midl.engine import ready_model
from napari_midl.engine.dropout import Dropout3d, drawing_from
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.streaming import stream
from napari_midl.errors import InputError
from napari_midl.volumes import scaling
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.volume import Volume

from .dense_models import IMAGE, SHAPE, Toy, network, toy

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = tuple(slice(0, n) for n in SHAPE)


def whole(out: Path, model: Toy, resume: bool = False) -> list[np.ndarray]:
    """Stream a model to its end; its image and labels."""
    run(stream(model, out, resume=resume)).close()
    return stored(out)


def stored(out: Path) -> list[np.ndarray]:
    return [zarr.open_group(part)["0"][:] for part in (out, out / "labels" / "positive")]


def is_complete(out: Path) -> bool:
    return zarr.open_group(out, mode="r").attrs["napari-midl"]["complete"]


def test_tiles_give_what_the_whole_gives(tmp_path):
    probability, mask = whole(tmp_path / "out.ome.zarr", toy())
    scaled = ReadyModel(toy()).tensor(IMAGE[None])
    with torch.inference_mode():
        expected = network()(scaled)[0, 0].numpy()
    np.testing.assert_allclose(probability, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(mask, probability > 0)


def test_the_output_says_until_its_end_that_it_is_not_complete(tmp_path):
    out = tmp_path / "out.ome.zarr"
    journal = run(stream(toy(), out))
    assert not is_complete(out) and is_unfinished(out)
    journal.close()
    assert is_complete(out) and not is_unfinished(out)


def test_a_kill_at_any_write_leaves_what_resumes_or_is_begun_anew(tmp_path):
    folder, states = tmp_path / "whole", tmp_path / "states"
    folder.mkdir()
    with watched(Disk(folder, states=states)) as disk:
        run(stream(toy(seed=3), folder / "out.ome.zarr")).close()
    expected = stored(folder / "out.ome.zarr")
    assert 50 < disk.writes < 500
    tried = []
    for kill_at in range(disk.writes):
        out = states / f"{kill_at}" / "out.ome.zarr"
        left = content(out.parent)
        if left in tried:
            continue
        tried.append(left)
        assert is_unfinished(out) or not out.exists()
        if out.exists() and is_complete(out):
            np.testing.assert_array_equal(stored(out)[0], expected[0])
        result = whole(out, toy(seed=3), resume=is_unfinished(out))
        for made, right in zip(result, expected, strict=True):
            np.testing.assert_array_equal(made, right)
        assert is_complete(out) and not is_unfinished(out)
        assert list(out.parent.iterdir()) == [out]
        assert not list(out.rglob("*.partial"))


def test_an_output_whose_journal_came_to_be_but_not_itself_is_begun_anew(tmp_path):
    out = tmp_path / "out.ome.zarr"
    out.with_name("out.ome.zarr.progress").write_text('{"input": "of another"}\n0\n1\n')
    expected = whole(tmp_path / "whole.ome.zarr", toy())
    for resume in (True, False):
        np.testing.assert_array_equal(whole(out, toy(), resume)[0], expected[0])
        out = tmp_path / "other.ome.zarr"


def test_resuming_removes_what_killed_writers_left(tmp_path):
    out = tmp_path / "out.ome.zarr"
    job = stream(toy(), out)
    while next(job).preview is None:
        pass
    job.close()
    left = out / "0" / "c" / "0.0123456789abcdef0123456789abcdef.partial"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half a chunk")
    whole(out, toy(), resume=True)
    assert not left.exists()


@pytest.mark.usefixtures("two_threads")
def test_halves_have_the_same_bits_also_with_dropout(tmp_path):
    expected = whole(tmp_path / "whole.ome.zarr", toy(seed=5))
    halved = whole(tmp_path / "halved.ome.zarr", toy(seed=5, largest=300))
    one_tile = whole(tmp_path / "one.ome.zarr", toy(seed=5, tile=SHAPE))
    for made in (halved, one_tile):
        np.testing.assert_array_equal(made[0], expected[0])
    other_seed = whole(tmp_path / "other.ome.zarr", toy(seed=6))
    assert (other_seed[0] != expected[0]).any()


def test_a_piece_that_is_shown_first_leaves_no_trace(tmp_path, monkeypatch):
    expected = whole(tmp_path / "whole.ome.zarr", toy())
    monkeypatch.setattr(ready_model, "_GLIMPSE", 64)
    out, shown = tmp_path / "out.ome.zarr", []
    job = stream(toy(), out, focus=(2, 12, 12))
    run(job, lambda p: shown.append(p.preview) if p.preview else None).close()
    assert [s.stop - s.start for s in shown[0]] == [4, 4, 4]
    for made, right in zip(stored(out), expected, strict=True):
        np.testing.assert_array_equal(made, right)


def test_a_memory_too_small_for_anything_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="memory is too small"):
        run(stream(toy(largest=1), tmp_path / "out.ome.zarr"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_of_no_numbers_is_a_sentence_and_writes_nothing(tmp_path, value):
    net = network()
    net[2].weight.data[0, 1, 1, 1, 1] = value
    with pytest.raises(InputError, match="NaN or infinity"):
        run(stream(toy(net=net), tmp_path / "out.ome.zarr"))
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_overflows_is_a_sentence_and_writes_nothing(tmp_path):
    net = network()
    for layer in (net[0], net[2]):
        layer.weight.data *= 1e30
    with pytest.raises(InputError, match="NaN or infinity"):
        run(stream(toy(net=net), tmp_path / "out.ome.zarr"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("two_threads")
def test_predictions_side_by_side_have_the_bits_of_each_alone(tmp_path):
    """Also while a third thread learns with the generator that all share."""

    def predicted(name: str, seed: int) -> np.ndarray:
        return whole(tmp_path / f"{name}.ome.zarr", toy(net=network(norm=True), seed=seed))[0]

    alone = [predicted(f"alone {seed}", seed) for seed in (1, 2)]
    stop = Event()

    def learn() -> None:
        net = nn.Sequential(nn.Conv3d(1, 4, 3), Dropout3d(0.5), nn.Conv3d(4, 1, 3))
        while not stop.is_set():
            torch.manual_seed(0)
            with drawing_from(net, torch.Generator()):
                net(torch.rand(1, 1, 8, 8, 8)).mean().backward()

    with ThreadPoolExecutor(3) as threads:
        learning = threads.submit(learn)
        try:
            both = [threads.submit(predicted, f"both {seed}", seed) for seed in (1, 2)]
            together = [future.result() for future in both]
        finally:
            stop.set()
        learning.result()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (alone[0] != alone[1]).any()


def test_a_prediction_leaves_the_shared_generator_as_it_was(tmp_path):
    model = toy(seed=5)
    before = torch.random.get_rng_state()
    whole(tmp_path / "out.ome.zarr", model)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_more_tiles_than_can_be_listed_is_a_sentence(tmp_path):
    endless = Volume.from_array(da.zeros((4, 100_000, 100_000), np.uint8), name="endless")
    with pytest.raises(InputError, match=r"endless would be cut into 6\.25e\+08 tiles"):
        run(stream(Toy(endless, network(), tile=(4, 4, 4)), tmp_path / "out.ome.zarr"))


def test_an_input_in_no_file_cannot_go_to_a_cluster(tmp_path):
    with pytest.raises(InputError, match="toy is in no file that the workers"):
        run(stream(toy(), tmp_path / "out.ome.zarr", scheduler="tcp://127.0.0.1:9"))
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_looks_empty_is_scaled_by_the_box_that_is_wanted(tmp_path, monkeypatch):
    """The same wherever it goes on, and never by two ranges in one output."""
    monkeypatch.setattr(scaling, "searched", lambda volume: [])  # as in one too large for that
    shape = (4, 16384, 16384)
    stored = zarr.create_array(tmp_path / "a.zarr", shape=shape, chunks=(4, 64, 64), dtype="uint8")
    stored[:, 1600:1616, 1600:1624] = IMAGE
    box = (slice(0, 4), slice(1600, 1616), slice(1600, 1624))

    def model(box: tuple[slice, slice, slice] | None) -> Toy:
        made = Toy(Volume.from_array(stored, name="dark"), network(), tile=(4, 64, 64))
        made.box = box
        return made

    with pytest.raises(InputError, match="dark is 0 everywhere"):
        run(stream(model(None), tmp_path / "whole.ome.zarr"))
    empty = (slice(0, 4), slice(0, 16), slice(0, 16))
    with pytest.raises(InputError, match="dark in the box 0:4,0:16,0:16 is 0 everywhere"):
        run(stream(model(empty), tmp_path / "empty.ome.zarr"))
    out = tmp_path / "out.ome.zarr"
    run(stream(model(box), out)).close("0:4,1600:1616,1600:1624")
    scaled = ReadyModel(toy()).tensor(IMAGE[None])
    with torch.inference_mode():
        expected = network()(scaled)[0, 0].numpy()
    middle = (slice(0, 4), slice(2, 14), slice(2, 22))  # the border of a small image is another
    np.testing.assert_allclose(stored_in(out, box)[middle], expected[middle], rtol=1e-4, atol=1e-4)
    other = (slice(0, 4), slice(1600, 1608), slice(1600, 1604))
    with pytest.raises(InputError, match="with another range of intensities"):
        run(stream(model(other), out, resume=True))


def stored_in(out: Path, box: tuple[slice, ...]) -> np.ndarray:
    return zarr.open_group(out)["0"][box]


def test_a_box_reads_no_more_than_its_tiles_with_their_halo(tmp_path):
    """Whatever the size of the image; what is read to scale it is bounded, and not counted."""
    array = Counted(np.random.default_rng(1).integers(0, 255, (4, 16, 24), np.uint8), 64)
    made = Toy(Volume.from_array(array, name="large"), network(), tile=(4, 16, 24))
    made.box = (slice(0, 3), slice(500, 530), slice(700, 701))
    made.scalings = lambda: [scaling.Scaling(0, 255)]
    array.voxels = 0
    run(stream(made, tmp_path / "out.ome.zarr"))
    identity = 8 * 4 * 16 * 16  # the fingerprint's blocks
    tiles = 3 * 4 * (16 + 4) * (24 + 4)
    assert array.voxels <= tiles + identity


class Counted(Lazy):
    """A small image repeated in the plane, which counts the voxels that are read."""

    def __init__(self, image: np.ndarray, times: int) -> None:
        z, y, x = image.shape
        super().__init__((z, times * y, times * x), image.dtype, image.shape)
        self.image, self.voxels = image, 0

    def read(self, box):
        self.voxels += math.prod(s.stop - s.start for s in box)
        z, y, x = (np.arange(s.start, s.stop) for s in box)
        _, height, width = self.image.shape
        return self.image[np.ix_(z, y % height, x % width)]
