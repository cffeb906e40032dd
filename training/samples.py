"""Writes samples/shapes: 60 scenes whose seeds no training sees, COCO JSON, and label maps.

    /usr/bin/python3 training/samples.py samples/shapes
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pool import TRAINING_SEEDS, boxes_of
from scenes import CLASSES, Scene, make_scene

COUNT = 60
SIDES = range(128, 257, 8)
MAX_ASPECT = 1.5


def main(folder: Path) -> None:
    assert COUNT <= TRAINING_SEEDS
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(COUNT):
        height, width = _size(number)
        scene = make_scene(number, height, width)
        name = f"{number:02}"
        Image.fromarray(scene.pixels).save(folder / "images" / f"{name}.jpg", quality=90, subsampling=0)
        Image.fromarray(scene.semantic()).save(folder / "labels" / f"{name}.png", optimize=True)
        images.append({"id": number + 1, "file_name": f"{name}.jpg", "height": height, "width": width})
        for annotation in annotate(scene):
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, **annotation})
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(CLASSES)]
    content = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "instances.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


def annotate(scene: Scene) -> list[dict]:
    """COCO annotations of the visible part of every shape."""
    masks = scene.masks()
    return [
        {
            "category_id": kind + 1,
            "bbox": [int(left), int(top), int(right - left), int(bottom - top)],
            "area": int(mask.sum()),
            "iscrowd": 0,
            "segmentation": run_lengths(mask),
        }
        for kind, mask, (left, top, right, bottom) in zip(scene.classes, masks, boxes_of(masks))
    ]


def run_lengths(mask: np.ndarray) -> dict:
    """COCO's RLE: lengths of alternating runs down the columns, the first of zeros."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def _size(number: int) -> tuple[int, int]:
    rng = np.random.default_rng([number, 1])
    while True:
        height, width = (int(side) for side in rng.choice(SIDES, 2))
        if max(height, width) <= MAX_ASPECT * min(height, width):
            return height, width


if __name__ == "__main__":
    main(Path(sys.argv[1]))
