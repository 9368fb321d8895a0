"""How fast a rig turns coefficients into vertices: `python -m benchmarks.rig_speed [--rig rig.npz]`."""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from emotalk.rigs import Rig, procedural_head

FRAMES = 108_000  # an hour at 30 fps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", type=Path)
    args = parser.parse_args()
    rig = Rig.load(args.rig) if args.rig else procedural_head()
    weights = np.random.default_rng(0).random((FRAMES, 52), dtype=np.float32)
    ids = rig.region("lips", "eyes", "forehead")
    started = time.perf_counter()
    checksum = sum(float(block[:, 0, 1].sum()) for block in rig.blocks(weights, ids))
    elapsed_s = time.perf_counter() - started
    print(
        f"{rig.name}: {FRAMES} frames, {len(ids)} vertices of lips, eyes and forehead: {elapsed_s:.1f} s "
        f"on {os.cpu_count()} CPU cores (checksum {checksum:.0f})"
    )


if __name__ == "__main__":
    main()
