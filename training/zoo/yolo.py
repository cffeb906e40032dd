"""A YOLO with the head of YOLOv8: no anchors, no objectness, distances to the sides as distributions.

Jocher et al. 2023 describe the head and its losses; the assignment of cells is that of TOOD (Feng et al. 2021), the box
loss CIoU (Zheng et al. 2020) with the distribution focal loss (Li et al. 2020).
"""

from __future__ import annotations

from math import pi

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import batched_nms, box_iou

from backbone import CHANNELS, Pyramid, conv
from scenes import CLASSES
from zoo.recipe import Frame, Recipe, Target

STRIDES = (8, 16, 32)
BINS = 16
"""Of a distance, each one stride wide."""
SIDE = 192
TOP_CELLS = 10
"""That a shape is assigned to."""
BOX_GAIN, CLASS_GAIN, DISTANCE_GAIN = 7.5, 0.5, 1.5


class YOLO(nn.Module):
    """[N, 3, H, W], RGB of 0–1, sides multiples of 32, to [N, 4 + classes, cells]: centre and size in pixels, and a
    probability for each class. While training, logits of distances and classes [N, cells, …] with the cells' centres and
    strides."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Pyramid(finest=8, coarser=1)
        self.boxes, self.classes = _branch(4 * BINS), _branch(len(CLASSES))
        self.classes[-1].bias.data.fill_(-5.0)
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32), persistent=False)

    def forward(self, images: torch.Tensor):
        levels = list(self.backbone(images).values())
        centers, strides = zip(*(_cells(level, stride) for level, stride in zip(levels, STRIDES)))
        centers, strides = torch.cat(centers), torch.cat(strides)
        distances = torch.cat([self.boxes(level).flatten(2) for level in levels], dim=2).transpose(1, 2)
        classes = torch.cat([self.classes(level).flatten(2) for level in levels], dim=2)
        if self.training:
            return distances, classes.transpose(1, 2), centers, strides
        boxes = self.decode(distances, centers, strides)
        size = boxes[..., 2:] - boxes[..., :2]
        rows = torch.cat([boxes[..., :2] + size / 2, size], dim=-1).transpose(1, 2)
        return torch.cat([rows, classes.sigmoid()], dim=1)

    def decode(self, distances: torch.Tensor, centers: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
        """Corners [N, cells, 4] in pixels."""
        sides = distances.reshape(distances.shape[0], -1, 4, BINS).softmax(dim=-1) @ self.bins * strides[:, None]
        return torch.cat([centers - sides[..., :2], centers + sides[..., 2:]], dim=-1)


def _branch(outputs: int) -> nn.Sequential:
    return nn.Sequential(conv(CHANNELS, CHANNELS), conv(CHANNELS, CHANNELS), nn.Conv2d(CHANNELS, outputs, 1))


def _cells(level: torch.Tensor, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres [cells, 2] in pixels and strides [cells]."""
    rows = torch.arange(level.shape[2], dtype=torch.float32) + 0.5
    columns = torch.arange(level.shape[3], dtype=torch.float32) + 0.5
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    centers = torch.stack([x.flatten(), y.flatten()], dim=1) * stride
    return centers, torch.full_like(centers[:, 0], stride)


