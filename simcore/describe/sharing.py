r"""Shared weights that learn: one weight for all synapses of a kernel's element, as in a convolution.

Each synapse has traces, eligibility and all else of its own, as a rule of plasticity has them. What its spikes change
is added up beside the weight; at the sharing moments the changes of all synapses :math:`S_k` of an element :math:`k`
are added to the weight that they share:

.. math::
    W_k \leftarrow \operatorname{clip}\Bigl(W_k + \sum_{s \in S_k} \Delta_s\Bigr), \qquad
    \Delta_s = \sum_{\text{spikes of } s} \bigl(w(W_k, \ldots) - W_k\bigr)

where :math:`w(W_k, \ldots)` is the weight that the rule makes of the shared one at a spike of the synapse, under its
traces and its neuromodulators, and clip keeps to the rule's bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import checks


@dataclass(frozen=True)
class SharedWeights:
    r"""When the synapses of a kernel's element share what they have learned.

    Parameters
    ----------
    every : ms, 10.0
        time between sharing moments, which are at its multiples from time 0 on, however runs are split; rounded to
        ticks, at least one. Trials (:meth:`.Simulation.present`) share at the end of each, whatever it is.

    Notes
    -----
    Until the next sharing moment the shared weight is what every synapse delivers and what its rule sees: ``every``
    should be short against the time in which weights change by much. A weight is a sum over positions, of which there
    may be hundreds: rates of learning want to be smaller by about that than without sharing.

    The sum is that of the gradient, for the derivative by a shared weight is the sum of those by the weights of its
    positions (Y. LeCun et al. (1989), Neural Comput. 1:541-551, doi:10.1162/neco.1989.1.4.541). Convolutional networks
    that learn by spike timing alone often let one position, the first to spike, decide for all of its map instead
    (S. R. Kheradpisheh, M. Ganjtabesh, S. J. Thorpe, T. Masquelier (2018), Neural Netw. 99:56-67,
    doi:10.1016/j.neunet.2017.12.005): here that is a matter of inhibition within and between maps, by which only some
    positions spike and so learn, not of the rule.

    For rules of single synapses, which act at spikes; those of windows, such as NACA's ``Modulated``, are refused with
    it, as a ``Learner`` changes each synapse by itself.

    The sum is over the synapses in the order of their ids, in float64, so it does not depend on threads. Only sharing
    moments move a weight: one that is set, and :meth:`.Simulation.reset`, drop what has not been shared by then.
    """

    every: float = 10.0

    def problem(self) -> str | None:
        """Return what is wrong, or None."""
        return checks.wrong_number(self.every, "every", "ms", above=0.0)
