"""CornerNet (Law and Deng 2018): boxes as pairs of corners that agree in their embeddings."""

from __future__ import annotations

from math import sqrt

import torch
from torch import nn
from torch.nn import functional as F

from backbone import CHANNELS, Pyramid, conv
from scenes import CLASSES
from zoo.recipe import Recipe, Target

STRIDE = 4
REACH = 256
"""How many cells an exported graph looks along a row or column."""
MEAN, STD = (0.40789654, 0.44719302, 0.47026115), (0.28863828, 0.27408164, 0.27809835)
"""Of blue, green and red of 0–1, which CornerNet's models expect to be applied to their input."""
MIN_IOU = 0.3
"""That a pair of corners off by the heat's radius still has with its box."""
PULL, PUSH, OFFSET = 1.0, 1.0, 1.0
TOP_CORNERS, MAX_DISTANCE = 100, 0.5


class CornerPool(nn.Module):
    """Sums the maxima from each cell to the far end of its row and of its column; far ends are right and bottom, or left
    and top. What looks for a corner so sees the sides of its shape."""

    def __init__(self, to_end: bool) -> None:
        super().__init__()
        self.to_end = to_end
        self.row, self.column = conv(CHANNELS, CHANNELS), conv(CHANNELS, CHANNELS)
        self.merge = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS))
        self.skip = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False), nn.BatchNorm2d(CHANNELS))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        row = _running_maximum(self.row(features), 3, self.to_end)
        column = _running_maximum(self.column(features), 2, self.to_end)
        return F.relu(self.merge(row + column) + self.skip(features))


def _running_maximum(features: torch.Tensor, dim: int, to_end: bool) -> torch.Tensor:
    """Of values from 0 on."""
    if not torch.onnx.is_in_onnx_export():
        return features.flip(dim).cummax(dim).values.flip(dim) if to_end else features.cummax(dim).values
    # A graph has no operator for it: doubling the reach gives the same.
    reach = 1
    while reach < REACH:
        shifted = F.pad(features, _edge(dim, reach, to_end))
        length = features.shape[dim]
        features = torch.maximum(features, shifted.narrow(dim, reach if to_end else 0, length))
        reach *= 2
    return features


def _edge(dim: int, cells: int, at_end: bool) -> list[int]:
    edge = [0, cells] if at_end else [cells, 0]
    return edge if dim == 3 else [0, 0, *edge]


class Corners(nn.Module):
    """Of one kind of corner: heat (logits) for each class, an embedding, and offsets x, y within the cell."""

    def __init__(self, to_end: bool) -> None:
        super().__init__()
        self.pool = CornerPool(to_end)
        self.heat, self.tag, self.offset = _head(64, len(CLASSES)), _head(32, 1), _head(32, 2)
        self.heat[-1].bias.data.fill_(-2.19)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pooled = self.pool(features)
        return self.heat(pooled), self.tag(pooled), self.offset(pooled)


