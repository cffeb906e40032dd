"""The shapes models by name."""

from zoo.cornernet import cornernet
from zoo.recipe import Recipe
from zoo.semantic import fcn, unet
from zoo.torchvision_models import faster_rcnn, fcos, mask_rcnn, retinanet, ssd
from zoo.yolo import yolo

RECIPES: dict[str, Recipe] = {
    "fcn-shapes": fcn,
    "unet-shapes": unet,
    "mask-rcnn-shapes": mask_rcnn,
    "faster-rcnn-shapes": faster_rcnn,
    "retinanet-shapes": retinanet,
    "fcos-shapes": fcos,
    "ssd-shapes": ssd,
    "yolo-shapes": yolo,
    "cornernet-shapes": cornernet,
}
