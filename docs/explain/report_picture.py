"""A report as one picture of two columns for the documentation; needs chromium.

    python docs/explain/report_picture.py examples/growth/run/explanation.html docs/images/explain_report.png

The page is cut between two of its sections.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, TALLEST = 1000, 9000
SCALE, N_COLORS = 0.75, 128


def screenshot(page: Path) -> Image.Image:
    """The whole page, without the empty part below it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "page.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size, output = f"--window-size={WIDTH},{TALLEST}", f"--screenshot={target}"
        command = ["chromium", *options, size, output, page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True)
        image = Image.open(target).convert("RGB")
    pixels = np.asarray(image)
    used = np.flatnonzero((pixels[:, WIDTH // 2] != pixels[-1, 0]).any(axis=1))
    return image.crop((0, 0, WIDTH, int(used.max()) + 20))


def middle_cut(image: Image.Image) -> int:
    """The row nearest to the middle at which a section ends: a line across the page with white around it."""
    pixels = np.asarray(image).astype(int)
    inside = pixels[:, 80 : WIDTH - 80]
    flat = (inside.max(axis=(1, 2)) - inside.min(axis=(1, 2))) <= 24
    line = np.flatnonzero(flat & (inside.mean(axis=(1, 2)) < 250.0) & (inside.min(axis=(1, 2)) > 200))
    return int(line[np.argmin(np.abs(line - image.height // 2))])


def main() -> None:
    """Write the picture."""
    page, target = map(Path, sys.argv[1:])
    image = screenshot(page)
    cut = middle_cut(image)
    columns = Image.new("RGB", (2 * WIDTH, max(cut, image.height - cut)), "white")
    columns.paste(image.crop((0, 0, WIDTH, cut)), (0, 0))
    columns.paste(image.crop((0, cut, WIDTH, image.height)), (WIDTH, 0))
    small = columns.resize(
        (int(columns.width * SCALE), int(columns.height * SCALE)), Image.Resampling.LANCZOS
    )
    small.quantize(N_COLORS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target}: {small.size}, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
