r"""EGDC as one network of spiking neurons: columns, gate and decorrelation, described and left to the engine.

Awake, a trial shows an image as Bernoulli spikes:

* **columns**: pixels excite the neurons of a column (:class:`~.connectivity.Conv2D`) and, a tick earlier, its
  interneurons. Of these the m-th fires when m pixels of the patch do, so together they inhibit the column by
  :math:`\theta \sqrt{m + 0.1}`: recruitment is what makes a square root.
* **pools** count what their columns fire (:class:`~.grids.AvgPool2D`), and send a spike for each few.
* **gate**: the neuron of every expected class fires when a trial begins. Dopamine, high in the subpopulation of the
  class that is expected, decides in whose synapses the product of counts, 1 times the pool's, is kept:
  :math:`S_{kj} \leftarrow S_{kj} + x_j`, downwards and upwards, and :math:`n_k \leftarrow n_k + 1` for the sample.
* **lateral synapses** between pools learn the product of counts under acetylcholine,
  :math:`L_{ij} \leftarrow L_{ij} + x_i x_j`. Autapses begin with the prior.

In recall (:mod:`.pool_neuron`, :mod:`.expectation_neuron`) the neuron of one class is cued. It excites the pools by
its prototype, they inhibit each other, and what the prototypes explain is given back:

.. math:: L r = \sum_l S_l (c\,[l = k] + a_l), \quad a_l = \tfrac{1}{n_l} S_l \cdot r \quad\Rightarrow\quad
    \Bigl(L - \sum_l \tfrac{1}{n_l} S_l S_l^\top\Bigr) r = c\, S_k

which is the settled lateral inhibition of :mod:`.decorrelation`, the loop through the expectation neurons taking the
classes' means out of :math:`L`. The synapses onto the neuron of choice k learn, under dopamine of its own, how often
each pool fires, and those of the expectation neuron how often that does, the offset :math:`-\frac12 a_k`. All plastic
synapses have one rule, :class:`.RateHebb`: the product of two counts in a trial, gated by a neuromodulator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tegmentum.simcore.describe.connectivity import AllToAll, FromCOO, OneToOne, Uniform
from tegmentum.simcore.describe.grids import AvgPool2D, Conv2D
from tegmentum.simcore.describe.modulation import ByPost, ByPre, Modulator, Subpopulations, Whole
from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.describe.sources import SpikeTrain
from tegmentum.simcore.describe.trials import Expected
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.neurons.discrete import DiscreteLIF

from ..rules.rate_hebb import RateHebb
from .column_neuron import ColumnNeuron
from .columns import ColumnParameters
from .expectation_neuron import ExpectationNeuron
from .pool_neuron import PoolNeuron

Array = np.ndarray[Any, Any]
_FOR_EVER = 1e12  # ms: of a trial's eligibility nothing is lost, and sums are whole numbers
_NEVER = 1e30  # a threshold that no input reaches


@dataclass(frozen=True)
class EGDCNetworkParameters:
    """Parameters of :func:`egdc_network` and of how it is taught.

    Parameters
    ----------
    columns : ColumnParameters
    critical_period : samples of the first task from which fields are learned
    per_spike : spikes of its columns for which a pool sends one
    prior : what autapses of the pools begin with, a sum of squared counts
    recall_ticks : of a recall
    recall_tau : ticks over which choice neurons average what fires in recall
    cue : how strongly a spike of the cue drives an expectation neuron; there are as many as classes are known
    gated : dopamine opens the synapses of the expected class alone; otherwise those of all classes
    settling : 'recall', in spikes, or 'solve', the reference: Cholesky's factors of what the synapses have learned
    """

    columns: ColumnParameters = field(default_factory=ColumnParameters)
    critical_period: int = 1_000
    per_spike: int = 8
    prior: float = 300.0
    recall_ticks: int = 3_000
    recall_tau: float = 500.0
    cue: float = 0.16
    gated: bool = True
    settling: str = "recall"

    def __post_init__(self) -> None:
        for name, least in (("critical_period", 1), ("per_spike", 1), ("recall_ticks", 10)):
            if getattr(self, name) < least:
                raise DescriptionError(
                    f"EGDCNetworkParameters: {name} must be >= {least}, got {getattr(self, name)}"
                )
        if self.settling not in ("recall", "solve"):
            raise DescriptionError(
                f"EGDCNetworkParameters: settling must be recall or solve, got {self.settling!r}"
            )
        for name in ("prior", "recall_tau", "cue"):
            if not getattr(self, name) > 0:
                raise DescriptionError(
                    f"EGDCNetworkParameters: {name} must be > 0, got {getattr(self, name)}"
                )

    @property
    def trial_ticks(self) -> int:
        """Ticks of a trial: enough for a pool, at one spike a tick, to send all that its columns can fire."""
        most = self.columns.n_ticks * max(1.0, self.columns.pool**2 / self.per_spike)
        return math.ceil(most) + 6


def egdc_network(shape: tuple[int, ...], n_classes: int, fields: Array, p: EGDCNetworkParameters) -> Network:
    """Describe the network.

    Parameters
    ----------
    shape : (height, width) or (height, width, channels) of an image
    n_classes : int
    fields : float array, (size * size * channels, n_features)
        receptive fields of the columns' neurons
    p : EGDCNetworkParameters

    Returns
    -------
    Network
        with the spike trains ``pixels`` and ``cues`` (one a class, then the one that begins recall). Kinds of trials,
        for :meth:`.Simulation.present`: k for a sample of class k, ``n_classes + k`` for recall of it.
    """
    n, each = n_classes, np.arange(n_classes)
    pool, seeing = _columns(shape, fields, p)
    cues = SpikeTrain("cues", n + 1, [], [])
    neuron = ExpectationNeuron()
    expectation = Population("expectation", n, neuron, update="stepped")
    choice = Population("choice", n, DiscreteLIF(rho=1.0, v_thresh=_NEVER), update="stepped",
                        initial={"v": 2.0 * _NEVER})  # fmt: skip
    one_hot, none = np.eye(n), np.zeros((n, n))
    dopamine = _modulator("dopamine", np.vstack([one_hot if p.gated else np.ones((n, n)), none]))
    acetylcholine = _modulator("acetylcholine", np.repeat([[1.0], [0.0]], n, axis=0))
    recall = _modulator("recall", np.vstack([none, one_hot]))

    def sums(modulator: Modulator, where: Subpopulations) -> RateHebb:
        return RateHebb(modulator, subpopulations=where, a=1.0, tau=math.inf, tau_e=_FOR_EVER, w_max=_NEVER)

    def mean(times: float) -> RateHebb:
        return RateHebb(recall, subpopulations=ByPost(each), a=times / p.recall_tau, tau=math.inf, tau_e=p.recall_tau,
                        w_min=-_NEVER, w_max=_NEVER)  # fmt: skip

    dense, single = AllToAll(), OneToOne()
    return Network(
        *seeing, cues, expectation, choice,
        Projection(pool, pool, dense, np.eye(pool.size) * p.prior, receptor="less", name="lateral",
                   plasticity=sums(acetylcholine, Whole())),
        Projection(expectation, pool, dense, 0.0, receptor="more", name="down", plasticity=sums(dopamine, ByPre(each))),
        Projection(pool, expectation, dense, 0.0, receptor="seen", name="up", plasticity=sums(dopamine, ByPost(each))),
        Projection(choice, expectation, single, 0.0, receptor="samples", name="samples",
                   plasticity=sums(dopamine, ByPost(each))),
        Projection(pool, choice, dense, 0.0, name="read-out", plasticity=mean(1.0)),
        Projection(expectation, choice, single, 0.0, name="offset", plasticity=mean(-0.5 * neuron.scale)),
        Projection(cues, expectation, FromCOO(each, each), p.cue, receptor="cue", name="cue"),
        Projection(cues, expectation, FromCOO(np.full(n, n), each), receptor="recall", name="recall-expectation"),
        Projection(cues, pool, FromCOO(np.full(pool.size, n), np.arange(pool.size)), receptor="recall",
                   name="recall-pools"),
    )  # fmt: skip


def _columns(shape: tuple[int, ...], fields: Array, p: EGDCNetworkParameters) -> tuple[Population, list[Any]]:
    """Return the pools, and all parts of the network from the pixels to them."""
    c = p.columns
    height, width, channels = (*shape, 1)[:3]
    n_inputs, k = c.size**2 * channels, c.n_features
    kernel = np.asarray(fields, np.float64).reshape(c.size, c.size, channels, k)
    conv = Conv2D(kernel, (height, width, channels))
    rows, columns, _ = conv.out_shape
    counting = Conv2D(np.ones((c.size, c.size, channels, n_inputs)), (height, width, channels))
    inhibition = c.theta * np.sqrt(np.arange(n_inputs + 1) + 0.1)
    recruited = Conv2D(
        -np.repeat(np.diff(inhibition)[:, None], k, axis=1)[None, None], (rows, columns, n_inputs)
    )
    pooled = AvgPool2D((rows, columns, k), c.pool)
    pixels = SpikeTrain("pixels", height * width * channels, [], [])
    inter = Population("interneurons", rows * columns * n_inputs, DiscreteLIF(
        rho=0.0, v_thresh=np.tile(np.arange(n_inputs) + 0.5, rows * columns)), update="stepped")  # fmt: skip
    tonic = float(inhibition[0])  # of an empty patch; it must not count before pixels arrive, two ticks on
    column = Population(
        "columns",
        rows * columns * k,
        ColumnNeuron(c.quantum, -tonic),
        update="stepped",
        initial={"v": 2.0 * tonic},
    )
    neuron = PoolNeuron()
    half = 0.5 * (1.0 - neuron.decay)
    pool = Population("pools", int(np.prod(pooled.out_shape)), neuron, update="stepped",
                      initial={"sent": Uniform(0.5 - half, 0.5 + half)})  # fmt: skip
    return pool, [
        pixels, inter, column, pool,
        Projection(pixels, column, conv, delay=2.0, name="fields"),
        Projection(pixels, inter, counting, name="counting"),
        Projection(inter, column, recruited, name="inhibition"),
        Projection(column, pool, pooled, c.pool**2 / p.per_spike, receptor="pooled", name="pooling"),
    ]  # fmt: skip


def _modulator(name: str, table: Array) -> Modulator:
    """Return a neuromodulator whose levels a kind of trial sets, 0 between trials."""
    return Modulator(name, table.shape[1], source=Expected("kind", table, tonic=0.0, scale=1.0))
