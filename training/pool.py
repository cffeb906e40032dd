"""Scenes drawn once and kept on disk, and batches made of them."""

from __future__ import annotations

from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from scenes import CLASSES, make_scene

SIZE = 160
SIDES = (128, 257)
MAX_ASPECT = 1.5
"""Sides of the samples, and of what `framed` cuts out."""
MIN_PIXELS = 80
"""What of a shape must be left in a cut."""
GREY = 114 / 255
TRAINING_SEEDS = 1_000_000
"""Training scenes have seeds from here on; the samples' seeds lie below."""


class ScenePool:
    """`count` scenes of SIZE×SIZE under consecutive seeds. Drawn by two workers at first use (12 ms a scene)."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"scenes-{count}.npz"
        if not file.exists():
            with Pool(2) as workers:
                scenes = workers.map(_draw, range(TRAINING_SEEDS, TRAINING_SEEDS + count), chunksize=50)
            pixels, owners, classes = zip(*scenes)
            with open(file.with_suffix(".part"), "wb") as stream:
                np.savez(stream, pixels=np.stack(pixels), owners=np.stack(owners), classes=np.stack(classes))
            file.with_suffix(".part").rename(file)
        with np.load(file) as arrays:
            self.pixels, self.owners, self.classes = arrays["pixels"], arrays["owners"], arrays["classes"]

    def batch(self, rng: np.random.Generator, size: int) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
        """images: float32 [size, 3, SIZE, SIZE], RGB of 0–1. For each, torchvision's target with visible masks:
        boxes float32 [n, 4] as x1, y1, x2, y2 in pixels, labels int64 [n] from 1, masks uint8 [n, SIZE, SIZE].
        Scenes are mirrored, turned by quarters, and their colour channels swapped at random."""
        images, targets = [], []
        for index in rng.integers(len(self.pixels), size=size):
            pixels, owner = self.pixels[index][..., rng.permutation(3)], self.owners[index]
            turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
            pixels, owner = np.rot90(pixels, turns), np.rot90(owner, turns)
            if mirrored:
                pixels, owner = pixels[:, ::-1], owner[:, ::-1]
            images.append(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))))
            targets.append(_target(owner, self.classes[index]))
        return torch.stack(images).float() / 255, targets

    def framed(self, rng: np.random.Generator, size: int, side: int, stretch: bool) -> tuple[torch.Tensor, list[dict]]:
        """Pictures of the samples' sizes, cut out of two by two scenes and brought to side×side as a graph of fixed size is
        fed: stretched, or with their aspect ratio and grey about them. Images and targets as of `batch`, without masks."""
        framed, targets = [], []
        for _ in range(size):
            picture, masks, labels = _mosaic(*self.batch(rng, 4))
            height, width = _cut_size(rng)
            top, left = int(rng.integers(2 * SIZE - height)), int(rng.integers(2 * SIZE - width))
            window = (slice(None), slice(top, top + height), slice(left, left + width))
            scale = (side / width, side / height) if stretch else (side / max(width, height),) * 2
            inner = (round(height * scale[1]), round(width * scale[0]))
            x, y = (side - inner[1]) // 2, (side - inner[0]) // 2
            picture = F.interpolate(picture[window][None], size=inner, mode="bilinear", antialias=True)[0]
            framed.append(F.pad(picture, (x, side - inner[1] - x, y, side - inner[0] - y), value=GREY))
            masks = masks[window]
            left_over = masks.sum(dim=(1, 2)) >= MIN_PIXELS
            boxes = torch.from_numpy(boxes_of(masks[left_over].numpy()))
            placed = boxes * torch.tensor(scale * 2) + torch.tensor([x, y, x, y])
            targets.append({"boxes": placed, "labels": labels[left_over]})
        return torch.stack(framed), targets


def _mosaic(images: torch.Tensor, targets: list[dict]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two by two scenes as one of twice the side: pixels, masks bool [n, 2·SIZE, 2·SIZE] and labels [n]."""
    picture = torch.cat([torch.cat([*images[:2]], dim=2), torch.cat([*images[2:]], dim=2)], dim=1)
    masks = [F.pad(t["masks"], (SIZE * (k % 2), SIZE * (1 - k % 2), SIZE * (k // 2), SIZE * (1 - k // 2))) for k, t in enumerate(targets)]
    return picture, torch.cat(masks).bool(), torch.cat([target["labels"] for target in targets])


def _cut_size(rng: np.random.Generator) -> tuple[int, int]:
    while True:
        height, width = (int(side) for side in rng.integers(*SIDES, size=2))
        if max(height, width) <= MAX_ASPECT * min(height, width):
            return height, width


def semantic_maps(targets: list[dict[str, torch.Tensor]]) -> torch.Tensor:
    """int64 [N, H, W]: 0 for background, else the label. Visible masks never overlap."""
    return torch.stack([(t["masks"].long() * t["labels"][:, None, None]).sum(dim=0) for t in targets])


def _target(owner: np.ndarray, classes: np.ndarray) -> dict[str, torch.Tensor]:
    labels = classes[classes < len(CLASSES)].astype(np.int64) + 1
    masks = owner[None] == np.arange(1, len(labels) + 1)[:, None, None]
    return {
        "boxes": torch.from_numpy(boxes_of(masks)),
        "labels": torch.from_numpy(labels),
        "masks": torch.from_numpy(masks.view(np.uint8)),
    }


def boxes_of(masks: np.ndarray) -> np.ndarray:
    """float32 [n, 4]: the tight x1, y1, x2, y2 about each of bool [n, H, W], right and bottom edges exclusive."""
    columns, rows = masks.any(axis=1), masks.any(axis=2)
    left, right = columns.argmax(axis=1), masks.shape[2] - columns[:, ::-1].argmax(axis=1)
    top, bottom = rows.argmax(axis=1), masks.shape[1] - rows[:, ::-1].argmax(axis=1)
    return np.stack([left, top, right, bottom], axis=1).astype(np.float32)


def _draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scene = make_scene(seed, SIZE, SIZE)
    classes = np.full(16, 255, dtype=np.uint8)
    classes[: len(scene.classes)] = scene.classes
    return scene.pixels, scene.owner, classes
