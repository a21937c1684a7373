"""Trees at random: written and read, in any order of the lines, and with faults in the file."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.swc import ROOT, read_swc, write_swc
from napari_midl.volumes.swc_text import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEEDS = range(25)


def trees(rng: random.Random) -> pd.DataFrame:
    """Up to four trees of up to forty nodes, numbered at random, parents first."""
    numbers = rng.sample(range(2000), rng.randint(1, 40))
    rows = []
    for k, number in enumerate(numbers):
        place = [round(rng.uniform(-1e4, 1e4), 6) for _ in range(3)]
        parent = ROOT if k == 0 or rng.random() < 0.05 else rng.choice(numbers[:k])
        rows.append((number, rng.randint(0, 9), *place, round(rng.uniform(0, 9), 6), parent))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def is_forest(nodes: pd.DataFrame) -> bool:
    seen = {ROOT}
    for node, _, *place, radius, parent in nodes.itertuples(index=False, name=None):
        if node in seen or parent not in seen or not all(map(math.isfinite, place)):
            return False
        if math.isinf(radius):
            return False
        seen.add(node)
    return len(nodes) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_written_is_read(tmp_path: Path, seed: int) -> None:
    nodes = trees(random.Random(seed))
    write_swc(tmp_path / "a.swc", nodes)
    pd.testing.assert_frame_equal(read_swc(tmp_path / "a.swc"), nodes)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_the_lines_does_not_matter(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    nodes = trees(rng)
    path = tmp_path / "a.swc"
    write_swc(path, nodes)
    lines = path.read_text().splitlines()
    rng.shuffle(lines)
    path.write_text("\n".join(lines))
    found = read_swc(path)
    assert is_forest(found)
    pd.testing.assert_frame_equal(
        found.sort_values("id", ignore_index=True), nodes.sort_values("id", ignore_index=True)
    )


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    begin = rng.randrange(len(data))
    return data[:begin] + data[begin + rng.randint(1, 200) :]


def swapped(data: bytes, rng: random.Random) -> bytes:
    words = data.split(b" ")
    for _ in range(rng.randint(1, 4)):
        i, k = rng.randrange(len(words)), rng.randrange(len(words))
        words[i], words[k] = words[k], words[i]
    return b" ".join(words)


def repeated(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(lines + rng.choices(lines, k=rng.randint(1, 3)))


def odd(data: bytes, rng: random.Random) -> bytes:
    words = data.split(b" ")
    word = rng.choice([b"nan", b"inf", b"1e400", b"-0", b"", b",", b"1,5", b"9" * 30, b"#", b"\0"])
    words[rng.randrange(len(words))] = word
    return b" ".join(words)


@pytest.mark.parametrize("fault", [flipped, cut, swapped, repeated, odd])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_faulty_file_is_a_forest_or_a_sentence(
    tmp_path: Path, fault: Callable[[bytes, random.Random], bytes], seed: int
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "a.swc"
    write_swc(path, trees(rng))
    good = path.read_bytes()
    for _ in range(8):
        path.write_bytes(fault(good, rng))
        try:
            assert is_forest(read_swc(path))
        except InputError as error:
            assert str(error).startswith(str(path))
            assert str(error).endswith(".")
