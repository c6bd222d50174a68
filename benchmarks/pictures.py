"""Draw the performance page's pictures from figures of step.py.

python benchmarks/step.py --growth --peer-python PYTHON --json GROWTH.json
python benchmarks/pictures.py GROWTH.json docs/images/performance.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main() -> None:
    """Time and memory against the number of atoms, ours and the peers' (dashed)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", type=Path, help="JSON of step.py --growth")
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    figures = json.loads(arguments.figures.read_text())
    panels = (("median_ms", "time of a step / ms"), ("extra_mib", "memory of the calls / MiB"))
    figure, axes = plt.subplots(1, len(panels), figsize=(10.0, 4.2), layout="constrained")
    for axis, (key, label) in zip(axes, panels, strict=True):
        for name, rows in figures.items():
            sizes = sorted(int(size) for size in rows)
            peer = name.startswith("SchNet")
            axis.loglog(
                sizes,
                [max(rows[str(size)][key], 1e-3) for size in sizes],
                "o--" if peer else "o-",
                label=f"mlcolvar {name}" if peer else f"gnncv {name}",
                color="0.4" if peer else None,
                markersize=4,
                alpha=0.6 if name.endswith("32") else 1.0,
            )
        axis.set_xlabel("atoms")
        axis.set_ylabel(label)
        axis.grid(True, which="major", alpha=0.3)
    axes[0].legend(fontsize=8, frameon=False)
    figure.savefig(arguments.picture, dpi=150)


if __name__ == "__main__":
    main()
