"""What a CUDA GPU gives is what the CPU gives, for every operation on its example.

Run where there is one by ``pytest tests -m cuda``; neither napari nor Qt is needed for that.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import torch
import trimesh
import zarr
from safetensors.torch import load_file

from napari_midl.engine.jobs import run
from napari_midl.engine.models import read_card
from napari_midl.engine.operations import options_of
from napari_midl.errors import InputError
from napari_midl.methods import all_operations
from napari_midl.methods.staining.settings import LEARNT, TAKES_REFERENCE
from tests.operations.examples import EXAMPLES, operation_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU here"),
]

OPERATIONS = all_operations()
# Convolutions on a GPU round to 10 bits of mantissa (TF32), which a network passes on.
PROBABILITY, COLOUR = 0.02, 6
# Adam takes steps of the same length wherever the gradient is not zero, whatever rounding says.
WEIGHTS = 0.05
MILLIMETRES = 0.01
TILES = {"vessels.predict": (12, 16, 16), "staining.despeckle": 64}


def with_device(example: str) -> bool:
    options = options_of(OPERATIONS[operation_of(example)])
    return any(option.name == "device" for option in options)


def performed(example: str, inputs: Path, folder: Path, **others: Any) -> Any:
    """An operation on its example, with its output in a folder: its outcome."""
    inputs.mkdir()
    folder.mkdir()
    options, output = EXAMPLES[example](inputs)
    done = OPERATIONS[operation_of(example)].of(**options | others, out=folder / output)
    return run(done.perform())


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A context in which torch finds no GPU."""

    @contextmanager
    def context() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda: False)
            yield

    return context


@pytest.mark.parametrize("example", sorted(filter(with_device, EXAMPLES)))
def test_it_gives_what_the_cpu_gives(example, tmp_path, without_gpu):
    with without_gpu():
        performed(example, tmp_path / "a", tmp_path / "cpu")
    performed(example, tmp_path / "b", tmp_path / "cuda")
    same_folders(tmp_path / "cpu", tmp_path / "cuda")


@pytest.mark.parametrize("example", sorted(e for e in EXAMPLES if not with_device(e)))
def test_without_a_device_it_does_not_care_whether_there_is_a_gpu(example, tmp_path, without_gpu):
    with without_gpu():
        performed(example, tmp_path / "a", tmp_path / "cpu")
    performed(example, tmp_path / "b", tmp_path / "cuda")
    same_folders(tmp_path / "cpu", tmp_path / "cuda")


@pytest.mark.parametrize(
    "example",
    [
        "anatomy.train",
        "axons.finetune",
        "axons.train",
        "staining.despeckle",
        "staining.train",
        "staining.train-despeckler",
        "vessels.batch",
        "vessels.finetune unet",
        "vessels.predict",
        "vessels.pretrain",
    ],
)
def test_it_computes_on_the_gpu(example, tmp_path):
    before = allocations()
    performed(example, tmp_path / "inputs", tmp_path / "out", device="cuda")
    assert allocations() > before


def allocations() -> int:
    """How often memory of the GPU was asked for so far."""
    return int(torch.cuda.memory_stats()["allocation.all.allocated"])


@pytest.mark.parametrize("model", ["base", "unet"])
@pytest.mark.parametrize("uncertainty", [False, True])
def test_a_vessel_network_says_what_it_says_on_the_cpu(model, uncertainty, tmp_path):
    for device in ("cpu", "cuda"):
        others = {"model": model, "uncertainty": uncertainty, "device": device}
        performed("vessels.predict", tmp_path / f"in {device}", tmp_path / device, **others)
    same(tmp_path / "cpu" / "vessels.ome.zarr", tmp_path / "cuda" / "vessels.ome.zarr")


@pytest.mark.parametrize("method", ["density", "cyclegan", "linear", "beer-lambert"])
def test_a_stain_has_the_colours_of_the_cpu(method, tmp_path):
    for device in ("cpu", "cuda"):
        others = {"method": method, "device": device, "keep_speckle": False}
        others |= {"doubt": method in LEARNT}
        others |= {} if method in TAKES_REFERENCE else {"reference": None}
        performed("staining.stain", tmp_path / f"in {device}", tmp_path / device, **others)
    same(tmp_path / "cpu" / "stain.ome.zarr", tmp_path / "cuda" / "stain.ome.zarr")


@pytest.mark.parametrize("example", ["vessels.predict", "staining.despeckle"])
def test_stopped_and_resumed_on_the_gpu_it_ends_as_one_that_was_not(example, tmp_path):
    performed(example, tmp_path / "a", tmp_path / "whole", tile=TILES[example])
    inputs, out = tmp_path / "b", tmp_path / "stopped"
    inputs.mkdir()
    options, output = EXAMPLES[example](inputs)
    done = OPERATIONS[example]
    options |= {"tile": TILES[example], "out": out / output}
    out.mkdir()
    with closing(done.of(**options).perform()) as job:
        while next(job).done < 2:
            pass
    run(done.of(**options, resume=True).perform())
    same(tmp_path / "whole" / output, out / output)


