"""The methods, one folder each with the same rooms; here is the one list of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_midl.engine.operations import Operation

# Name of the folder, and what the method is for.
METHODS = {
    "vessels": "Segment vessels.",
    "axons": "Follow axons and other fibres.",
    "anatomy": "Generate a shape from landmarks.",
    "staining": "Stain confocal mosaics as H&E slides; not for diagnosis.",
    "segment": "Segment any structures, from few and from partial labels.",
}


def operations_of(method: str) -> list[type[Operation[Any]]]:
    """The operations of a method, in the order in which they were written."""
    from napari_midl.engine.operations import OPERATIONS

    import_module(f"napari_midl.methods.{method}.operations")
    return [each for name, each in OPERATIONS.items() if name.split(".")[0] == method]


def all_operations() -> dict[str, type[Operation[Any]]]:
    """The operations of all methods, by name."""
    return {each.name: each for method in METHODS for each in operations_of(method)}
