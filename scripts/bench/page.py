"""What the benchmark leaves behind: docs/benchmark.json, .md and .png, all from the same figures."""

import json
from pathlib import Path
from typing import Any

from .measure import Row

UNITS = {
    "times": "{:.3g} times",
    "error": "{:.1e}",
    "ms": "{:.2f} ms",
    "%": "{:.0f} %",
    "% more": "{:+.0f} %",
    "s": "{:.1f} s",
    "MP/s a core": "{:.3f} MP/s a core",
}
CURVES = {
    "area": ("megapixels", "seconds"),
    "overlap": ("overlap of 256-pixel tiles", "seconds"),
    "width": ("width at the same area, pixels", "seconds"),
    "threads": ("threads", "seconds"),
}


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | target | found | verdict | how |", "|---|---|---|---|---|"]
    for row in rows:
        side = "at least" if row.at_least else "at most"
        target = "-" if row.target is None else f"{side} {_figure(row.unit, row.target)}"
        found = "-" if row.found is None else _figure(row.unit, row.found)
        lines.append(f"| {row.what} | {target} | {found} | {row.verdict} | {row.why} |")
    return "\n".join(lines)


def _figure(unit: str, value: float) -> str:
    return UNITS[unit].format(value)


def write(folder: Path, found: dict[str, Any], rows: list[Row]) -> None:
    """Write the three files; `found` holds machine, rows, curves and gpu as they go into the JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / "benchmark.md").write_text(page(found, rows), encoding="utf-8")
    picture(folder / "benchmark.png", found)


def page(found: dict[str, Any], rows: list[Row]) -> str:
    """Return the Markdown page."""
    machine = found["machine"]
    parts = [
        "# Benchmark",
        f"Written by `{found['command']}` on {found['date']}; the figures behind it are in benchmark.json. "
        "Ratios are of one run on one machine, times the least of several where nothing else is said.",
        "Machine: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items()) + ".",
    ]
    if rows:
        parts.append(table(rows))
    for row in rows:
        if shares := row.parts.get("profile"):
            parts.append(f"Where the time of the row “{row.what}” goes: {_shares(shares)}.")
        if rest := row.parts.get("profile of the rest, seconds by file"):
            spent = ", ".join(f"{place} {seconds} s" for place, seconds in list(rest.items())[:9])
            parts.append(f"Where the main thread's time goes in a run with a stand-in for the network: {spent}.")
    if gpu := found.get("gpu"):
        parts.append(f"GPU: {gpu['said']}")
        if "backends" in gpu:
            parts.append(_gpu_table(gpu))
    if found.get("curves"):
        parts.append("![Curves and profile](benchmark.png)")
    return "\n\n".join(parts) + "\n"


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _gpu_table(gpu: dict[str, Any]) -> str:
    lines = [f"A copy in its memory moves {gpu['copy_gb_per_second']:.0f} GB a second.", ""]
    lines += [
        "| backend | megapixels a second | share of the scan | scan, times the bandwidth's limit |",
        "|---|---|---|---|",
    ]
    for name, row in gpu["backends"].items():
        speed, share, limit = row.values()
        lines.append(f"| {name} | {speed:.2f} | {share:.0%} | {limit:.1f} |")
    return "\n".join(lines)


def picture(path: Path, found: dict[str, Any]) -> None:
    """Draw the curves and the network's profile."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    curves = found.get("curves") or {}
    profiles = {row["what"]: row["parts"]["profile"] for row in found["rows"] if "profile" in row["parts"]}
    if not curves and not profiles:
        return
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.5), constrained_layout=True)
    for axis, (name, (across, up)) in zip(axes.flat, CURVES.items(), strict=False):
        points = curves.get(name, [])
        xs = [point["x"] for point in points]
        axis.plot(xs, [point["seconds"] for point in points], "o-", label="whole detection")
        axis.plot(xs, [point["network"] for point in points], "s--", label="network alone")
        axis.set(title=f"Time over {name}", xlabel=across, ylabel=up, ylim=(0, None), xticks=xs)
        axis.legend()
        axis.grid(alpha=0.3)
    for axis, (what, shares) in zip(axes.flat[4:], profiles.items(), strict=False):
        names, values = list(shares), [share * 100 for share in shares.values()]
        axis.barh(names[::-1], values[::-1])
        axis.set(title="Forward pass: " + ("orignal_dinner" if "dinner" in what else "orignal"), xlabel="% of the time")
    figure.suptitle(
        f"FarmCD on {found['machine']['processor']}, {found['machine']['threads']} threads, {found['date']}"
    )
    figure.savefig(path, dpi=90)
    plt.close(figure)
