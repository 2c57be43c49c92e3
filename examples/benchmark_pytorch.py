"""Time one epoch of NACA on MNIST: dense PyTorch on one thread against Tegmentum on one and on two.

Usage: ``python examples/benchmark_pytorch.py [--data-dir DIR] [--samples N] [--threads 1] [--json]``

All contestants learn by the same mathematics (784-1000-10, 20 ticks, batch 32, Adam at 1e-4) from the same
initial weights and neuromodulator levels; each draws its own Bernoulli input. They take turns, slice by slice
of the epoch, so that noise of the machine hits all alike. Compilation and one warm-up slice are outside the
times, and so is the test. The second table is Tegmentum's work against the activity of the input. Events are
spikes times the synapses each reaches; what is done for each neuron and tick, for each random number and for
each step of the optimiser does not shrink with them, so the time for one event grows as they become rare.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tegmentum.datasets import Dataset, load
from tegmentum.plasticity.learning.learner import Learner
from tegmentum.plasticity.rules.naca import naca
from tegmentum.simcore.random import philox as rng

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

HIDDEN, N_TICKS, BATCH, LR = 1000, 20, 32, 1e-4
RHO, V_THRESH, LENS = 0.2, 0.5, 0.5
RATE_SCALES = (1.0, 0.5, 0.25, 0.1, 0.05)
Array = np.ndarray[Any, Any]


class TorchNaca:
    """The rule in dense float32 torch, without autograd.

    The currents of a whole window are one matrix product, and so is the gradient of the weights over all
    samples and ticks. Only the recursions of potential and credit, which are element by element, loop over
    ticks. Arrays are laid out (tick, sample, neuron), so that a tick is one contiguous piece, and are written
    in place.

    Parameters
    ----------
    learner : Learner
        whose weights and gains are the starting point
    threads : threads that torch may use
    """

    def __init__(self, learner: Learner, threads: int):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(0)
        hidden, output = learner.layers
        self.weights, self.biases = [], []
        for layer in (hidden, output):
            weight, bias = layer.weights()
            self.weights.append(torch.from_numpy(weight.T.copy()))
            self.biases.append(torch.from_numpy(bias.copy()))
        self.gains = torch.from_numpy(hidden.gains.astype(np.float32))
        parameters = [*self.weights, *self.biases]
        for p in parameters:
            p.grad = torch.zeros_like(p)
        self.adam = torch.optim.Adam(parameters, lr=LR, fused=True)
        sizes = [hidden.n_pre, hidden.n_post, output.n_post]
        self.uniform = torch.empty(N_TICKS, BATCH, sizes[0])
        self.inputs = torch.empty_like(self.uniform)
        self.v, self.spikes, self.factor, self.credit = (
            [torch.empty(N_TICKS, BATCH, n) for n in sizes[1:]] for _ in range(4)
        )

    def forward(self, p: Any) -> None:
        """Fill input, potentials and spikes for intensities ``p`` (BATCH, n_inputs)."""
        torch.lt(self.uniform.uniform_(), p, out=self.inputs)
        x = self.inputs
        for weight, bias, v, s in zip(self.weights, self.biases, self.v, self.spikes, strict=True):
            torch.addmm(bias, x.flatten(0, 1), weight.T, out=v.flatten(0, 1))
            torch.gt(v[0], V_THRESH, out=s[0])
            for t in range(1, N_TICKS):
                silent = 1.0 - s[t - 1]
                v[t].addcmul_(v[t - 1], silent, value=RHO)
                torch.gt(v[t], V_THRESH, out=s[t])
            x = s

    def backward(self, y: Any) -> None:
        """Fill the gradients: hidden from the gain at the last tick, output from the error at every tick."""
        error = self.spikes[1].mean(0)
        error[torch.arange(BATCH), y] -= 1.0
        error *= 2.0 / (N_TICKS * error.numel())
        for k, (v, s, factor, a) in enumerate(
            zip(self.v, self.spikes, self.factor, self.credit, strict=True)
        ):
            torch.gt(v, V_THRESH - LENS, out=factor)
            factor[1:] -= s[:-1]
            torch.mul(error if k else self.gains[y], factor[-1], out=a[-1])
            for t in range(N_TICKS - 2, -1, -1):
                torch.mul(a[t + 1], v[t], out=a[t])
                a[t].mul_(-RHO)
                if k:
                    a[t].add_(error)
                a[t].mul_(factor[t])
            x = self.spikes[0] if k else self.inputs
            torch.mm(a.flatten(0, 1).T, x.flatten(0, 1), out=self.weights[k].grad)
            torch.sum(a, (0, 1), out=self.biases[k].grad)

    def learn(self, x: Array, y: Array, order: Array) -> None:
        """Take the samples in ``order``, batch by batch."""
        with torch.inference_mode():
            pixels, labels = torch.from_numpy(x), torch.from_numpy(y)
            for index in torch.from_numpy(order).view(-1, BATCH):
                self.forward(pixels[index].float().div_(255.0))
                self.backward(labels[index])
                self.adam.step()

    def accuracy(self, x: Array, y: Array) -> float:
        """Share of samples whose highest rate is their class; a last partial batch is left out."""
        correct, n = 0, len(x) // BATCH * BATCH
        with torch.inference_mode():
            for k in range(0, n, BATCH):
                self.forward(torch.from_numpy(x[k : k + BATCH]).float().div_(255.0))
                found = self.spikes[1].sum(0).argmax(1).numpy()
                correct += int(np.count_nonzero(found == y[k : k + BATCH]))
        return correct / n


@dataclass
class Contestant:
    """Somebody who learns a slice of samples, and the time it has taken so far."""

    name: str
    learn: Callable[[Array, Array, int], None]
    accuracy: Callable[[Array, Array], float]
    cpu: float = 0.0
    wall: float = 0.0
    slices: list[float] = field(default_factory=list)

    def take(self, x: Array, y: Array, number: int) -> None:
        """Learn one slice against the clock."""
        cpu, wall = time.process_time(), time.perf_counter()
        self.learn(x, y, number)
        self.slices.append(time.process_time() - cpu)
        self.cpu += self.slices[-1]
        self.wall += time.perf_counter() - wall


def describe(threads: int = 1, rate_scale: float = 1.0) -> Learner:
    """Return the network of the benchmark, as it is before learning."""
    network = naca(784, [HIDDEN], 10)
    return Learner(network, n_ticks=N_TICKS, batch=BATCH, seed=0, threads=threads, rate_scale=rate_scale)


def tegmentum_contestant(threads: int) -> Contestant:
    """Tegmentum on so many threads."""
    learner = describe(threads)

    def learn(x: Array, y: Array, number: int) -> None:
        learner.learn(x, y, 255, number)

    def accuracy(x: Array, y: Array) -> float:
        return float((learner.predict(x, 255) == y).mean())

    return Contestant(f"tegmentum {threads} thread{'s' * (threads > 1)}", learn, accuracy)


def torch_contestant(threads: int) -> Contestant:
    """Dense torch on so many threads."""
    model = TorchNaca(describe(), threads)

    def learn(x: Array, y: Array, number: int) -> None:
        model.learn(x, y, rng.permutation(len(x), 0, rng.STREAM_SHUFFLE, number))

    return Contestant(
        f"torch {torch.__version__} {threads} thread{'s' * (threads > 1)}", learn, model.accuracy
    )


def race(data: Dataset, samples: int, threads: int, n_slices: int) -> list[dict[str, Any]]:
    """Let all take turns through one epoch; returns a row for each."""
    makers: list[Callable[[], Contestant]] = [
        lambda: tegmentum_contestant(threads),
        lambda: tegmentum_contestant(2 * threads),
    ]
    if torch is not None:
        makers.insert(0, lambda: torch_contestant(threads))
    for make in makers:  # compile, and touch memory
        make().learn(data.x_train[: 20 * BATCH], data.y_train[: 20 * BATCH], 0)
    contestants = [make() for make in makers]
    order = rng.permutation(samples, 0, rng.STREAM_SHUFFLE, 2**20)
    slices = [part * BATCH for part in np.array_split(np.arange(samples // BATCH), n_slices)]
    for number, firsts in enumerate(slices):
        index = order[firsts[0] : firsts[-1] + BATCH]
        x, y = data.x_train[index], data.y_train[index]
        for turn in range(len(contestants)):  # nobody is always first
            contestants[(turn + number) % len(contestants)].take(x, y, number)
    return [
        {
            "name": c.name, "cpu_s": c.cpu, "wall_s": c.wall, "samples": samples, "slices_cpu_s": c.slices,
            "test_accuracy": c.accuracy(data.x_test, data.y_test),
        }
        for c in contestants
    ]  # fmt: skip


def sparsity(data: Dataset, samples: int, threads: int) -> list[dict[str, float]]:
    """Work and time of learning ``samples`` at each activity of the input."""
    x, y = data.x_train[:samples], data.y_train[:samples]
    rows = []
    for scale in RATE_SCALES:
        learner = describe(threads, scale)
        cpu = time.process_time()
        work = learner.learn(x, y, 255, 0)
        cpu = time.process_time() - cpu
        events = work.synaptic_events
        row = {"rate_scale": scale, "synaptic_events": events, "cpu_s": cpu, "wall_s": work.seconds}
        rows.append({**row, "ns_per_event": 1e9 * cpu / max(1, events)})
    return rows


def show(result: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"{'':24}{'CPU s':>9}{'wall s':>9}{'test accuracy':>15}   ({result['samples']} samples)")
    for row in result["race"]:
        print(f"{row['name']:24}{row['cpu_s']:9.2f}{row['wall_s']:9.2f}{100 * row['test_accuracy']:14.2f}%")
    for name, ratio in result["ratios"].items():
        print(f"{name}: {ratio:.2f}")
    print(f"\n{'rate_scale':>10}{'synaptic events':>18}{'CPU s':>9}{'wall s':>9}{'ns per event':>14}")
    for row in result["sparsity"]:
        print(
            f"{row['rate_scale']:10g}{row['synaptic_events']:18.4g}{row['cpu_s']:9.3f}{row['wall_s']:9.3f}"
            f"{row['ns_per_event']:14.3f}"
        )


def ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Speed-ups between the contestants."""
    one, two = rows[-2:]
    found = {}
    if len(rows) == 3:
        found["torch / tegmentum, CPU"] = rows[0]["cpu_s"] / one["cpu_s"]
        found["torch / tegmentum, wall"] = rows[0]["wall_s"] / one["wall_s"]
    found["tegmentum, threads x 2: wall"] = one["wall_s"] / two["wall_s"]
    return found


def main() -> None:
    """Run the benchmark and print what came out."""
    parser = argparse.ArgumentParser(description="Time NACA on MNIST in PyTorch and in Tegmentum.")
    parser.add_argument("--data-dir", default=os.environ.get("TEGMENTUM_DATA"), help="folder with MNIST")
    parser.add_argument("--samples", type=int, default=60_000, help="training samples, at most 60000")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch and of the first Tegmentum")
    parser.add_argument("--slices", type=int, default=10, help="turns that each contestant takes")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    args = parser.parse_args()
    if not BATCH <= args.samples <= 60_000:
        parser.error(f"--samples must be from {BATCH} to 60000, got {args.samples}")
    if torch is None:
        print("PyTorch is not here, so only Tegmentum is timed; pip install torch", file=sys.stderr)
    data = load("mnist", args.data_dir)
    samples = args.samples // BATCH * BATCH
    rows = race(data, samples, args.threads, min(args.slices, samples // BATCH))
    result = {
        "samples": samples, "race": rows, "ratios": ratios(rows),
        "sparsity": sparsity(data, min(samples, 6400), args.threads),
    }  # fmt: skip
    if args.json:
        print(json.dumps(result, indent=1))
    else:
        show(result)


if __name__ == "__main__":
    main()
