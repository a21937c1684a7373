"""Learning with little: whether pretraining, fine-tuning and partial labels help, and how much.

Four parts, after the tables and figures of three papers: *a* synthetic trees (Paetzold et al.,
table 1), *b* what to fine-tune (Kaur et al., figure 2), *c* partial labels (Dai et al., tables 1
to 5), *d* against a forest on multiscale features with the same labels. Every training takes a
number of steps that is the same for all it is compared with, and no score chooses anything.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import transfer_report
from benchmarks.transfer_parts import PARTS, PATCHES, How

if TYPE_CHECKING:
    from collections.abc import Sequence


def _nilearn(folder: Path) -> Path:
    """The wheel in which the brain template lies; the package itself is not needed."""
    command = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder))
    subprocess.run([*command, "nilearn==0.14.1"], check=True)
    return next(folder.glob("nilearn-*.whl"))


def _work(job: tuple[How, str, int, Path]) -> str:
    """One part with one seed; its rows are kept at once, so that a stop loses nothing else."""
    import torch

    how, part, seed, folder = job
    torch.set_num_threads(1)
    began = time.monotonic()
    rows = PARTS[part](how, seed)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    about = {"part": part, "seed": seed, "device": device, "seconds": time.monotonic() - began}
    (folder / f"{part}-{seed}.json").write_text(
        json.dumps(about | {"scale": how.scale, "rows": rows})
    )
    return f"{part} {seed}: {about['seconds']:.0f} s"


def main(arguments: Sequence[str]) -> None:
    """Train what is asked for, side by side; then print and plot all that there is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks transfer", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/vessels"))
    parser.add_argument("--brain", type=Path, help="nilearn's wheel; by default pip fetches it")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of steps")
    parser.add_argument("--looks", type=int, default=8)
    parser.add_argument("--most", nargs="*", type=int, default=[], help="voxels z y x to score")
    parser.add_argument("--trees", type=Path, help="a DeepVesselNet of `segment pretrain`")
    parser.add_argument("--patches", nargs="*", type=int, default=list(PATCHES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, default=Path(".transfer"), help="rows of each part; done anew if gone"
    )
    parser.add_argument("--report", action="store_true", help="only from what is kept")
    asked = parser.parse_args(arguments)
    asked.keep.mkdir(exist_ok=True, parents=True)
    if not asked.report:
        brain = asked.brain or _nilearn(asked.keep)
        how = How(
            asked.data,
            brain,
            asked.device,
            asked.scale,
            asked.looks,
            tuple(asked.most) or None,
            asked.trees,
            tuple(asked.patches),
        )
        wanted = [(part, seed) for seed in asked.seeds for part in asked.parts]
        jobs = [
            (how, part, seed, asked.keep)
            for part, seed in wanted
            if not (asked.keep / f"{part}-{seed}.json").exists()
        ]
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        with multiprocessing.get_context("spawn").Pool(asked.processes, maxtasksperchild=1) as pool:
            running = [pool.apply_async(_work, (job,)) for job in jobs]
            for each, (_, part, seed, _) in zip(running, jobs, strict=True):
                try:
                    print(each.get(), flush=True)
                except Exception as error:  # the others go on
                    print(f"{part} {seed} failed: {error}", flush=True)
    transfer_report.report(asked.keep)
