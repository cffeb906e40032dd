"""Trains one shapes model: /usr/bin/python3 training/train.py fcn-shapes [--work DIR]

Checkpoints go to DIR/<model>.pt; started again, it goes on from there.
"""

from __future__ import annotations

import argparse
import time
from math import cos, pi
from pathlib import Path

import numpy as np
import torch

from pool import ScenePool
from zoo import RECIPES

SCENES = 6000
WARM_UP = 100
SAVE_EVERY = 120.0
"""Seconds."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", choices=RECIPES)
    options.add_argument("--work", type=Path, default=Path("out/training"))
    options.add_argument("--steps", type=int, help="instead of the recipe's")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=1)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(arguments.seed)
    train(arguments.model, arguments.work, arguments.steps or RECIPES[arguments.model].steps, arguments.seed)


def train(name: str, work: Path, steps: int, seed: int) -> None:
    recipe = RECIPES[name]
    pool = ScenePool(work, SCENES)
    model = recipe.build()
    if recipe.start:
        adopt(model, torch.load(work / f"{recipe.start}.pt")["model"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=1e-4)
    file = work / f"{name}.pt"
    first, spent = 0, 0.0
    if file.exists():
        saved = torch.load(file)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first, spent = saved["step"], saved["seconds"]
    model.train()
    started = saved_at = time.monotonic()
    mean_loss = 0.0
    for step in range(first, steps):
        rng = np.random.default_rng([seed, step])
        if recipe.frame:
            images, targets = pool.framed(rng, recipe.batch, recipe.frame.side, recipe.frame.stretch)
        else:
            images, targets = pool.batch(rng, recipe.batch)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / WARM_UP) * (0.01 + 0.99 * (1 + cos(pi * step / steps)) / 2)
        loss = recipe.loss(model, images, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        mean_loss += (loss.item() - mean_loss) / min(50, step - first + 1)
        now = time.monotonic()
        if step % 50 == 49:
            print(f"{step + 1}/{steps} loss {mean_loss:.4f} {spent + now - started:.0f} s", flush=True)
        if now - saved_at > SAVE_EVERY or step == steps - 1:
            save(file, model, optimizer, step + 1, spent + now - started)
            saved_at = now


def adopt(model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Takes over the weights whose names and shapes are the model's own."""
    own = model.state_dict()
    model.load_state_dict({name: weights[name] if _same(weights.get(name), own[name]) else own[name] for name in own})


def _same(weight: torch.Tensor | None, own: torch.Tensor) -> bool:
    return weight is not None and weight.shape == own.shape


def save(file: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int, seconds: float) -> None:
    part = file.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seconds": seconds}
    torch.save(state, part)
    part.rename(file)


if __name__ == "__main__":
    main()
