"""The convolutions that all shapes models share."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

CHANNELS = 64
"""Of every level of the pyramid."""


def conv(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Trunk(nn.Module):
    """Eight plain convolutions. Returns features of strides 4, 8 and 16 with 48, 80 and 112 channels.

    The last two are dilated: inside a large shape, its outline is what tells it from the background.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 32, stride=2)
        self.quarter = nn.Sequential(conv(32, 48, stride=2), conv(48, 48))
        self.eighth = nn.Sequential(conv(48, 80, stride=2), conv(80, 80))
        self.sixteenth = nn.Sequential(conv(80, 112, stride=2), conv(112, 112, dilation=2), conv(112, 112, dilation=2))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        quarter = self.quarter(self.stem(images))
        eighth = self.eighth(quarter)
        return [quarter, eighth, self.sixteenth(eighth)]


class Pyramid(nn.Module):
    """The trunk and a feature pyramid of 64 channels on strides 4, 8 and 16, or on the coarser two of them;
    `coarser` further levels are made by taking every other cell of the last."""

    def __init__(self, finest: int = 4, coarser: int = 0) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.skip = {4: 0, 8: 1}[finest]
        self.coarser = coarser
        self.fpn = FeaturePyramidNetwork([48, 80, 112][self.skip :], CHANNELS)
        self.out_channels = CHANNELS

    def forward(self, images: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        features = self.trunk(images)[self.skip :]
        levels = self.fpn(OrderedDict((str(i), feature) for i, feature in enumerate(features)))
        for _ in range(self.coarser):
            levels[str(len(levels))] = levels[str(len(levels) - 1)][:, :, ::2, ::2]
        return levels
