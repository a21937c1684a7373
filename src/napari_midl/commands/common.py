"""What the commands of the tools share."""

from typing import Any

from cyclopts import Parameter

# The fields of a settings class become options of their own.
Flat = Parameter(name="*")


def say_scores(results: dict[str, Any]) -> None:
    """Print the held-out scores of a fine-tuning, before and after."""
    before, after = results.get("before") or {}, results.get("after") or {}
    for name in after:
        print(f"held-out {name}: {before.get(name, float('nan')):.3f} -> {after[name]:.3f}")
