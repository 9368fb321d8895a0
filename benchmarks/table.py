"""The README's table of speeds: python -m benchmarks.table benchmarks/results/network-*.json"""

import json
import sys
from pathlib import Path
from typing import Any

PRESETS = ("lite", "base", "official")


def table(results: dict[str, Any]) -> str:
    """Markdown of one file that `benchmarks.network` wrote."""
    machine, matrix = results["machine"], results["matrix"]
    rates = ", ".join(f"{rate:,.0f} GFLOP/s in {kind}" for kind, rate in matrix.items())
    presets = [name for name in PRESETS if name in results]
    lengths = list(results[presets[0]]["predict"])
    lines = [
        f"{machine['device']}, {machine['threads']} threads, torch {machine['torch']}, {results['date']}; a large "
        f"matrix product reaches {rates}.",
        "",
        "| preset | parameters | " + " | ".join(f"{s} s alone" for s in lengths) + " | training step | memory |",
        "|---|---|" + "---|" * len(lengths) + "---|---|",
    ]
    for name in presets:
        result = results[name]
        cells = [f"{f['times_real_time']:.3g} × ({f['matrix_share']:.0%})" for f in result["predict"].values()]
        memory = result["memory_mib"]
        lines.append(
            f"| `{name}` | {result['parameters'] / 1e6:.1f} M | "
            + " | ".join(cells)
            + f" | {result['training']['times_real_time']:.3g} × | {memory['alone'] / 1024:.1f} GiB, "
            f"training {memory['training'] / 1024:.1f} GiB |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print("\n\n".join(table(json.loads(Path(path).read_text())) for path in sys.argv[1:]))
