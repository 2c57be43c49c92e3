"""Sharing moments: what the synapses of a kernel's elements have learned goes into the weights that they share.

They are at ticks that the description alone decides, multiples of :class:`.SharedWeights`' ``every`` in a run and the
ends of trials, so no result depends on how a run is split. All synapses are first brought to that tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..lower import sharing

if TYPE_CHECKING:
    from .controls import Controlled

NEVER = 1 << 62  # a tick that no run reaches


def intervals(sim: Controlled) -> dict[str, int]:
    """Return the ticks between sharing moments of the projections that have such."""
    found = {str(q.name): q.shared for q in sim.network.projections}
    return {
        name: max(1, round(shared.every / sim.dt)) for name, shared in found.items() if shared is not None
    }


def due(sim: Controlled, trials: list[Any] | None) -> int:
    """Return the next tick at which some projection's synapses share: in trials the end of the present one."""
    if not sim._sharing:
        return NEVER
    if trials is None:
        return min((sim.tick // n + 1) * n for n in sim._sharing.values())
    length, origin = (int(part[0]) for part in (trials[0].protocol.length, trials[0].protocol.origin))
    return origin + ((sim.tick - origin) // length + 1) * length


def share(sim: Controlled, trials: list[Any] | None) -> None:
    """Let those synapses share whose time it is."""
    if not sim._sharing:
        return
    if trials is not None:
        protocol = trials[0].protocol
        ends = (sim.tick - int(protocol.origin[0])) % int(protocol.length[0]) == 0
        names = list(sim._sharing) if ends and protocol.learning[0] > 0.0 else []
    else:
        names = [name for name, n in sim._sharing.items() if sim.tick % n == 0]
    for name in names:
        _share(sim, name)


def _share(sim: Controlled, name: str) -> None:
    from ..compile import modules as build

    number = next(n for n, _, q in sim._learners() if q == name)
    rule, here = sim._rules[number], [plastics[number] for plastics in sim._plastics]
    sim._settle(name)
    if hasattr(rule, "start_window"):  # what synapses have earned since their last spikes, too
        for wires, plastic in zip(sim._wires, here, strict=True):
            rule.start_window(plastic, wires, sim.tick)
    projection = sim._projection(name)
    bounds, sign = projection.plasticity.weight_bounds(), projection.sign or 1
    kernels = build.kernel_module("lower.sharing_kernel", sharing.SHARING)
    sharing.share(sim._tied(name), sim._wires, here, bounds, sign, kernels)
    if sim._device is not None:
        sim._device.send_synapses()


def forget(sim: Controlled, name: str) -> None:
    """Drop what a projection's synapses have not shared."""
    number = next(n for n, _, q in sim._learners() if q == name)
    for plastics in sim._plastics:
        plastics[number].kept[-1][:] = 0.0
