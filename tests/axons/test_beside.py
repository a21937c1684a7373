"""Whether traces lie on fibres, and what is said of those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.errors import InputError
from napari_midl.methods.axons.beside import beside, read_and_look
from napari_midl.methods.axons.synthetic import synthetic_image
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Trace, read_traces, write_traces
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (5.0, 2.0, 2.0)


def trace(points: np.ndarray, name: str = "a") -> Trace:
    return Trace(name, points, np.zeros(len(points)))


def fibres(x: np.ndarray) -> np.ndarray:
    """Heights of three fibres."""
    return np.stack([36 + 30 * k + 9 * np.sin(x / (13 + 4 * k) + k) for k in range(3)])


def image(bright: float = 120.0) -> np.ndarray:
    """A plane (uint8) of 140 x 220 with three fibres in noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:140, :220]
    clean = sum(np.exp(-((y - line) ** 2) / 6) for line in fibres(x[0]))
    return np.clip(128 - bright / 2 + bright * clean + rng.normal(0, 12, x.shape), 0, 255).astype(
        np.uint8
    )


def centres() -> list[Trace]:
    x = np.arange(6.0, 214.0, 3.0)
    return [trace(np.stack([0 * x, y, x], 1), str(k)) for k, y in enumerate(fibres(x))]


def moved(change: Callable[[np.ndarray], np.ndarray]) -> list[Trace]:
    return [trace(change(known.points), known.path) for known in centres()]


def plane(scale: tuple[float, ...] | None = SIZE, bright: float = 120.0) -> Volume:
    return Volume.from_array(image(bright)[None], scale=scale, units="um", name="plane")


def written(path: Path, traces: list[Trace], space: Space) -> Path:
    """As other programs write it, without our header."""
    write_traces(path, traces, space)
    if path.suffix == ".swc":
        lines = path.read_text(encoding="utf-8").splitlines()[2:]
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("bright", [120.0, 30.0, -120.0, -30.0], ids=str)
def test_traces_on_bright_and_dark_fibres_are_left_alone(bright: float) -> None:
    assert beside(plane(bright=bright), centres()) == ""
    # A person's hand is not that of a tracker.
    rng = np.random.default_rng(1)
    shaken = moved(lambda p: p[::6] + rng.normal(0, 1.0, p[::6].shape) * (0, 1, 1))
    assert beside(plane(bright=bright), shaken) == ""


@pytest.mark.parametrize("condition", ["SI", "SI-EN", "SI-W", "rich", "crowded"])
def test_one_fibre_of_a_crowd_is_left_alone_and_lines_of_another_image_are_not(
    condition: str,
) -> None:
    said = []
    for seed in range(6):
        made, line = synthetic_image(condition, np.random.default_rng(seed))  # type: ignore[arg-type]
        _, other = synthetic_image(condition, np.random.default_rng(seed + 100))  # type: ignore[arg-type]
        volume = Volume.from_array(made[None], name="one")
        assert beside(volume, [trace(np.pad(line, ((0, 0), (1, 0))))]) == ""
        said.append(beside(volume, [trace(np.pad(other, ((0, 0), (1, 0))))]))
    # By chance another line may run along a fibre.
    assert sum("background" in words for words in said) >= 4


def test_holes_and_hot_pixels_change_nothing() -> None:
    holes = image().astype(np.float32)
    holes[10:30, 50:90], holes[::40, ::50] = np.nan, np.inf
    holes[70, 100] = 1e9
    volume = Volume.from_array(holes[None], name="holes")
    assert beside(volume, centres()) == ""
    assert "background" in beside(volume, moved(lambda p: p * (1, 0.5, 0.5)))


def test_wide_fibres_in_noise_and_short_traces_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:400, :600]
    wide = np.exp(-((y - 200 - 60 * np.sin(x / 90)) ** 2) / (2 * 16**2)) + rng.normal(0, 1, y.shape)
    along = np.arange(20.0, 580.0)
    points = np.stack([0 * along, 200 + 60 * np.sin(along / 90), along], 1)
    assert beside(Volume.from_array(wide[None], name="wide"), [trace(points)]) == ""
    assert beside(plane(), [trace(centres()[1].points[20:30])]) == ""


def test_fibres_of_a_stack_are_found_in_the_planes_of_their_traces() -> None:
    rng = np.random.default_rng(0)
    stack = rng.normal(60, 12, (8, 140, 220))
    stack[5] = image()
    volume = Volume.from_array(stack, name="stack")
    assert beside(volume, moved(lambda p: np.add(p, (5, 0, 0)))) == ""
    assert "background of stack" in beside(volume, moved(lambda p: np.add(p, (1, 0, 0))))


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p * (1, 0.5, 0.5),
        lambda p: np.add(p, (0, 12, 0)),
        lambda p: p * (1, 0.6, 0.8) + (0, 7, 13),
        lambda p: p[::-1] * (1, 1, 0.3) + (0, 0, 90),
    ],
    ids=["half", "shifted", "squeezed", "short"],
)
@pytest.mark.parametrize("bright", [120.0, -120.0], ids=str)
def test_traces_on_background_are_told(
    change: Callable[[np.ndarray], np.ndarray], bright: float
) -> None:
    said = beside(plane(bright=bright), moved(change))
    assert said == (
        "The traces to learn from cannot be told from the background of plane; accept others."
    )


