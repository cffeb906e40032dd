"""Synthetic scenes of simple shapes whose boxes, visible masks and classes are known exactly.

A scene depends on its seed and size alone. Everything is drawn with numpy from signed distances: a pixel belongs to a
shape if its centre lies inside, and edges are blended over one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from letters import LETTERS

CLASSES = ("circle", "square", "triangle")

MIN_RADIUS, MAX_RADIUS = 13.0, 36.0
"""Circumscribed radius of a shape in pixels."""
MIN_VISIBLE = 0.5
"""No shape is covered by others beyond this share of its pixels inside the picture."""
MIN_PIXELS = 160
MIN_CONTRAST = 0.45
"""Distance between a shape's colour and what it is drawn on, in RGB of 0–1."""


@dataclass(frozen=True)
class Scene:
    """pixels: uint8 [H, W, 3], RGB. owner: uint8 [H, W], 0 for background, else 1 + the index of the shape seen there.
    classes: for each shape an index into CLASSES."""

    pixels: np.ndarray
    owner: np.ndarray
    classes: list[int]

    def semantic(self) -> np.ndarray:
        """uint8 [H, W]: 0 for background, else 1 + the class."""
        return np.array([0, *(c + 1 for c in self.classes)], dtype=np.uint8)[self.owner]

    def masks(self) -> np.ndarray:
        """bool [shapes, H, W]: the visible pixels of each shape."""
        return self.owner[None] == np.arange(1, len(self.classes) + 1, dtype=np.uint8)[:, None, None]


def make_scene(seed: int, height: int = 160, width: int = 160) -> Scene:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    canvas = _background(rng, x, y)
    _distractors(rng, canvas, x, y)
    owner = np.zeros((height, width), dtype=np.uint8)
    areas: list[int] = []
    classes: list[int] = []
    wanted = int(rng.integers(1, 2 + round(6 * height * width / 160**2)))
    for _ in range(3 * wanted):
        if len(classes) == wanted:
            break
        kind = int(rng.integers(len(CLASSES)))
        radius = float(np.exp(rng.uniform(np.log(MIN_RADIUS), np.log(MAX_RADIUS))))
        cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        depth = _signed_depth(kind, x - cx, y - cy, radius, rng.uniform(0, 2 * pi))
        inside = depth > 0
        if not _fits(inside, owner, areas, radius, kind):
            continue
        below = canvas[inside].mean(axis=0)
        paint = _paint(rng, x - cx, y - cy, radius, below)
        alpha = np.clip(depth + 0.5, 0, 1)[..., None]
        canvas += alpha * (paint - canvas)
        areas.append(int(inside.sum()))
        classes.append(kind)
        owner[inside] = len(classes)
    noise = rng.uniform(0, 0.05) * rng.standard_normal(canvas.shape, dtype=np.float32)
    pixels = np.clip(255 * (canvas * rng.uniform(0.8, 1.1) + noise), 0, 255).astype(np.uint8)
    return Scene(pixels, owner, classes)


def _fits(inside: np.ndarray, owner: np.ndarray, areas: list[int], radius: float, kind: int) -> bool:
    """Whether most of a new shape lies in the picture, and enough of every earlier one would stay visible."""
    area = int(inside.sum())
    # Areas of the unit shapes: disc, square, equilateral triangle.
    whole = (pi, 2.0, 1.299)[kind] * radius**2
    if area < MIN_PIXELS or area < 0.6 * whole:
        return False
    left = np.bincount(owner[~inside], minlength=len(areas) + 1)[1:]
    return all(seen >= max(MIN_PIXELS, MIN_VISIBLE * total) for seen, total in zip(left, areas))


