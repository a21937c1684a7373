"""``python -m benchmarks NAME [OPTIONS]`` prints a table and writes JSON."""

from __future__ import annotations

import argparse
from importlib import import_module

NAMES = (
    "all",
    "vessels",
    "vessels_live",
    "throughput",
    "memory",
    "size",
    "world",
    "responsiveness",
    "soak",
    "resume",
    "axons",
    "anatomy",
    "anatomy_dock",
    "staining",
    "transfer",
    "transfer_pixels",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=NAMES)
    name, rest = parser.parse_known_args()
    import_module(f"benchmarks.{name.name}").main(rest)


if __name__ == "__main__":
    main()
