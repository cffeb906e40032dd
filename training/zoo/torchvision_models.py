"""torchvision's detectors over the shared backbone: R-CNNs, RetinaNet, FCOS and SSD."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torchvision.models.detection import FCOS, FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign

from backbone import CHANNELS, Pyramid, conv
from scenes import CLASSES
from zoo.recipe import Frame, Recipe, Target

LABELS = 1 + len(CLASSES)
"""Background is 0."""
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
BOX_FEATURES = 80
SSD_SIDE = 256
MAX_DETECTIONS = 40
"""Per picture; scenes have up to 18 shapes."""


class OwnSize(GeneralizedRCNNTransform):
    """Normalises and pads to a multiple of 32, but leaves pictures the size they have."""

    def __init__(self) -> None:
        super().__init__(min_size=160, max_size=160, image_mean=MEAN, image_std=STD)

    def resize(self, image: torch.Tensor, target: Target | None = None) -> tuple[torch.Tensor, Target | None]:
        return image, target


def build_faster_rcnn() -> FasterRCNN:
    return _rcnn(FasterRCNN)


def build_mask_rcnn() -> MaskRCNN:
    return _rcnn(
        MaskRCNN,
        mask_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], output_size=14, sampling_ratio=2),
        mask_head=MaskRCNNHeads(CHANNELS, [CHANNELS, CHANNELS], dilation=1),
        mask_predictor=MaskRCNNPredictor(CHANNELS, 32, LABELS),
    )


def _rcnn(kind: type, **heads: nn.Module) -> nn.Module:
    model = kind(
        Pyramid(),
        rpn_anchor_generator=AnchorGenerator(((18,), (36,), (64,)), ((0.6, 1.0, 1.6),) * 3),
        rpn_pre_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_train=300,
        rpn_post_nms_top_n_test=100,
        rpn_batch_size_per_image=128,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(CHANNELS * 7 * 7, BOX_FEATURES),
        box_predictor=FastRCNNPredictor(BOX_FEATURES, LABELS),
        box_batch_size_per_image=64,
        box_detections_per_img=MAX_DETECTIONS,
        **heads,
    )
    model.transform = OwnSize()
    return model


def build_retinanet() -> RetinaNet:
    anchors = AnchorGenerator(tuple((s, s * 2 ** (1 / 3), s * 2 ** (2 / 3)) for s in (16, 32, 64)), ((0.6, 1.0, 1.6),) * 3)
    head = RetinaNetHead(CHANNELS, 9, LABELS, norm_layer=partial(nn.GroupNorm, 16))
    model = RetinaNet(
        Pyramid(finest=8, coarser=1), LABELS, anchor_generator=anchors, head=head, detections_per_img=MAX_DETECTIONS
    )
    model.transform = OwnSize()
    return model


def build_fcos() -> FCOS:
    # Objects of more than eight times a level's anchor go to the next: here all are on the finest.
    anchors = AnchorGenerator(((8,), (16,)), ((1.0,),) * 2)
    model = FCOS(Pyramid(finest=8), LABELS, anchor_generator=anchors, detections_per_img=MAX_DETECTIONS)
    model.transform = OwnSize()
    return model


class DeeperPyramid(nn.Module):
    """A pyramid with three more convolutions on each level, which its levels share: SSD's own head has but one."""

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = Pyramid(finest=8)
        self.tower = nn.Sequential(*(conv(CHANNELS, CHANNELS) for _ in range(3)))
        self.out_channels = [CHANNELS] * 2

    def forward(self, images: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        return OrderedDict((name, self.tower(level)) for name, level in self.pyramid(images).items())


def build_ssd() -> SSD:
    # Boxes of 27, 38 (stride 8), 53 and 70 pixels (stride 16), square, and of the first size oblong.
    boxes = DefaultBoxGenerator([[1.5], [1.5]], scales=[s / SSD_SIDE for s in (27, 53, 93)], steps=[8, 16])
    return SSD(DeeperPyramid(), boxes, (SSD_SIDE, SSD_SIDE), LABELS, MEAN, STD, detections_per_img=MAX_DETECTIONS)


def _loss(model: nn.Module, images: torch.Tensor, targets: list[Target]) -> torch.Tensor:
    return sum(model(list(images), targets).values())


def _predict(model: nn.Module, image: torch.Tensor) -> Target:
    return model([image])[0]


class TakesOneImage(nn.Module):
    """torchvision's usual export: one image [3, H, W], and its detections in the order of `names`."""

    def __init__(self, model: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        detections = self.model([image])[0]
        return tuple(detections[name] for name in self.names)


def _recipe(build, names: list[str], steps: int, start: str, description: str, **about) -> Recipe:
    axes = {name: {0: "detections"} for name in names}
    if "masks" in names:
        axes["masks"] = {0: "detections", 2: "height", 3: "width"}
    return Recipe(
        task="instance-segmentation" if "masks" in names else "detection",
        build=build,
        loss=_loss,
        predict=_predict,
        steps=steps,
        start=start,
        inputs={"image": {1: "height", 2: "width"}},
        outputs=axes,
        to_input=lambda image: image,
        wrap=lambda model: TakesOneImage(model, names),
        description=description,
        **about,
    )


RCNN = ["boxes", "labels", "scores"]
ONE_STAGE = ["boxes", "scores", "labels"]
"""The order in which these models make their outputs, which is that of an exported graph."""

mask_rcnn = _recipe(build_mask_rcnn, [*RCNN, "masks"], 2400, "fcn-shapes", "Mask R-CNN of torchvision")
faster_rcnn = _recipe(build_faster_rcnn, RCNN, 300, "mask-rcnn-shapes", "Faster R-CNN of torchvision")
retinanet = _recipe(build_retinanet, ONE_STAGE, 1300, "mask-rcnn-shapes", "RetinaNet of torchvision")
fcos = _recipe(build_fcos, ONE_STAGE, 1300, "mask-rcnn-shapes", "FCOS of torchvision")
ssd = _recipe(
    build_ssd, ONE_STAGE, 3000, "mask-rcnn-shapes", "SSD of torchvision", rate=2e-3, frame=Frame(SSD_SIDE, stretch=True)
)
