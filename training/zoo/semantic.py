"""A fully convolutional network and a U-Net, which label every pixel."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from backbone import CHANNELS, Pyramid, Trunk, conv
from pool import semantic_maps
from scenes import CLASSES
from zoo.recipe import Recipe, Target

OUTPUTS = 1 + len(CLASSES)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which torchvision's segmentation models expect to be applied to their input."""


class FCN(nn.Module):
    """Scores of the pyramid's finest level, refined by those of stride 2 (Long et al. 2015). [N, 3, H, W] to
    logits [N, classes, H, W], of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Pyramid()
        self.score = nn.Sequential(conv(CHANNELS, CHANNELS), nn.Conv2d(CHANNELS, OUTPUTS, 1))
        self.fine_score = nn.Conv2d(32, OUTPUTS, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem = self.backbone.trunk.stem(images)
        scores = self.score(self.backbone(images)["0"])
        return _resize(self.fine_score(stem) + _resize(scores, stem), images)


class UNet(nn.Module):
    """Ronneberger et al. 2015, with the shared convolutions on the way down and one convolution a level on the way up.
    [N, 3, H, W] to logits [N, classes, H, W], of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict({"trunk": Trunk()})
        self.full = conv(3, 8)
        self.up = nn.ModuleList([conv(112 + 80, 80), conv(80 + 48, 48), conv(48 + 32, 24), conv(24 + 8, 12)])
        self.head = nn.Conv2d(12, OUTPUTS, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        trunk = self.backbone["trunk"]
        quarter, eighth, features = trunk(images)
        for block, skip in zip(self.up, [eighth, quarter, trunk.stem(images), self.full(images)]):
            features = block(torch.cat([skip, _resize(features, skip)], dim=1))
        return self.head(features)


def _resize(features: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return F.interpolate(features, size=like.shape[-2:], mode="bilinear")


def _normalise(images: torch.Tensor) -> torch.Tensor:
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def semantic_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, and the Dice loss of each class so that background does not outweigh the shapes."""
    truth = F.one_hot(labels, OUTPUTS).permute(0, 3, 1, 2)
    found = logits.softmax(dim=1)
    overlap = (found * truth).sum(dim=(0, 2, 3))
    dice = 1 - 2 * overlap / (found.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3)) + 1)
    return F.cross_entropy(logits, labels) + dice.mean()


def _recipe(build, to_input, output: str, steps: int, description: str) -> Recipe:
    def loss(model: nn.Module, images: torch.Tensor, targets: list[Target]) -> torch.Tensor:
        return semantic_loss(model(to_input(images)), semantic_maps(targets))

    def predict(model: nn.Module, image: torch.Tensor) -> Target:
        return {"labels": model(to_input(image)[None])[0].argmax(dim=0).to(torch.uint8)}

    axes = {0: "batch", 2: "height", 3: "width"}
    return Recipe(
        task="semantic-segmentation",
        build=build,
        loss=loss,
        predict=predict,
        steps=steps,
        batch=8,
        rate=2e-3,
        inputs={"input": axes},
        outputs={output: axes},
        to_input=lambda image: to_input(image)[None],
        description=description,
    )


fcn = _recipe(FCN, _normalise, "out", 9000, "FCN on a pyramid of eight convolutions")
unet = _recipe(UNet, lambda image: image, "output", 9000, "U-Net of 8 to 112 channels")
