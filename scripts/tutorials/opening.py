"""How each tutorial begins: a sample and a dock, out of napari's menus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

SAMPLES, DOCKS = (0, 0, 860, 480), (0, 0, 620, 300)


def open_both(hand: Hand, camera: Camera, tool: str, sample: str) -> Any:
    """Open the sample, then the dock, which is returned."""
    name = f"tutorials/{tool.lower()}"
    hand.menu(
        *("File", "Open Sample", "MIDL", sample),
        opened=lambda: camera.picture(f"{name}-sample", crop=SAMPLES),
    )
    hand.menu(
        *("Plugins", "MIDL", f"{tool} (MIDL)"),
        opened=lambda: camera.picture(f"{name}-menu", crop=DOCKS),
    )
    dock = hand.dock(tool)
    hand.until(lambda: dock.bench.volume is not None)
    hand.home()
    return dock
