"""Shaded spheres in depth order, drawn into an image: matplotlib has no three-dimensional spheres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LIGHT = np.array([-0.45, 0.55, 0.7]) / np.linalg.norm([-0.45, 0.55, 0.7])
"""Towards the light: over the viewer's left shoulder."""
AMBIENT, DIFFUSE, GLOSS = 0.55, 0.45, 0.22
HAZE = 0.4
"""How far the colors at the very back fade into the white background."""
FINER = 2
"""The image is drawn this much finer and averaged, against jagged outlines."""


@dataclass(frozen=True, eq=False)
class Spheres:
    """Spheres to draw: centers (M, 3) and radii (M,), angstrom, and colors (M, 3), 0 to 1."""

    centers: Array
    radii: Array
    colors: Array

    def __add__(self, other: Spheres) -> Spheres:
        """Both."""
        return Spheres(
            np.concatenate([self.centers, other.centers]),
            np.concatenate([self.radii, other.radii]),
            np.concatenate([self.colors, other.colors]),
        )


def no_spheres() -> Spheres:
    """None at all."""
    return Spheres(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)))


def rods(starts: Array, ends: Array, radii: Array, colors: Array) -> Spheres:
    """Rods from starts to ends, as rows of spheres so close that no gap shows."""
    lengths = np.linalg.norm(ends - starts, axis=1)
    steps = np.maximum(np.ceil(lengths / (0.45 * np.maximum(radii, 1e-9))).astype(np.int64), 1)
    number = np.repeat(np.arange(len(starts)), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    part = ((np.arange(len(number)) - first[number]) / steps[number])[:, None]
    return Spheres(starts[number] * (1.0 - part) + ends[number] * part, radii[number], colors[number])


def rotation(elevation: float, azimuth: float) -> Array:
    """(3, 3) rows: right, up and towards the viewer, who looks at the origin from these angles (degrees)."""
    e, a = np.radians(elevation), np.radians(azimuth)
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return np.stack([right, np.cross(towards, right), towards])


def render(spheres: Spheres, limits: tuple[float, float, float, float], pixels: int) -> Array:
    """Draw spheres as seen from +z, in parallel projection, onto white.

    Parameters
    ----------
    spheres
        Already rotated: x to the right, y up, z towards the viewer.
    limits
        Left, right, bottom, top of the image, angstrom.
    pixels
        Width of the image.

    Returns
    -------
    (height, pixels, 3) 0 to 1, the first row at the top.
    """
    left, right, bottom, top = limits
    fine = FINER * pixels
    scale = fine / (right - left)
    height = FINER * max(round((top - bottom) * scale / FINER), 1)
    image, depth = np.ones((height, fine, 3)), np.full((height, fine), -np.inf)
    place = np.stack([(spheres.centers[:, 0] - left) * scale, (top - spheres.centers[:, 1]) * scale], axis=1)
    colors = _hazy(spheres)
    discs: dict[int, tuple[Array, Array, Array]] = {}
    for (column, row), z, radius, color in zip(
        np.round(place).astype(np.int64).tolist(),
        spheres.centers[:, 2].tolist(),
        np.maximum(np.round(spheres.radii * scale), 1).astype(np.int64).tolist(),
        colors,
        strict=True,
    ):
        if radius not in discs:
            discs[radius] = _disc(radius)
        _draw(image, depth, row, column, radius, z * scale, color, discs[radius])
    return image.reshape(height // FINER, FINER, pixels, FINER, 3).mean(axis=(1, 3))


def _hazy(spheres: Spheres) -> Array:
    z = spheres.centers[:, 2]
    if len(z) == 0:
        return spheres.colors
    behind = (z.max() - z) / max(float(np.ptp(z)), 1e-9)
    part = (HAZE * behind)[:, None]
    return spheres.colors * (1.0 - part) + part


def _disc(radius: int) -> tuple[Array, Array, Array]:
    """Height of a sphere above its center (-inf outside), its brightness and its gloss, (2r+1, 2r+1)."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1] / (radius + 0.5)
    square = 1.0 - x**2 - y**2
    z = np.sqrt(np.maximum(square, 0.0))
    facing = np.maximum(LIGHT[0] * x - LIGHT[1] * y + LIGHT[2] * z, 0.0)
    # darker towards the outline, so that neighbors of one color are told apart
    rim = 0.55 + 0.45 * np.minimum(z / 0.45, 1.0)
    brightness = (AMBIENT + DIFFUSE * facing) * rim
    return np.where(square >= 0.0, z * radius, -np.inf), brightness, GLOSS * facing**24


def _draw(
    image: Array,
    depth: Array,
    row: int,
    column: int,
    radius: int,
    z: float,
    color: Array,
    disc: tuple[Array, Array, Array],
) -> None:
    """Draw one sphere where it is in front of what is there."""
    top, left = max(row - radius, 0), max(column - radius, 0)
    bottom, right = min(row + radius + 1, depth.shape[0]), min(column + radius + 1, depth.shape[1])
    if top >= bottom or left >= right:
        return
    inside = (
        slice(top - row + radius, bottom - row + radius),
        slice(left - column + radius, right - column + radius),
    )
    heights = disc[0][inside] + z
    here = (slice(top, bottom), slice(left, right))
    front = heights > depth[here]
    depth[here][front] = heights[front]
    shaded = disc[1][inside][front][:, None] * color + disc[2][inside][front][:, None]
    image[here][front] = np.minimum(shaded, 1.0)
