"""Networks on a CUDA device, from the same model files and the same lowered arrays as on the CPU.

Numba's simulator runs it without a device (``NUMBA_ENABLE_CUDASIM=1``), at a few thousand threads a second. What it
covers: populations updated in every tick, spike trains and static synapses with delays; one trial.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tegmentum.simcore.compile import modules as build
from tegmentum.simcore.describe.network import Network
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.lower.arrays import Trains
from tegmentum.simcore.lower.inputs import trains_of
from tegmentum.simcore.lower.plan import model_group_arrays, plan
from tegmentum.simcore.lower.rows import PLACING, WIRING, build_rows, delay_of, groups_of
from tegmentum.simcore.lower.segments import wires_of

Array = np.ndarray[Any, Any]
THREADS = 64  # of a block


class CudaSimulation:
    """A network in motion on a CUDA device.

    Parameters
    ----------
    network : Network
        without sources other than spike trains, and without plastic synapses
    dt : float, ms, 0.1
        length of a tick
    seed : int, 0
        of connections, parameters and initial states; the same as in :class:`.Simulation`
    precision : {'float32', 'float64'}
        of state and weights

    Notes
    -----
    Weights are rounded to multiples of 2**-32 of their unit, and a neuron's input of one tick is their exact sum.
    Where weights are such multiples and the CPU's sums are exact as well, both fire the same spikes; where they
    are not, inputs differ by rounding.

    Raises
    ------
    DescriptionError
        for what is not covered
    """

    def __init__(self, network: Network, dt: float = 0.1, seed: int = 0, precision: str = "float32") -> None:
        from numba import cuda

        if network.sources:
            what = type(network.sources[0]).__name__
            raise DescriptionError(f"CudaSimulation: sources must be spike trains, got {what}")
        for projection in network.projections:
            if projection.plasticity is not None:
                raise DescriptionError(f"Projection {projection.name!r}: plasticity must be None on CUDA")
        self.network, self.dt, self.tick = network, dt, 0
        p, real = plan(network, dt, 1, seed), np.dtype(precision).type
        if p.lazy:
            raise DescriptionError(
                f"Population {min(p.lazy)!r}: update must be 'stepped' on CUDA, got a lazy one"
            )
        self._plan = p
        wiring, placing = (
            build.kernel_module("lower.wiring_kernel", WIRING),
            build.kernel_module("lower.placing_kernel", PLACING),
        )
        delays = [delay_of(projection, dt) for projection in network.projections]
        groups = groups_of(network, delays, p.lazy)
        rows = build_rows(network, delays, p.lazy, seed, wiring)
        wires = wires_of(p, 0, groups, rows, delays, seed, real, placing)
        self._wires = wires._replace(
            **{name: cuda.to_device(_some(array)) for name, array in wires._asdict().items()}
        )
        trains = trains_of(p, 1)
        self._n_given = len(trains.tick)
        self._trains = Trains(*(cuda.to_device(_some(array)) for array in trains))
        self._modules, self._model_groups = [], []
        for model_group in p.model_groups:
            module = build.cuda_module(model_group.populations[0].model, model_group.varying, precision)
            host = model_group_arrays(p, model_group, 0, seed, 1, real)
            self._modules.append(module)
            self._model_groups.append(
                host._replace(
                    fields=module.State(*(cuda.to_device(a) for a in host.fields)),
                    table=cuda.to_device(host.table),
                    arrays=tuple(cuda.to_device(a) for a in host.arrays),
                    last=cuda.to_device(_some(host.last)),
                    part=cuda.to_device(host.part),
                )
            )
        n_buckets = 1 << max((d.most for d in delays), default=1).bit_length()
        self._ring = cuda.to_device(np.zeros((n_buckets, p.n_rows * p.n_slots[0]), np.int64))
        self._inputs = cuda.to_device(np.zeros((p.n_rows, p.n_slots[0]), real))
        self._fired = cuda.to_device(np.zeros(p.n_sources, np.int32))

    def run(self, ms: float) -> dict[str, tuple[Array, Array]]:
        """Simulate ``ms`` milliseconds.

        Returns
        -------
        dict
            for each population and spike train (tick, neuron) of its spikes in order, int64 both
        """
        from numba import cuda

        n = round(ms / self.dt)
        if n < 0 or not math.isclose(n * self.dt, ms, rel_tol=1e-9, abs_tol=1e-9):
            raise DescriptionError(f"run: ms must be a multiple of dt = {self.dt} ms and >= 0, got {ms}")
        room = self._plan.n_sources * n + self._n_given + 1
        recording = tuple(cuda.to_device(np.zeros(size, np.int64)) for size in (room, room, 1))
        scatter, play = self._modules[0].scatter, self._modules[0].play
        trains, given = self._trains, _blocks(self._n_given)
        for tick in range(self.tick, self.tick + n + 1):
            if tick > self.tick:
                for module, model_group, described in zip(
                    self._modules, self._model_groups, self._plan.model_groups, strict=True
                ):
                    for p, population in enumerate(described.populations):
                        grid = _blocks(population.size), THREADS
                        module.update[grid](model_group, p, tick, self._ring, self._inputs, self._fired)
            elif tick > 0:
                continue  # done by the run before
            if self._n_given:
                play[given, THREADS](trains, tick, self._fired)
            grid = _blocks(self._plan.n_sources), THREADS
            scatter[grid](self._wires, tick, self._ring, self._fired, recording)
        self.tick += n
        at, source, count = (column.copy_to_host() for column in recording)
        at, source = at[: count[0]], source[: count[0]]
        order = np.lexsort((source, at))
        at, source = at[order], source[order]
        out = {}
        for node in self._plan.nodes:
            first = self._plan.first_source[node.name]
            mine = (source >= first) & (source < first + node.size)
            out[node.name] = at[mine], source[mine] - first
        return out


def _blocks(n: int) -> int:
    return max(1, -(-n // THREADS))


def _some(array: Any) -> Any:
    """Return an array that is not empty, as devices have no empty ones."""
    return array if array.size else np.zeros((1,) * array.ndim, array.dtype)
