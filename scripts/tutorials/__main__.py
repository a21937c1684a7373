"""``python -m scripts.tutorials [TOOL...]`` takes the pictures of docs/ anew.

Needs a screen of its own: ``make docs-pictures`` gives it a virtual one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from napari_midl.methods import METHODS

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def main(tools: list[str]) -> None:
    """Follow one tutorial here, or several one after the other, each in a napari of its own."""
    if len(tools) == 1:
        _follow(tools[0])
        return
    for tool in tools:
        with tempfile.TemporaryDirectory(prefix="midl-") as folder:
            # Nothing of whoever runs this is seen, and nothing is left behind.
            own = dict.fromkeys(("XDG_DATA_HOME", "XDG_STATE_HOME", "NAPARI_MIDL_CACHE"), folder)
            subprocess.run(
                [sys.executable, "-m", "scripts.tutorials", tool],
                env={**os.environ, **own, "NAPARI_CONFIG": "", "OMP_WAIT_POLICY": "PASSIVE"},
                check=True,
            )


def _follow(tool: str) -> None:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

    camera = Camera(PICTURES)
    camera.hand = Hand(camera.look)
    import_module(f"scripts.tutorials.{tool}").follow(camera.hand, camera)
    camera.hand.viewer.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(METHODS))
