r"""Short-term depression and facilitation: a synapse's resources are used up by spikes and come back.

Of its resources a synapse has :math:`x` ready, and of these a spike uses the fraction :math:`u`. It delivers the weight
times what it uses:

.. math::
    u \leftarrow u + U (1 - u), \qquad \text{delivered } w \, u x, \qquad x \leftarrow x - u x

Between spikes, with :math:`y` the resources in use,

.. math::
    \dot u = -u / \tau_{fac}, \qquad \dot y = -y / \tau_{psc}, \qquad \dot x = (1 - x - y) / \tau_{rec}

or, with :math:`\tau_{psc} = 0`, as if what was used began to recover at once: :math:`\dot x = (1 - x) / \tau_{rec}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tegmentum.simcore.describe.plasticity import ShortTermRule
from tegmentum.simcore.neurons.base import param

#: rate that stands for a decay at once
NEVER = 1e30


class Pre(NamedTuple):
    r"""What decays: with :math:`g = \tau_{psc} / (\tau_{rec} - \tau_{psc})`, ``spent`` is :math:`1 - x + g y`."""

    utilisation: float  # u
    spent: float
    active: float  # y


class Each(NamedTuple):
    """What a synapse has where parameters differ: its variables, U, and the rates of recovery and decay [1/tick]."""

    utilisation: float
    spent: float
    jump: float
    recovery: float
    decline: float


class Constants(NamedTuple):
    """Parameters of :class:`TsodyksMarkram` as its functions need them."""

    jump: float  # U
    facilitates: float  # 0 where u decays at once
    lag: float  # g


@dataclass(frozen=True)
class TsodyksMarkram(ShortTermRule):
    r"""Short-term depression and facilitation.

    Parameters
    ----------
    U : no unit, 0.5
        fraction that a spike uses after a long rest, in (0, 1]
    tau_rec : ms, 800.0
        recovery of resources; long: depression
    tau_fac : ms, 0.0
        decay of the fraction used; long: facilitation; 0: none, every spike uses U
    tau_psc : ms, 0.0
        how long used resources stay active before they begin to recover, below tau_rec; 0: not at all

    Notes
    -----
    ``U``, ``tau_rec`` and ``tau_fac`` may differ from synapse to synapse, as they were found to (H. Markram, Y. Wang,
    M. Tsodyks (1998), Proc. Natl. Acad. Sci. 95:5323-5328, doi:10.1073/pnas.95.9.5323): a distribution, drawn by the
    seed and the synapse's id and cut to the range above, or a sequence of one number for each synapse in the order of
    ``Simulation.synapses``. ``tau_psc`` is 0 then, and resources are each synapse's own, 20 bytes in float32; otherwise
    all synapses of a neuron with one delay share them. A :class:`.Turnover` and MPI ranks refuse this.

    The weight is the absolute efficacy A: a spike after a long rest delivers U times it. M. V. Tsodyks,
    H. Markram (1997), Proc. Natl. Acad. Sci. 94:719-723, doi:10.1073/pnas.94.2.719 (depression); M. Tsodyks,
    K. Pawelzik, H. Markram (1998), Neural Comput. 10:821-835, doi:10.1162/089976698300017502 (facilitation);
    M. Tsodyks, A. Uziel, H. Markram (2000), J. Neurosci. 20:RC50, doi:10.1523/JNEUROSCI.20-01-j0003.2000 (with the
    resources in use). The defaults depress, as between pyramidal cells; U = 0.03, tau_rec = 130, tau_fac = 530
    facilitates. With ``tau_psc`` this is NEST's ``tsodyks_synapse``, without it ``tsodyks2_synapse``.

    Resources and those in use obey two coupled linear equations; ``spent`` and ``active`` are the combinations that
    decay by themselves, so that any time between two spikes is one step, exactly. The nearer ``tau_psc`` is to
    ``tau_rec``, the more digits that costs.
    """

    U: Any = field(default=0.5, metadata={"unit": "", "above": 0.0, "most": 1.0})
    tau_rec: Any = field(default=800.0, metadata={"unit": "ms", "above": 0.0})
    tau_fac: Any = field(default=0.0, metadata={"unit": "ms", "least": 0.0})
    tau_psc: float = param(0.0, "ms", least=0.0)

    n_state: ClassVar[int] = 2

    def __post_init__(self) -> None:
        for name in ("U", "tau_rec", "tau_fac"):
            values = getattr(self, name)
            if isinstance(values, (np.ndarray, list)) and np.ndim(values) > 0:
                object.__setattr__(self, name, tuple(np.asarray(values).tolist()))

    def for_each(self, dt: float, numbers: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return U and both rates."""
        fac = np.asarray(numbers["tau_fac"], float)
        decline = np.where(fac > 0.0, dt / np.where(fac > 0.0, fac, 1.0), NEVER)
        return np.asarray(numbers["U"], float), dt / np.asarray(numbers["tau_rec"], float), decline

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        wrong = super().problem()
        if wrong is None and self.varying:
            return (
                f"tau_psc must be 0 where {self.varying[0]} differs between synapses"
                if self.tau_psc
                else None
            )
        if wrong is None and not self.tau_psc < self.tau_rec:
            return f"tau_psc must be < tau_rec, {self.tau_rec:g} ms, got {self.tau_psc:g}"
        return wrong

    def release_bound(self) -> float:
        """Return 1: no arrival uses more than all resources."""
        return 1.0

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.U, float(self.tau_fac > 0), self.tau_psc / (self.tau_rec - self.tau_psc))

    def time_constants(self) -> dict[str, float]:
        """Return the decays; where a constant makes a variable mean nothing, any will do."""
        return {
            "utilisation": self.tau_fac or self.tau_rec,
            "spent": self.tau_rec,
            "active": self.tau_psc or self.tau_rec,
        }


def deliver(s: Each, k: float) -> tuple[Each, float]:
    """Let a synapse of its own parameters recover for ``k`` ticks, and release."""
    before = s.utilisation * math.exp(-k * s.decline)
    used = before + s.jump * (1.0 - before)
    spent = s.spent * math.exp(-k * s.recovery)
    released = used * (1.0 - spent)
    kept = used if s.decline < NEVER else 0.0
    return Each(kept, spent + released, s.jump, s.recovery, s.decline), released


def release(pre: Pre, c: Constants) -> float:
    """Return the fraction of all resources that an arrival uses."""
    used = pre.utilisation + c.jump * (1.0 - pre.utilisation)
    return used * (1.0 - pre.spent + c.lag * pre.active)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Raise the fraction used, and use it."""
    used = pre.utilisation + c.jump * (1.0 - pre.utilisation)
    released = used * (1.0 - pre.spent + c.lag * pre.active)
    return Pre(c.facilitates * used, pre.spent + (1.0 + c.lag) * released, pre.active + released)
