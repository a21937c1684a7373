"""What the results of a run say of a scan and of a shape in it, and that in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_midl.volumes.volume import Volume

CROSSED, TURNED = "faces that cross", "left and right turned over"
SHARE, PLACED = "share in the scan", "the scan says its place"


def of_scan(scan: Volume) -> dict[str, Any]:
    """What the results of a run say of a scan."""
    return {PLACED: scan.space.origin is not None}


def turned_in_words(turned: bool) -> list[str]:
    """A sentence where what is called left lies on the right."""
    if not turned:
        return []
    return [
        "What is called left lies on the right of the patient: x and y may be those of RAS, for "
        "which the columns of a table are to be called label,r,a,s; or the scan says wrongly how "
        "the patient lay."
    ]


def scan_in_words(results: Mapping[str, Any]) -> list[str]:
    """Sentences on what the results of a run say of them; none where no scan was given."""
    lines = []
    if SHARE in results:
        lines.append(f"{share_in_words(results[SHARE])} of the shape lies in the scan.")
    if not results.get(PLACED, True):
        lines.append(
            "The scan does not say where it lies: x, y and z count from the middle of its first "
            "voxel."
        )
    return lines


def crossed_in_words(results: Mapping[str, Any]) -> list[str]:
    """A sentence on faces of a shape that cross each other; none where no face does."""
    if not results.get(CROSSED):
        return []
    return [
        f"{results[CROSSED]} triangles of the surface cross others, and smoothing does not mend "
        "that; look at the landmarks there."
    ]


def fit_in_words(results: Mapping[str, float]) -> str:
    """How far a mesh lay from the bone before a fit, and lies after it."""
    before, after = (
        f"{results[f'{when} the fit, mean']:.2f} mm (95 % within "
        f"{results[f'{when} the fit, 95 %']:.2f} mm)"
        for when in ("before", "after")
    )
    return f"distance to the bone: {before} before the fit, {after} after it"


def share_in_words(share: float) -> str:
    """A share in percent; only all of it is 100 %."""
    percent = min(100 * share, 99.0) if share < 1 else 100.0
    return f"{percent:.0f} %" if percent >= 1 else "less than 1 %"
