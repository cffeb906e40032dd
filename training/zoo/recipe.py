"""What training, scoring and export need to know of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional

import torch
from torch import nn

Target = Dict[str, torch.Tensor]
"""boxes float32 [n, 4] as x1, y1, x2, y2 in pixels, labels int64 [n] from 1, and masks uint8 [n, H, W]."""


@dataclass(frozen=True)
class Frame:
    side: int
    stretch: bool
    """Or else the aspect ratio is kept, with grey about the picture."""


@dataclass(frozen=True)
class Recipe:
    task: str
    """detection, instance-segmentation or semantic-segmentation."""
    build: Callable[[], nn.Module]
    loss: Callable[[nn.Module, torch.Tensor, List[Target]], torch.Tensor]
    """Of images float32 [N, 3, H, W], RGB of 0–1."""
    predict: Callable[[nn.Module, torch.Tensor], Target]
    """Of one image float32 [3, H, W]: a target with scores, or a label map uint8 [H, W] under `labels`."""
    steps: int
    inputs: Dict[str, Dict[int, str]]
    """Names of the graph's inputs with their dynamic axes."""
    outputs: Dict[str, Dict[int, str]]
    to_input: Callable[[torch.Tensor], torch.Tensor]
    """From one image float32 [3, H, W], RGB of 0–1, to the graph's input."""
    wrap: Callable[[nn.Module], nn.Module] = lambda model: model
    """The module to export, where it is not the model itself."""
    start: Optional[str] = None
    """The model whose weights of the same names and shapes it starts from."""
    frame: Optional[Frame] = None
    """For graphs of fixed size: what pictures are brought to. Otherwise they keep their own size."""
    rate: float = 1e-3
    batch: int = 8
    description: str = ""
    metadata: Dict[str, str] = field(default_factory=dict)
    """Written into the graph, where a usual export of the family has it."""
