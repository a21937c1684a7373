"""``python -m scripts.tutorials [TOOL...]`` takes the pictures of docs/ anew.

Needs a screen of its own: ``make docs-pictures`` gives it a virtual one.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

from napari_midl.methods import METHODS
from scripts.tutorials.newcomer import newcomer

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
HERE = "--here"


def main(tools: list[str]) -> None:
    """Follow one tutorial after the other, each in a napari of its own."""
    for tool in tools:
        with newcomer() as environment:
            command = [sys.executable, "-m", "scripts.tutorials", HERE, tool]
            subprocess.run(command, env=environment, check=True)


def follow(tool: str) -> None:
    """Follow the tutorial of a tool in this process."""
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

    camera = Camera(PICTURES)
    camera.hand = Hand(camera.look)
    import_module(f"scripts.tutorials.{tool}").follow(camera.hand, camera)
    camera.hand.viewer.close()


if __name__ == "__main__":
    if sys.argv[1:2] == [HERE]:
        follow(sys.argv[2])
    else:
        main(sys.argv[1:] or list(METHODS))
