r"""Structural plasticity: contacts that are lost and contacts that grow, every so many milliseconds.

At each update, for every post neuron j:

.. math::
    \text{lost:}\; |w| < w_{prune}, \text{ then the weakest beyond } k_j; \qquad
    \text{grown:}\; k_j - n_j \text{ contacts from pre neurons drawn uniformly}

where :math:`n_j` contacts are left and :math:`k_j` are wanted: as many for all (``indegree``), or as many as
homeostasis has let grow,

.. math:: z_j \leftarrow \max\bigl(z_j + \nu \, (1 - r_j / \rho), 0\bigr), \qquad k_j = \lfloor z_j \rfloor

with :math:`r_j` the neuron's rate since the last update and :math:`z_j` at first its in-degree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import checks


@dataclass(frozen=True)
class Turnover:
    r"""Pruning and growth of a projection's synapses.

    Parameters
    ----------
    every : ms
        time between updates, which are at its multiples from time 0 on, however runs are split
    indegree : int, optional
        contacts that each post neuron is brought to
    rate : Hz, optional
        instead: rate that each post neuron is brought to by contacts that excite it
    growth : contacts, 1.0
        :math:`\nu`, what a silent neuron grows at an update; negative for contacts that inhibit
    below : the weight's unit, 0.0
        synapses whose weight is nearer to zero are pruned
    weight : the weight's unit, 1.0
        of a new contact
    delay : ms, 1.0
        of a new contact
    autapses : bool, False
        whether a neuron may contact itself

    Notes
    -----
    M. Butz, A. van Ooyen (2013), PLoS Comput. Biol. 9:e1003259, doi:10.1371/journal.pcbi.1003259, in the form of NEST's
    structural plasticity with a linear growth curve (S. Diaz-Pier, M. Naveau, M. Butz-Ostendorf, A. Morrison (2016),
    Front. Neuroanat. 10:57, doi:10.3389/fnana.2016.00057), in its simplest form: pre neurons have all the axonal
    elements that are wanted, distance does not count, a surplus is lost weakest first and not at random, and the rate
    is that of the interval instead of a calcium trace. A pair has at most one new contact, which does not
    grow in the update at which one is lost. A new contact joins the traces of its pre neuron's arrivals where another
    has the same delay, and starts without eligibility. An update takes as long as building the network does.
    """

    every: float
    indegree: int | None = field(default=None, metadata={"least": 0})
    rate: float | None = None
    growth: float = 1.0
    below: float = 0.0
    weight: float = 1.0
    delay: float = 1.0
    autapses: bool = False

    def problem(self) -> str | None:
        """Return what is wrong, or None."""
        if (self.indegree is None) == (self.rate is None):
            return f"needs indegree or rate, one of them, got {self.indegree} and {self.rate}"
        return (
            checks.wrong_number(self.every, "every", "ms", above=0.0)
            or (
                self.indegree is not None
                and checks.wrong_number(self.indegree, "indegree", whole=True, least=0)
            )
            or (self.rate is not None and checks.wrong_number(self.rate, "rate", "Hz", above=0.0))
            or checks.wrong_number(self.growth, "growth")
            or checks.wrong_number(self.below, "below", least=0.0)
            or checks.wrong_number(self.weight, "weight")
            or checks.wrong_number(self.delay, "delay", "ms", above=0.0)
            or checks.flag(self.autapses, "autapses")
            or None
        )