def _head(hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(CHANNELS, hidden, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(hidden, outputs, 1))


class Place(nn.Module):
    """A number for each cell that grows along the rows and the columns, [N, 1, H, W].

    It is added to both embeddings: what is left to learn is how far from its shape's middle a corner lies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slopes = nn.Parameter(torch.tensor([0.3, 0.2]))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        height, width = features.shape[2:]
        x = torch.arange(width, dtype=torch.float32)[None, :]
        y = torch.arange(height, dtype=torch.float32)[:, None]
        return (self.slopes[0] * x + self.slopes[1] * y)[None, None]


class CornerNet(nn.Module):
    """Normalised BGR [N, 3, H, W], sides multiples of 16, to maps of stride 4: heats, embeddings and offsets, each of
    the top left and the bottom right."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Pyramid()
        self.top_left, self.bottom_right = Corners(to_end=True), Corners(to_end=False)
        self.place = Place()

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.backbone(images)["0"]
        place = self.place(features)
        (heat_a, tag_a, offset_a), (heat_b, tag_b, offset_b) = self.top_left(features), self.bottom_right(features)
        return heat_a, heat_b, tag_a + place, tag_b + place, offset_a, offset_b


def _to_input(images: torch.Tensor) -> torch.Tensor:
    return (images.flip(-3) - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def radius(height: float, width: float) -> float:
    """How far both corners of a box may be off, at worst, with an IoU of MIN_IOU left: both outwards, both inwards, or
    the box moved as a whole."""
    total, area = height + width, height * width
    moved = (total - sqrt(total**2 - 4 * area * (1 - MIN_IOU) / (1 + MIN_IOU))) / 2
    inwards = (2 * total - sqrt(4 * total**2 - 16 * (1 - MIN_IOU) * area)) / 8
    outwards = (-2 * total + sqrt(4 * total**2 + 16 * (1 / MIN_IOU - 1) * area)) / 8
    return min(moved, inwards, outwards)


def _draw(heat: torch.Tensor, x: int, y: int, reach: int) -> None:
    """Raises heat [H, W] to a bell of 1 at a cell."""
    height, width = heat.shape
    rows, columns = torch.arange(height)[:, None] - y, torch.arange(width)[None] - x
    bell = torch.exp(-(rows**2 + columns**2) / (2 * ((2 * reach + 1) / 6) ** 2))
    bell = bell * ((rows.abs() <= reach) & (columns.abs() <= reach))
    torch.maximum(heat, bell, out=heat)


def _focal(logits: torch.Tensor, heat: torch.Tensor) -> torch.Tensor:
    """Less is asked of cells near a corner."""
    found = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    at = heat == 1
    hits = ((1 - found) ** 2 * found.log())[at].sum()
    misses = ((1 - heat) ** 4 * found**2 * (1 - found).log())[~at].sum()
    return -(hits + misses) / at.sum().clamp(min=1)


def _loss(model: CornerNet, images: torch.Tensor, targets: list[Target]) -> torch.Tensor:
    *heats, tags_a, tags_b, offsets_a, offsets_b = model(_to_input(images))
    wanted = [torch.zeros_like(heat) for heat in heats]
    pull = push = offset = heats[0].sum() * 0
    boxes = 0
    _, _, height, width = heats[0].shape
    for i, target in enumerate(targets):
        corners = target["boxes"] / STRIDE
        sizes = corners[:, 2:] - corners[:, :2]
        limits = torch.tensor([width, height, width, height]) - 1
        cells = torch.minimum(corners.floor().long(), limits)
        for box, size, label in zip(cells.tolist(), sizes.tolist(), target["labels"].tolist()):
            reach = max(0, int(radius(size[1], size[0])))
            _draw(wanted[0][i, label - 1], box[0], box[1], reach)
            _draw(wanted[1][i, label - 1], box[2], box[3], reach)
        if len(cells) == 0:
            continue
        boxes += len(cells)
        left, top, right, bottom = cells.T
        a, b = tags_a[i, 0, top, left], tags_b[i, 0, bottom, right]
        middle = (a + b) / 2
        pull = pull + ((a - middle) ** 2 + (b - middle) ** 2).mean()
        if len(middle) > 1:
            apart = F.relu(1 - (middle[:, None] - middle[None]).abs())
            push = push + (apart.sum() - len(middle)) / (len(middle) * (len(middle) - 1))
        found = torch.cat([offsets_a[i, :, top, left], offsets_b[i, :, bottom, right]]).T
        offset = offset + F.smooth_l1_loss(found, corners - cells, reduction="sum")
    heat = sum(_focal(found, truth) for found, truth in zip(heats, wanted))
    return heat + (PULL * pull + PUSH * push) / len(targets) * 2 + OFFSET * offset / max(1, boxes)


def _predict(model: CornerNet, image: torch.Tensor) -> Target:
    heats_a, heats_b, tags_a, tags_b, offsets_a, offsets_b = (output[0] for output in model(_to_input(image)[None]))
    score_a, label_a, x_a, y_a, tag_a = _top(heats_a, tags_a, offsets_a)
    score_b, label_b, x_b, y_b, tag_b = _top(heats_b, tags_b, offsets_b)
    fits = (label_a[:, None] == label_b[None]) & (x_b[None] > x_a[:, None]) & (y_b[None] > y_a[:, None])
    fits &= (tag_a[:, None] - tag_b[None]).abs() <= MAX_DISTANCE
    a, b = fits.nonzero(as_tuple=True)
    scores, order = ((score_a[a] + score_b[b]) / 2).sort(descending=True)
    a, b = a[order], b[order]
    boxes = torch.stack([x_a[a], y_a[a], x_b[b], y_b[b]], dim=1) * STRIDE
    return {"boxes": boxes, "labels": label_a[a] + 1, "scores": scores}


def _top(heats: torch.Tensor, tags: torch.Tensor, offsets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Score, label, x and y in cells, and embedding of the highest peaks."""
    heats = heats.sigmoid()
    peaks = heats * (heats == F.max_pool2d(heats, 3, stride=1, padding=1))
    _, height, width = peaks.shape
    scores, at = peaks.flatten().topk(TOP_CORNERS)
    cell = at % (height * width)
    y, x = cell // width, cell % width
    return scores, at // (height * width), x + offsets[0, y, x], y + offsets[1, y, x], tags[0, y, x]


cornernet = Recipe(
    task="detection",
    build=CornerNet,
    loss=_loss,
    predict=_predict,
    steps=2400,
    start="mask-rcnn-shapes",
    inputs={"image": {0: "batch", 2: "height", 3: "width"}},
    outputs={
        name: {0: "batch", 2: "rows", 3: "columns"}
        for name in ("tl_heat", "br_heat", "tl_tag", "br_tag", "tl_regr", "br_regr")
    },
    to_input=lambda image: _to_input(image)[None],
    description="CornerNet on a pyramid of eight convolutions",
)