@torch.no_grad()
def assign(
    boxes: torch.Tensor, scores: torch.Tensor, centers: torch.Tensor, target: Target
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each cell, the index of its shape or -1, and how good a fit it should be told to be (0–1).

    Alignment is score^0.5 · IoU^6; each shape takes the ten cells of best alignment among those with their centre inside
    it, and a cell that several want goes to the one that it overlaps most.
    """
    ious = box_iou(target["boxes"], boxes)
    sides = torch.cat([centers[None] - target["boxes"][:, None, :2], target["boxes"][:, None, 2:] - centers[None]], dim=2)
    alignment = scores[:, target["labels"] - 1].T.sqrt() * ious**6 * (sides.amin(dim=2) > 0)
    best = alignment.topk(TOP_CELLS, dim=1)
    wanted = torch.zeros_like(alignment).scatter_(1, best.indices, (best.values > 0).float())
    overlap, owner = (ious * wanted).max(dim=0)
    owner = torch.where(overlap > 0, owner, -1)
    mine = owner[None] == torch.arange(len(ious))[:, None]
    alignment = alignment * mine
    scale = (ious * mine).amax(dim=1) / alignment.amax(dim=1).clamp(min=1e-9)
    return owner, (alignment * scale[:, None]).sum(dim=0)


def ciou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Of boxes [n, 4] with boxes [n, 4]: IoU, less the distance of centres and the difference of aspect ratios."""
    overlap = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    size_a, size_b = (box[:, 2:] - box[:, :2] for box in (a, b))
    iou = overlap / (size_a.prod(dim=1) + size_b.prod(dim=1) - overlap + 1e-7)
    around = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    apart = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) ** 2).sum(dim=1) / 4 / ((around**2).sum(dim=1) + 1e-7)
    angle_a, angle_b = (torch.atan(size[:, 0] / (size[:, 1] + 1e-7)) for size in (size_a, size_b))
    aspect = 4 / pi**2 * (angle_a - angle_b) ** 2
    with torch.no_grad():
        weight = aspect / (1 - iou + aspect + 1e-7)
    return iou - apart - weight * aspect


def _loss(model: YOLO, images: torch.Tensor, targets: list[Target]) -> torch.Tensor:
    distances, logits, centers, strides = model(images)
    boxes = model.decode(distances, centers, strides)
    wanted = torch.zeros_like(logits)
    box_loss = distance_loss = logits.sum() * 0
    for i, target in enumerate(targets):
        if len(target["labels"]) == 0:
            continue
        owner, fit = assign(boxes[i].detach(), logits[i].detach().sigmoid(), centers, target)
        cells = (owner >= 0).nonzero()[:, 0]
        truth, weight = target["boxes"][owner[cells]], fit[cells]
        wanted[i, cells, target["labels"][owner[cells]] - 1] = weight
        box_loss = box_loss + ((1 - ciou(boxes[i, cells], truth)) * weight).sum()
        sides = torch.cat([centers[cells] - truth[:, :2], truth[:, 2:] - centers[cells]], dim=1) / strides[cells, None]
        bins = distances[i, cells].unflatten(1, (4, BINS))
        distance_loss = distance_loss + (_between_bins(bins, sides.clamp(0, BINS - 1.01)).mean(dim=1) * weight).sum()
    total = wanted.sum().clamp(min=1)
    class_loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
    return (BOX_GAIN * box_loss + CLASS_GAIN * class_loss + DISTANCE_GAIN * distance_loss) / total


def _between_bins(logits: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the two bins about a distance, each by its nearness. Logits [n, 4, bins], distance [n, 4]."""
    below = distance.floor()
    losses = [F.cross_entropy(logits.transpose(1, 2), (below + k).long(), reduction="none") for k in (0, 1)]
    return losses[0] * (below + 1 - distance) + losses[1] * (distance - below)


def _predict(model: YOLO, image: torch.Tensor) -> Target:
    rows = model(image[None])[0].T
    scores, labels = rows[:, 4:].max(dim=1)
    boxes = torch.cat([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], dim=1)
    kept = batched_nms(boxes, scores, labels, 0.7)[:100]
    return {"boxes": boxes[kept], "labels": labels[kept] + 1, "scores": scores[kept]}


yolo = Recipe(
    task="detection",
    build=YOLO,
    loss=_loss,
    predict=_predict,
    steps=3000,
    start="mask-rcnn-shapes",
    frame=Frame(SIDE, stretch=False),
    inputs={"images": {0: "batch", 2: "height", 3: "width"}},
    outputs={"output0": {0: "batch", 2: "anchors"}},
    to_input=lambda image: image[None],
    description="YOLO with the head of YOLOv8",
    metadata={
        "task": "detect",
        "stride": str(max(STRIDES)),
        "imgsz": f"[{SIDE}, {SIDE}]",
        "names": str(dict(enumerate(CLASSES))),
    },
)