def test_a_model_that_learnt_on_the_gpu_predicts_on_the_cpu(tmp_path):
    trained = tmp_path / "out" / "model.safetensors"
    performed("vessels.finetune unet", tmp_path / "a", tmp_path / "out", device="cuda")
    for device in ("cpu", "cuda"):
        others = {"model": str(trained), "device": device}
        performed("vessels.predict", tmp_path / f"in {device}", tmp_path / device, **others)
    same(tmp_path / "cpu" / "vessels.ome.zarr", tmp_path / "cuda" / "vessels.ome.zarr")


@contextmanager
def room_for(size: float) -> Iterator[None]:
    """Let torch have so many bytes of the GPU at most, as a small one has."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, size / total))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def large_image(folder: Path) -> Path:
    path = folder / "large.tif"
    z, y, _ = np.indices((32, 256, 256), np.int16)
    tube = (z - 16) ** 2 + (y - 100) ** 2 < 40
    noise = np.random.default_rng(0).normal(60, 12, tube.shape)
    tifffile.imwrite(path, np.clip(noise + 110 * tube, 0, 255).astype(np.uint8))
    return path


def test_where_a_tile_does_not_fit_into_the_gpu_it_is_halved(tmp_path):
    options = {"image": large_image(tmp_path), "model": "unet", "tile": (32, 256, 256)}
    predict = OPERATIONS["vessels.predict"]
    run(predict.of(**options, out=tmp_path / "warm.ome.zarr").perform())
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run(predict.of(**options, out=tmp_path / "whole.ome.zarr").perform())
    needed = torch.cuda.max_memory_allocated()
    with room_for(0.6 * needed):
        run(predict.of(**options, out=tmp_path / "small.ome.zarr").perform())
    same(tmp_path / "whole.ome.zarr", tmp_path / "small.ome.zarr")


@pytest.mark.parametrize("example", ["vessels.predict", "vessels.pretrain", "staining.train"])
def test_a_gpu_that_is_full_is_a_sentence(example, tmp_path):
    with room_for(2**20), pytest.raises(InputError, match="memory") as refused:
        performed(example, tmp_path / "inputs", tmp_path / "out", device="cuda")
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
    performed(example, tmp_path / "again", tmp_path / "other", device="cuda")


def names(folder: Path) -> list[str]:
    """What lies in a folder, without records, which tell the time."""
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".run.json"))


def same_folders(one: Path, other: Path) -> None:
    assert names(one) == names(other)
    for name in names(one):
        same(one / name, other / name)


def same(one: Path, other: Path) -> None:
    """Hold two outputs against each other, by what kind they are of."""
    if one.name.endswith(".ome.zarr"):
        same_images(one, other)
    elif one.suffix == ".safetensors":
        same_models(one, other)
    elif one.suffix == ".csv":
        same_tables(one, other)
    elif one.suffix == ".ply":
        same_meshes(one, other)
    elif one.is_dir():
        same_folders(one, other)
    else:
        assert one.read_bytes() == other.read_bytes(), one.name


def same_images(one: Path, other: Path) -> None:
    found = zarr.open_group(other, mode="r")
    for path, array in zarr.open_group(one, mode="r").members(None):
        if not isinstance(array, zarr.Array):
            continue
        a, b = np.asarray(array[:], float), np.asarray(found[path][:], float)
        assert a.shape == b.shape and np.isfinite(b).all()
        if path.startswith("labels"):
            assert (a != b).mean() <= PROBABILITY, path
        else:
            allowed = PROBABILITY if array.dtype.kind == "f" else COLOUR
            assert np.quantile(abs(a - b), 0.999) <= allowed, path


def same_meshes(one: Path, other: Path) -> None:
    a, b = (trimesh.load_mesh(path, process=False) for path in (one, other))
    np.testing.assert_array_equal(b.faces, a.faces)
    # Sums of many threads differ in their last digits from run to run.
    np.testing.assert_allclose(b.vertices, a.vertices, atol=MILLIMETRES)


def same_models(one: Path, other: Path) -> None:
    cards = read_card(one), read_card(other)
    assert cards[0].keys() == cards[1].keys()
    for key in ("tool", "architecture", "steps"):
        assert cards[0].get(key) == cards[1].get(key)
    a, b = load_file(one), load_file(other)
    assert {n: (t.shape, t.dtype) for n, t in a.items()} == {
        n: (t.shape, t.dtype) for n, t in b.items()
    }
    wanted, found = (torch.cat([t[n].double().flatten() for n in sorted(t)]) for t in (a, b))
    assert bool(found.isfinite().all())
    assert (wanted - found).norm() <= WEIGHTS * wanted.norm()


def same_tables(one: Path, other: Path) -> None:
    import pandas as pd

    a, b = pd.read_csv(one), pd.read_csv(other)
    assert list(a.columns) == list(b.columns) and len(a) == len(b)
    for name in a.columns:
        if a[name].dtype.kind in "fi":
            np.testing.assert_allclose(b[name], a[name], rtol=0.05, atol=0.05, err_msg=name)
