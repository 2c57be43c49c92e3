r"""Neurons of a NIR graph as ours: the same equations, with the tick that the other tool steps by said openly.

NIR writes spikes as numbers at moments, and tools read a spike as an input of 1 for one of their steps of length
:math:`h`. For a leaky neuron, :math:`\tau \dot v = v_{leak} - v + R I`, one such step gives

.. math:: v \leftarrow v_{leak} + (v - v_{leak})\, d + (1 - d)\, R\, I,

with :math:`d = e^{-h / \tau}` where it is solved exactly, and :math:`d = 1 - h / \tau` where a tool takes Euler's step.
So a spike through a weight :math:`w` makes the potential jump by :math:`(1 - d) R w`, and a bias :math:`b` moves the
rest to :math:`v_{leak} + R b`. J. E. Pedersen et al. (2024), Nat. Commun. 15:8122, doi:10.1038/s41467-024-52259-9.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import DescriptionError
from ..neurons import LIF, LIFExp, NeuronModel

Array = np.ndarray[Any, Any]
FOREVER = 1e12  # ms: the time constant of a neuron that does not leak
NEVER = 1e30  # mV: the threshold of a neuron that does not fire


class Neurons(NamedTuple):
    """A population that a node stands for."""

    model: NeuronModel
    receptor: str
    gain: Array  # what a weight of 1 is worth at each neuron
    start: Array  # potential at time 0, which a bias has not moved yet


def neurons_of(name: str, node: Any, n: int, bias: Array, h: float, euler: bool) -> Neurons:
    """Return the model of a node of ``n`` neurons, and what weights onto it are to be multiplied by.

    Parameters
    ----------
    bias : array of float, (n,)
        constant input
    h : float, ms
        step of the tool that wrote the graph; the graph's times are in s
    euler : bool
        whether that tool takes Euler's step
    """
    kind = type(node).__name__

    def flat(value: Any) -> Array:
        return np.broadcast_to(np.asarray(value, np.float64).ravel(), (n,)).copy()

    r, reset = flat(node.r), flat(0.0 if getattr(node, "v_reset", None) is None else node.v_reset)
    thresh = flat(NEVER) if kind == "LI" else _above(flat(node.v_threshold))
    if kind == "IF":
        if np.any(bias != 0.0):
            raise DescriptionError(
                f"NIR node {name!r}: a bias onto neurons without leak has no rest to move; use LIF"
            )
        return Neurons(
            LIF(tau_m=FOREVER, v_thresh=thresh, v_reset=reset, t_ref=0.0), "v", 1e-3 * h * r, flat(0.0)
        )
    leak = flat(node.v_leak)
    if kind == "CubaLIF":
        if euler:
            raise DescriptionError(
                f"NIR node {name!r}: tools differ in the order of their Euler steps for CubaLIF; say step='exact'"
            )
        tau, tau_s = 1e3 * flat(node.tau_mem), 1e3 * flat(node.tau_syn)
        # i is in units of R I: c_m = tau_m makes a current of 1 pA worth 1 mV at rest
        currents = LIFExp(
            tau_m=tau, tau_exc=tau_s, v_rest=leak + r * bias * flat(node.w_in), v_thresh=thresh, v_reset=reset,
            t_ref=0.0, c_m=tau,
        )  # fmt: skip
        return Neurons(currents, "exc", -np.expm1(-h / tau_s) * r * flat(node.w_in), leak)
    tau = 1e3 * flat(node.tau)
    if euler:
        if np.any(tau <= h):
            raise DescriptionError(
                f"NIR node {name!r}: tau must be > dt = {h:g} ms for Euler's step, got {tau.min():g}"
            )
        kept = 1.0 - h / tau
        gain, tau = (1.0 - kept) * r, -h / np.log(kept)
    else:
        gain = -np.expm1(-h / tau) * r
    model = LIF(tau_m=tau, v_rest=leak + r * bias, v_thresh=thresh, v_reset=reset, t_ref=0.0)
    return Neurons(model, "v", gain, leak)


def _above(threshold: Array) -> Array:
    """Return the next float32 above: NIR's neurons fire above their threshold, ours at it."""
    return np.nextafter(threshold.astype(np.float32), np.float32(np.inf)).astype(np.float64)
