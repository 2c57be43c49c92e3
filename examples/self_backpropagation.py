"""Self-backpropagation against its controls: whether the propagated change itself helps.

python examples/self_backpropagation.py --data-dir FOLDER            # mnist, a spiking network
python examples/self_backpropagation.py --task nettalk --kind rbm --data-dir FOLDER
python examples/self_backpropagation.py --task digits                # in the package

Each row is the same network with other gains of the changes: none (f = 0), as published (f = 0.2), strong (f = neurons:
a mean gain of 2), and the strong one replaced by its mean for all synapses, dealt out anew among neurons, or by the
learning rate that makes changes as large; beside them the symmetric rule, with which the publication compares.
Differences are paired by seed, with a 95 % interval (t).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from tegmentum.datasets import load, load_nettalk
from tegmentum.plasticity import Propagation, SelfBackpropagation, SelfBackpropagationParameters

Array = np.ndarray[Any, Any]


def rows(hidden: int) -> dict[str, tuple[str, Propagation]]:
    """Return the rule of each layer and the propagation of every row of the table."""
    strong = float(hidden)
    return {
        "none, f = 0": ("post", Propagation(0.0)),
        "published, f = 0.2": ("post", Propagation(0.2)),
        f"strong, f = {hidden}": ("post", Propagation(strong)),
        "uniform of that size": ("post", Propagation(strong, control="uniform")),
        "shuffled of that size": ("post", Propagation(strong, control="shuffled")),
        "matched learning rate": ("post", Propagation(strong, control="matched")),
        "symmetric rule": ("symmetric", Propagation(0.0)),
    }


def task_of(
    name: str, folder: Path | None, n_train: int, n_test: int
) -> tuple[Array, Array, Array, Array, int]:
    """Return training and test inputs and targets, and how many of the outputs are the first code."""
    if name == "nettalk":
        data = load_nettalk(folder or Path())
        learned, held = data.split(1_000)
        target = data.targets()
        x = data.x.astype(float)
        return (
            x[learned][:n_train],
            target[learned][:n_train],
            x[held][:n_test],
            target[held][:n_test],
            len(data.phonemes),
        )
    data = load(name, folder)
    eye = np.eye(data.n_classes)
    x, y = data.x_train[:n_train] / data.x_max, eye[data.y_train[:n_train]]
    return x, y, data.x_test[:n_test] / data.x_max, eye[data.y_test[:n_test]], data.n_classes


def score(out: Array, target: Array, first: int) -> float:
    """Return the share of samples whose codes are all right, [%]."""
    right = out[:, :first].argmax(axis=1) == target[:, :first].argmax(axis=1)
    if first < out.shape[1]:
        right &= out[:, first:].argmax(axis=1) == target[:, first:].argmax(axis=1)
    return 100 * float(right.mean())


def accuracy(
    parameters: SelfBackpropagationParameters, task: Any, epochs: int, batch: int, seed: int
) -> float:
    """Learn, and return the test accuracy after the last epoch [%]."""
    x, target, x_test, target_test, first = task
    net = SelfBackpropagation(parameters, seed)
    for epoch in range(epochs):
        order = np.random.default_rng([seed, 2, epoch]).permutation(len(x))
        for at in range(0, len(x) - batch + 1, batch):
            chosen = order[at : at + batch]
            net.learn(x[chosen], target[chosen])
    parts = [net.predict(x_test[at : at + 500]) for at in range(0, len(x_test), 500)]
    return score(np.concatenate(parts), target_test, first)


def interval(found: Array, base: Array) -> str:
    """Return the mean difference and its 95 % interval."""
    d = found - base
    half = student.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return f"{d.mean():+.2f} +- {half:.2f}"


def main() -> None:
    """Run all rows and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", choices=("digits", "mnist", "nettalk"), default="mnist")
    parser.add_argument("--kind", choices=("spiking", "rbm"), default="spiking")
    parser.add_argument("--data-dir", type=Path, help="folder with the task's files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--limit-train", type=int, default=10_000)
    parser.add_argument("--limit-test", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    task = task_of(options.task, options.data_dir, options.limit_train, options.limit_test)
    sizes = (task[0].shape[1], options.hidden, task[1].shape[1])
    fixed = {"beta": 0.2, "epsilon": 1.0} if options.kind == "rbm" else {}
    found: dict[str, list[float]] = {}
    for name, (base, propagation) in rows(options.hidden).items():
        started = time.perf_counter()
        parameters = SelfBackpropagationParameters(sizes, options.kind, base, propagation, **fixed)
        found[name] = [
            accuracy(parameters, task, options.epochs, options.batch, seed) for seed in range(options.seeds)
        ]
        if options.json:
            continue
        if len(found) == 1:
            print(f"{options.task}, {options.kind}, {sizes[0]}-{sizes[1]}-{sizes[2]}, {len(task[0]):,} samples, "
                  f"{options.epochs} epochs, {options.seeds} seeds, tested on {len(task[2]):,}")  # fmt: skip
        accuracies = np.array(found[name])
        against = "" if len(found) == 1 else interval(accuracies, np.array(found["none, f = 0"]))
        print(
            f"{name:24} {accuracies.mean():6.2f} % (sd {accuracies.std(ddof=1):.2f})  {against:18} "
            f"{time.perf_counter() - started:5.0f} s",
            flush=True,
        )
    if options.json:
        print(json.dumps({"task": options.task, "kind": options.kind, "sizes": sizes, "accuracy": found}))


if __name__ == "__main__":
    main()
