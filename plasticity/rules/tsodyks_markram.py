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

from dataclasses import dataclass, field
from typing import NamedTuple

from tegmentum.simcore.describe.plasticity import ShortTermRule
from tegmentum.simcore.neurons.base import param


class Pre(NamedTuple):
    r"""What decays: with :math:`g = \tau_{psc} / (\tau_{rec} - \tau_{psc})`, ``spent`` is :math:`1 - x + g y`."""

    utilisation: float  # u
    spent: float
    active: float  # y


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

    U: float = field(default=0.5, metadata={"unit": "", "above": 0.0, "most": 1.0})
    tau_rec: float = param(800.0, "ms", above=0.0)
    tau_fac: float = param(0.0, "ms", least=0.0)
    tau_psc: float = param(0.0, "ms", least=0.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        wrong = super().problem()
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


def release(pre: Pre, c: Constants) -> float:
    """Return the fraction of all resources that an arrival uses."""
    used = pre.utilisation + c.jump * (1.0 - pre.utilisation)
    return used * (1.0 - pre.spent + c.lag * pre.active)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Raise the fraction used, and use it."""
    used = pre.utilisation + c.jump * (1.0 - pre.utilisation)
    released = used * (1.0 - pre.spent + c.lag * pre.active)
    return Pre(c.facilitates * used, pre.spent + (1.0 + c.lag) * released, pre.active + released)