def _signed_depth(kind: int, x: np.ndarray, y: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """How far inside the shape about the origin a point lies, in pixels; negative outside."""
    if CLASSES[kind] == "circle":
        return radius - np.hypot(x, y)
    corners = {"square": 4, "triangle": 3}[CLASSES[kind]]
    # Folded into half a sector, the outline is one line across it.
    sector = 2 * pi / corners
    theta = np.abs((np.arctan2(y, x) + angle) % sector - sector / 2)
    return (radius * np.cos(sector / 2) - np.hypot(x, y) * np.cos(theta)).astype(np.float32)


def _background(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float32 [H, W, 3] in 0–1: flat, a gradient, soft clouds, or a regular texture."""
    first, second = rng.uniform(0, 1, (2, 3)).astype(np.float32)
    kind = rng.integers(5)
    if kind == 0:
        share = np.zeros_like(x)
    elif kind == 1:
        share = _gradient(rng, x, y)
    elif kind == 2:
        share = _clouds(rng, *x.shape)
    else:
        second = first + rng.uniform(-0.15, 0.15, 3).astype(np.float32)
        share = _texture(rng, x, y)
    return np.clip(first + share[..., None] * (second - first), 0, 1)


def _paint(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, radius: float, below: np.ndarray) -> np.ndarray:
    """float32 [H, W, 3]: a shape's filling, told apart from the mean colour below it."""
    first = rng.uniform(0, 1, 3)
    for _ in range(20):
        if np.linalg.norm(first - below) >= MIN_CONTRAST:
            break
        first = rng.uniform(0, 1, 3)
    kind = rng.integers(4)
    second = np.clip(first + rng.uniform(-0.15, 0.15, 3), 0, 1)
    if kind == 0:
        second = first
    share = _texture(rng, x, y) if kind == 1 else np.clip(0.5 + _gradient(rng, x, y, 2 * radius), 0, 1)
    return (first + share[..., None] * (second - first)).astype(np.float32)


def _gradient(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, length: float | None = None) -> np.ndarray:
    angle = rng.uniform(0, 2 * pi)
    return (np.cos(angle) * x + np.sin(angle) * y) / (length or max(x.shape))


def _texture(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Stripes or a chessboard, hard or soft."""
    angle, period = rng.uniform(0, pi), rng.uniform(4, 16)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    wave = np.sin(2 * pi * u / period)
    if rng.random() < 0.5:
        wave = wave * np.sin(2 * pi * v / period)
    return ((wave > 0) if rng.random() < 0.5 else 0.5 + 0.5 * wave).astype(np.float32)


def _clouds(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A coarse random grid, interpolated linearly."""
    grid = rng.uniform(0, 1, (7, 7)).astype(np.float32)
    rows, columns = np.linspace(0, 5.99, height), np.linspace(0, 5.99, width)
    i, j = rows.astype(int), columns.astype(int)
    a, b = (rows - i)[:, None].astype(np.float32), (columns - j)[None].astype(np.float32)
    top = grid[i][:, j] * (1 - b) + grid[i][:, j + 1] * b
    bottom = grid[i + 1][:, j] * (1 - b) + grid[i + 1][:, j + 1] * b
    return top * (1 - a) + bottom * a


def _distractors(rng: np.random.Generator, canvas: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Lines, soft blobs and letters: they belong to the background."""
    height, width = x.shape
    for _ in range(rng.integers(0, 4)):
        angle, offset = rng.uniform(0, pi), rng.uniform(0.2, 0.8)
        distance = np.abs(np.cos(angle) * (x - offset * width) + np.sin(angle) * (y - offset * height))
        _blend(rng, canvas, np.clip(rng.uniform(0.5, 2) + 0.5 - distance, 0, 1))
    for _ in range(rng.integers(0, 3)):
        squared = (x - rng.uniform(0, width)) ** 2 + (y - rng.uniform(0, height)) ** 2
        _blend(rng, canvas, 0.7 * np.exp(-squared / (2 * rng.uniform(4, 15) ** 2)))
    for _ in range(rng.integers(0, 4)):
        glyph = np.kron(LETTERS[rng.integers(len(LETTERS))], np.ones((int(rng.integers(2, 5)),) * 2, np.float32))
        top, left = rng.integers(0, height - glyph.shape[0]), rng.integers(0, width - glyph.shape[1])
        cover = np.zeros_like(x)
        cover[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
        _blend(rng, canvas, cover)


def _blend(rng: np.random.Generator, canvas: np.ndarray, alpha: np.ndarray) -> None:
    canvas += alpha[..., None].astype(np.float32) * (rng.uniform(0, 1, 3).astype(np.float32) - canvas)
