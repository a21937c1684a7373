"""The tables and pictures of `benchmarks.transfer`."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.report import FOLDER, markdown

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
Rows = list[dict[str, Any]]


def report(kept: Path) -> None:
    """Print and plot what is kept, and write it as one JSON."""
    parts: dict[str, Rows] = defaultdict(list)
    about = []
    for path in sorted(kept.glob("*.json")):
        found = json.loads(path.read_text())
        parts[found["part"].split("-")[0]] += [r | {"seed": found["seed"]} for r in found["rows"]]
        about.append({k: v for k, v in found.items() if k != "rows"})
    if not parts:
        print(f"{kept} holds nothing yet.")
        return
    for part, told in (("a", _synthetic), ("b", _tuned), ("c", _partial), ("d", _forest)):
        if part in parts:
            told(parts[part])
    FOLDER.mkdir(exist_ok=True)
    everything = {"runs": about, "parts": parts}
    (FOLDER / "transfer.json").write_text(json.dumps(everything) + "\n", encoding="utf-8")


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


def _by(rows: Rows, value: str, *keys: str) -> dict[Any, list[float]]:
    found: dict[Any, list[float]] = defaultdict(list)
    for row in rows:
        found[tuple(row[k] for k in keys)].append(row[value])
    return found


def _curves(rows: Rows, training: str, domain: str) -> list[Any]:
    chosen = [r for r in rows if r["training"] == training and r["trained on"] == domain]
    return [row["curve"] for row in chosen]


def _synthetic(rows: Rows) -> None:
    domains = list(dict.fromkeys(row["trained on"] for row in rows))
    own = [row for row in rows if row["trained on"] == row["scored on"]]
    f1 = _by(own, "f1", "training", "scored on")
    table = [
        {"training": t} | {d: _spread(f1[t, d]) for d in domains if (t, d) in f1}
        for t in ("synthetic", "real", "both")
    ]
    print("\n## Synthetic trees, F1\n", markdown(table), sep="\n")
    cross = _by([r for r in rows if r["training"] == "both"], "f1", "trained on", "scored on")
    table = [
        {"synthetic + ": d} | {t: _spread(cross[d, t]) for t in domains if (d, t) in cross}
        for d in domains
    ]
    print("\n## Across domains, F1\n", markdown(table), sep="\n")
    steps = []
    for domain in domains:
        curves = {
            t: np.mean(
                [r["curve"] for r in own if r["training"] == t and r["trained on"] == domain], 0
            )
            for t in ("real", "both")
        }
        best = curves["real"][:, 1].max()
        reached = curves["both"][curves["both"][:, 1] >= best, 0]
        steps.append(
            {
                "domain": domain,
                "best of real": f"{best:.3f}",
                "steps of real": int(curves["real"][curves["real"][:, 1].argmax(), 0]),
                "steps of both": int(reached[0]) if len(reached) else "never",
            }
        )
    print("\n## Steps until the best of real labels alone\n", markdown(steps), sep="\n")
    figure, axes = _figure(len(domains))
    for axis, domain in zip(axes, domains, strict=True):
        for t in ("real", "both"):
            _band(axis, np.array(_curves(own, t, domain)), t)
        axis.axhline(np.mean(f1["synthetic", domain]), ls=":", c="grey", label="synthetic")
        axis.set(title=domain, xlabel="steps", ylim=(0, 1))
    axes[0].set_ylabel("F1")
    axes[0].legend()
    _save(figure, "transfer-synthetic")


def _tuned(rows: Rows) -> None:
    found = _by(rows, "dice", "tuned", "patches")
    ways = list(dict.fromkeys(row["tuned"] for row in rows))
    counts = sorted({row["patches"] for row in rows})
    table = [{"tuned": w} | {str(n): _spread(found[w, n]) for n in counts} for w in ways]
    print("\n## What to fine-tune, mean Dice by labelled slices\n", markdown(table), sep="\n")
    figure, (axis,) = _figure(1)
    for way in ways:
        runs = zip(*(found[way, n] for n in counts), strict=True)
        _band(axis, np.array([list(zip(counts, run, strict=True)) for run in runs]), way)
    axis.set(xscale="log", xlabel="labelled slices", ylabel="mean Dice")
    axis.set_xticks(counts, [str(n) for n in counts])
    axis.minorticks_off()
    axis.legend()
    _save(figure, "transfer-tuned")


def _partial(rows: Rows) -> None:
    for task in dict.fromkeys(row["task"] for row in rows):
        own = [row for row in rows if row["task"] == task]
        skipped = ("task", "method", "seed")
        names = [key for key in own[0] if key not in skipped]
        table = []
        for method in dict.fromkeys(row["method"] for row in own):
            runs = [row for row in own if row["method"] == method]
            scores = {n: _spread([r[n] for r in runs]) for n in names}
            table.append({"method": method} | scores)
        print(f"\n## Partial labels, {task}, Dice\n", markdown(table), sep="\n")
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure, axes = _figure(len(tasks))
    for axis, task in zip(axes, tasks, strict=True):
        found = _by([r for r in rows if r["task"] == task], "dice", "method")
        names = [key[0] for key in found]
        means, spreads = (([f(v) for v in found.values()]) for f in (np.mean, np.std))
        axis.barh(names, means, xerr=spreads)
        axis.set(title=task, xlabel="mean Dice")
        axis.invert_yaxis()
    _save(figure, "transfer-partial")


def _forest(rows: Rows) -> None:
    cases = list(dict.fromkeys(row["case"] for row in rows))
    found = {who: _by(rows, who, "case") for who in ("network", "forest")}
    table = [{"case": c} | {w: _spread(f[c,]) for w, f in found.items()} for c in cases]
    means = {w: f"{np.mean([np.mean(v) for v in f.values()]):.3f}" for w, f in found.items()}
    print(
        "\n## Against a forest, mean Dice\n", markdown([*table, {"case": "mean"} | means]), sep="\n"
    )
    figure, (axis,) = _figure(1)
    for shift, who in ((-0.2, "network"), (0.2, "forest")):
        values = np.array([found[who][c,] for c in cases])
        places = np.arange(len(cases)) + shift
        axis.bar(places, values.mean(1), 0.4, yerr=values.std(1), label=who)
    axis.set_xticks(range(len(cases)), cases, rotation=20, ha="right")
    axis.set_ylabel("mean Dice")
    axis.legend()
    _save(figure, "transfer-forest")


def _figure(count: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(max(6, 3.2 * count), 3.6), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _band(axis: Any, runs: np.ndarray[Any, Any], label: str) -> None:
    """The mean of curves ``(runs, points, 2)`` and their spread."""
    x, y = runs[0, :, 0], runs[:, :, 1]
    axis.plot(x, y.mean(0), marker="o", ms=3, label=label)
    axis.fill_between(x, y.mean(0) - y.std(0), y.mean(0) + y.std(0), alpha=0.2)


def _save(figure: Figure, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    figure.savefig(PICTURES / f"{name}.png", dpi=110)
