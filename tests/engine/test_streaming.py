"""Through `stream`, with a small network: tiles, kills, memory, neighbours in other threads."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from torch import nn

from napari_midl.engine.dropout import Dropout3d, drawing_from
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.streaming import ReadyModel, stream
from napari_midl.errors import InputError
from napari_midl.volumes.volume import Volume

from .dense_models import IMAGE, SHAPE, Toy, network, toy

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = tuple(slice(0, n) for n in SHAPE)


class Killed(Exception):
    """What the system says to a program that is gone."""


class Kill:
    """Lets a program write so many times below a folder, and never again.

    Attributes
    ----------
    left : int or None
        Writes that are left; None means all.
    came : bool
        Whether there was one write more.
    """

    def __init__(self) -> None:
        self.left: int | None = None
        self.came = False
        self.folder = ""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if self.left is None or event not in _WRITES:
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(self.folder):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if self.left <= 0:
            self.came = True
            raise Killed
        self.left -= 1


_WRITES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


@pytest.fixture(scope="module")
def kill():
    return Kill()


@pytest.fixture(autouse=True)
def alive(kill, tmp_path):
    kill.folder = str(tmp_path)
    yield
    kill.left = None


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


def test_a_kill_at_any_write_leaves_what_resumes_or_is_begun_anew(tmp_path, kill):
    expected = whole(tmp_path / "whole.ome.zarr", toy(seed=3))
    for writes in range(500):
        out = tmp_path / f"{writes}" / "out.ome.zarr"
        kill.left, kill.came = writes, False
        try:
            run(stream(toy(seed=3), out)).close()
        except Killed:
            pass
        except Exception as error:  # whoever was writing may say it in its own words
            assert kill.came, error
        kill.left = None
        if not kill.came:
            break
        assert is_unfinished(out) or not out.exists()
        if out.exists() and is_complete(out):
            np.testing.assert_array_equal(stored(out)[0], expected[0])
        result = whole(out, toy(seed=3), resume=is_unfinished(out))
        for made, right in zip(result, expected, strict=True):
            np.testing.assert_array_equal(made, right)
        assert is_complete(out) and not is_unfinished(out)
        assert list(out.parent.iterdir()) == [out]
        assert not list(out.rglob("*.partial"))
    assert 50 < writes < 499


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


def test_halves_have_the_same_bits_also_with_dropout(tmp_path):
    expected = whole(tmp_path / "whole.ome.zarr", toy(seed=5))
    halved = whole(tmp_path / "halved.ome.zarr", toy(seed=5, largest=300))
    one_tile = whole(tmp_path / "one.ome.zarr", toy(seed=5, tile=SHAPE))
    for made in (halved, one_tile):
        np.testing.assert_array_equal(made[0], expected[0])
    other_seed = whole(tmp_path / "other.ome.zarr", toy(seed=6))
    assert (other_seed[0] != expected[0]).any()


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
