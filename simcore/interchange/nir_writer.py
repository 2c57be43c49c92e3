"""NIR graphs of networks, by the equations of :mod:`.nir_neurons` read backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..describe.connectivity import Distribution
from ..describe.network import Population, Projection
from ..errors import DescriptionError
from ..neurons import LIF, LIFExp
from .nir_reader import nir_package

if TYPE_CHECKING:
    from ..advance.simulation import Simulation

Array = np.ndarray[Any, Any]


def to_nir(simulation: Simulation, frozen: bool = False) -> Any:
    """Return the network of a simulation as a NIR graph, with the weights that it has now.

    A :class:`.SpikeTrain` becomes an input; :class:`.LIF` and :class:`.LIFExp` without refractory time become ``LIF``
    and ``CubaLIF``; a projection a ``Linear`` of (n_post, n_pre), with a ``Delay`` before it where its delay is more
    than a tick, an ``Affine`` where it brings a constant current. Populations that project to no other are outputs.

    Parameters
    ----------
    simulation : Simulation
        its tick is the step to which the graph's weights belong: ``from_nir(graph, dt=simulation.dt)`` returns a
        network that fires in the same ticks
    frozen : bool
        write the present weights of synapses that learn; their rules are lost

    Returns
    -------
    nir.NIRGraph
        ``nir.write(path, graph)`` writes it

    Raises
    ------
    DescriptionError
        for what NIR has no node for, by its name
    """
    nir = nir_package("to_nir")
    network, dt = simulation.network, simulation.dt
    for source in network.sources:
        raise DescriptionError(f"to_nir: NIR has no {type(source).__name__}")
    nodes: dict[str, Any] = {t.name: nir.Input({"input": np.array([t.size])}) for t in network.spike_trains}
    gains, biases = {}, {}
    for population in network.populations:
        name = population.name
        nodes[name], gains[name], biases[name] = _neurons(nir, population, dt)
        if np.any(biases[name]) and not any(q.post is population for q in network.projections):
            raise DescriptionError(
                f"to_nir: population {name!r}: i_e goes into a projection's bias, and none reaches it"
            )
    edges = []
    for projection in network.projections:
        name, pre, post = str(projection.name), projection.pre.name, projection.post.name
        _check(projection, frozen)
        found = simulation.synapses(name)
        delays = np.unique(np.round(np.asarray(found.delay, np.float64) / dt)).astype(np.int64)
        if delays.size > 1:
            raise DescriptionError(
                f"to_nir: projection {name!r}: synapses of one NIR node have one delay, these have {delays.size}"
            )
        weight = np.zeros((projection.post.size, projection.pre.size))
        np.add.at(weight, (found.post, found.pre), found.weight)
        weight /= gains[post][:, None]
        bias = biases.pop(post, np.zeros(1))  # in the first projection onto the population
        nodes[name] = nir.Affine(weight, bias) if np.any(bias) else nir.Linear(weight)
        if delays.size and delays[0] > 1:
            nodes[f"{name} delay"] = nir.Delay(np.full(projection.pre.size, 1e-3 * dt * (delays[0] - 1)))
            edges += [(pre, f"{name} delay"), (f"{name} delay", name), (name, post)]
        else:
            edges += [(pre, name), (name, post)]
    for population in network.populations:
        if not any(q.pre is population and q.post is not population for q in network.projections):
            nodes[f"{population.name} output"] = nir.Output({"output": np.array([population.size])})
            edges.append((population.name, f"{population.name} output"))
    return nir.NIRGraph(nodes, edges)


def _check(projection: Projection, frozen: bool) -> None:
    where = f"to_nir: projection {str(projection.name)!r}"
    if projection.plasticity is not None and not frozen:
        raise DescriptionError(
            f"{where}: NIR has no {type(projection.plasticity).__name__}; frozen=True writes the present weights"
        )
    if projection.short_term is not None:
        raise DescriptionError(f"{where}: NIR has no {type(projection.short_term).__name__}")
    if isinstance(projection.post.model, LIFExp) and projection.receptor != "exc":
        raise DescriptionError(f"{where}: NIR's CubaLIF has one synaptic current; use receptor 'exc' alone")


def _neurons(nir: Any, population: Population, dt: float) -> tuple[Any, Array, Array]:
    """Return a population's node, the jump of potential or current that a weight of 1 makes, and its constant input."""
    model, where = population.model, f"to_nir: population {population.name!r}"
    if type(model) not in (LIF, LIFExp):
        raise DescriptionError(f"{where}: NIR has no {type(model).__name__}, only LIF and LIFExp go")

    def flat(name: str) -> Array:
        value = getattr(model, name)
        if isinstance(value, Distribution):
            raise DescriptionError(f"{where}: {name} must be a number or an array, got {value!r}")
        return np.broadcast_to(np.asarray(value, np.float64), (population.size,)).copy()

    if np.any(np.round(flat("t_ref") / dt) > 0.0):
        raise DescriptionError(
            f"{where}: NIR has no refractory time, t_ref must be 0 ms, got {flat('t_ref').max():g}"
        )
    tau, n = flat("tau_m"), population.size
    start = population.initial.get("v", flat("v_rest"))
    if set(population.initial) - {"v"} or not np.array_equal(
        np.broadcast_to(np.asarray(start), n), flat("v_rest")
    ):
        raise DescriptionError(f"{where}: NIR has no initial states, neurons begin at rest")
    leak, current = flat("v_rest"), flat("i_e")
    # ours fire at the threshold, NIR's above it
    thresh = np.nextafter(flat("v_thresh").astype(np.float32), np.float32(-np.inf)).astype(np.float64)
    if isinstance(model, LIFExp):
        tau_s = flat("tau_exc")
        node = nir.CubaLIF(
            tau_syn=1e-3 * tau_s, tau_mem=1e-3 * tau, r=tau / flat("c_m"), v_leak=leak, v_threshold=thresh,
            v_reset=flat("v_reset"), w_in=np.ones(n),
        )  # fmt: skip
        return node, -np.expm1(-dt / tau_s), current
    node = nir.LIF(tau=1e-3 * tau, r=np.ones(n), v_leak=leak, v_threshold=thresh, v_reset=flat("v_reset"))
    return node, -np.expm1(-dt / tau), tau / flat("c_m") * current