def test_pixels_and_nanometres_are_recognised_and_the_mend_works(tmp_path: Path) -> None:
    volume = plane()
    for name, traces, word in (
        ("pixels", moved(lambda p: p / SIZE), "pixels"),
        ("nanometres", moved(lambda p: p * 1000), "nanometres"),
    ):
        path = written(tmp_path / f"{name}.swc", traces, volume.space)
        known = read_traces(path, volume.space)
        said = beside(volume, known, path)
        assert said.startswith(f"The traces of {path} ")
        assert f"lie on its fibres if their x and y are {word}" in said
        line = said.split("'")[1]
        path.write_text(f"{line}\n{path.read_text()}")
        mended, said = read_and_look(path, volume)
        assert said == ""
        for found, true in zip(mended, centres(), strict=True):
            np.testing.assert_allclose(found.points, true.points, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "words", "undo"),
    [
        (lambda p: p * SIZE, "in µm; divide y by 2 and x by 2", lambda p: p / (1, 2, 2)),
        (lambda p: p[:, [0, 2, 1]], "swapped; swap these columns", lambda p: p[:, [0, 2, 1]]),
        (
            lambda p: p * (1, -1, 1) + (0, 139, 0),
            "from the bottom; write 139 - y instead of y",
            lambda p: p * (1, -1, 1) + (0, 139, 0),
        ),
    ],
    ids=["lengths", "swapped", "mirrored"],
)
def test_tables_are_mended_too(
    tmp_path: Path,
    change: Callable[[np.ndarray], np.ndarray],
    words: str,
    undo: Callable[[np.ndarray], np.ndarray],
) -> None:
    # Square, so that no mend takes the traces out of it.
    tall = np.pad(image(), ((0, 80), (0, 0)), mode="reflect")
    volume = Volume.from_array(
        (tall if "swap" in words else image())[None], scale=SIZE, units="um", name="plane"
    )
    path = written(tmp_path / "a.csv", moved(change), volume.space)
    known = read_traces(path, volume.space)
    assert words in beside(volume, known, path)
    assert beside(volume, [trace(undo(t.points), t.path) for t in known], path) == ""


def test_slices_and_places_in_the_world_are_understood(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stack = rng.normal(60, 12, (12, 140, 220))
    stack[9] = image()
    volume = Volume.from_array(stack, scale=SIZE, units="um", name="stack")
    path = written(
        tmp_path / "a.swc", moved(lambda p: np.add(p, (9, 0, 0)) * (0.2, 1, 1)), volume.space
    )
    said = read_and_look(path, volume)[1]
    assert said.endswith("but lie on its fibres if their z is a slice; multiply z by 5.")
    placed = Volume.from_array(
        image()[None], scale=SIZE, units="um", name="placed", origin=(900.0, -70.0, 12.0)
    )
    for space in (placed.space, placed.space.without_place()):
        assert read_and_look(written(tmp_path / "b.swc", centres(), space), placed)[1] == ""
    pixels = written(tmp_path / "c.swc", centres(), Space())
    assert "fibres if their x and y are pixels" in read_and_look(pixels, placed)[1]


def test_an_image_of_unknown_size_and_one_that_is_left_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.swc", centres(), Space.of((1, 0.5, 0.5), "um"))
    unknown = plane(scale=None)
    said = read_and_look(path, unknown)[1]
    assert "whose voxel size is not known, so that they were taken to be in voxels" in said
    assert read_and_look(path, plane(scale=(1.0, 0.5, 0.5)))[1] == ""
    far = written(tmp_path / "far.swc", moved(lambda p: p * (1, 3, 7)), Space())
    with pytest.raises(InputError, match=r"far\.swc leave plane of 1 x 140 x 220 .* is not known"):
        read_and_look(far, unknown)
    far_table = written(tmp_path / "far.csv", moved(lambda p: p * (1, 3, 7)), Space())
    with pytest.raises(InputError, match=r"far\.csv leave plane of .*; give the traces"):
        read_and_look(far_table, unknown)


def test_dots_are_no_mend(tmp_path: Path) -> None:
    """In nanometres these traces would lie in one pixel, which by chance is on a fibre."""
    noise = np.random.default_rng(4).normal(0, 1, image().shape)
    noise[:2, :2] += 9
    volume = Volume.from_array(noise[None], scale=SIZE, units="um", name="noise")
    path = written(tmp_path / "a.swc", centres(), volume.space)
    said = beside(volume, read_traces(path, volume.space), path)
    assert "cannot be told from the background" in said and "nanometres" not in said


def test_the_commands_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    metadata = {"axes": "YX", "unit": "um"}
    tifffile.imwrite("image.tif", image(), imagej=True, resolution=(0.5, 0.5), metadata=metadata)
    written(tmp_path / "pixels.swc", centres(), Space())
    before = sorted(tmp_path.iterdir())

    def ran(*command: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["axons", *command])
        return int(ended.value.code or 0)

    learn = ("finetune", "image.tif", "--traces", "pixels.swc", "--steps", "1")
    assert ran(*learn, "--out", "m.safetensors") == 2
    sentence = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence.startswith("The traces of pixels.swc cannot be told from the background")
    assert "their x and y are pixels" in sentence
    assert sorted(tmp_path.iterdir()) == before
    for command in ("measure", "export"):
        out = f"{command}.csv"
        assert ran(command, "pixels.swc", "--image", "image.tif", "--out", out) == 0
        assert sentence.split("; ")[0] in capfd.readouterr().out
    # The header says it all.
    text = (tmp_path / "pixels.swc").read_text()
    (tmp_path / "said.swc").write_text(f"# All positions and radii in pixels\n{text}")
    assert ran("measure", "said.swc", "--image", "image.tif", "--out", "said.csv") == 0
    assert "background" not in capfd.readouterr().out
    assert ran("measure", "said.swc", "--out", "bare.csv") == 0
    assert "length (voxel)" in (tmp_path / "bare.csv").read_text()
