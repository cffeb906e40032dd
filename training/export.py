"""Writes a trained model as ONNX: /usr/bin/python3 training/export.py fcn-shapes --work DIR --out models/fcn-shapes"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch

from scenes import make_scene
from zoo import RECIPES

OPSET = 12


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("model", choices=RECIPES)
    options.add_argument("--work", type=Path, default=Path("out/training"))
    options.add_argument("--out", type=Path, required=True)
    arguments = options.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    export(arguments.model, arguments.work, arguments.out / "model.onnx")


def export(name: str, work: Path, file: Path) -> None:
    recipe = RECIPES[name]
    model = recipe.build()
    model.load_state_dict(torch.load(work / f"{name}.pt", map_location="cpu")["model"])
    model.eval()
    # A scene with shapes in it: tracing a detector needs something to find.
    pixels = torch.from_numpy(make_scene(3, 160, 192).pixels.copy()).permute(2, 0, 1).float() / 255
    torch.onnx.export(
        recipe.wrap(model).eval(),
        (recipe.to_input(pixels),),
        str(file),
        opset_version=OPSET,
        input_names=list(recipe.inputs),
        output_names=list(recipe.outputs),
        dynamic_axes={**recipe.inputs, **recipe.outputs},
    )
    graph = onnx.load(str(file))
    shorten_names(graph.graph, {})
    for key, text in recipe.metadata.items():
        graph.metadata_props.add(key=key, value=text)
    onnx.save(graph, str(file))


def shorten_names(graph: onnx.GraphProto, outer: dict[str, str]) -> None:
    """Numbers what lies between inputs and outputs: paths of modules are a tenth of a small model's file."""
    kept = {value.name for value in [*graph.input, *graph.output]} if not outer else set()
    names = {**outer, **{name: name for name in kept}, "": ""}

    def short(name: str) -> str:
        return names.setdefault(name, f"{len(outer)}_{len(names)}" if outer else f"_{len(names)}")

    for tensor in graph.initializer:
        tensor.name = short(tensor.name)
    for value in graph.input if outer else []:
        value.name = short(value.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                shorten_names(attribute.g, names)
    for value in graph.output if outer else []:
        value.name = short(value.name)
    del graph.value_info[:]


if __name__ == "__main__":
    main()
