r"""What a run will take, told from its description: memory of a rank by kind, ticks, exchanges, events and time.

Time is that of one rank's computation, linear in six counts:

.. math::
    T = a \, n_{neuron} n_{tick} + b \, n_{static} + c \, n_{plastic} + d \, n_{spike} + e \, n_{exchange} + f \, n_{id}

with neurons and events of the rank and spikes of the network, as every rank emits all. Fitted to CPU times of 17 random
networks of LIF neurons, each under one source of Poisson spikes, on one thread of a shared 2.1 GHz core: 2,500 to
80,000 neurons with 100 to 1,250 inputs each, static or, from excitatory to excitatory, under pair STDP. Left out in
turn, each is foretold with a median error of 11%; the worst, the largest network, takes 1.8 times as long as foretold.
What was fitted to one process foretells 0.63 to 1.1 of the CPU time of each of two ranks with six static networks, and
0.35 to 0.67 of that with three plastic ones, on two cores that other work shared. Three and four ranks had no core of
their own there, so that the model is not checked for them. Other models, lazy populations, caches of other sizes and
waiting for other ranks are not in the fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..describe.network import Network
from ..lower.footprint import SEGMENT, SOURCE, by_kind
from ..lower.plan import plan, real_of
from ..lower.rows import delay_of
from .exchange import window_of

#: Costs [ns]: a neuron's tick with one source of Poisson spikes, a static and a plastic event, a spike.
NEURON_TICK, STATIC, PLASTIC, SPIKE = 1.4, 0.8, 11.0, 84.0
#: Costs between two ranks of one machine [ns]: an exchange, and an id in it.
EXCHANGE, ID = 70_000.0, 40.0
_QUEUE = 8 * 64  # bytes of a tick's queue, empty
_SPILL = 24  # bytes, for each segment, of room for what finds its queue full


@dataclass(frozen=True)
class Outlook:
    """What each of ``n_ranks`` ranks will hold and do; numbers are expected ones.

    Attributes
    ----------
    n_neurons, n_synapses : of the whole network
    n_bytes : dict of float
        memory of one rank, by kind
    n_ticks, window, n_exchanges : int
        ticks, those between two exchanges, and how many exchanges; 0 and 0 on one rank
    events_per_hz : float
        synapses that deliver a spike in the run, for each Hz of the mean rate of all pre neurons
    rate : float, Hz
        the mean rate for which ``seconds`` holds
    seconds : float
        computing time
    """

    n_neurons: int
    n_synapses: float
    n_bytes: dict[str, float]
    n_ticks: int
    window: int
    n_exchanges: int
    events_per_hz: float
    rate: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return dict(self.__dict__)


def outlook(
    network: Network,
    ms: float,
    dt: float = 0.1,
    precision: str = "float32",
    n_ranks: int = 1,
    threads: int = 1,
    rate: float = 5.0,
) -> Outlook:
    """Foretell a run of ``ms`` milliseconds at a mean ``rate`` [Hz] of all neurons, which no description tells.

    Raises
    ------
    DescriptionError
        where the network cannot be described in ticks of ``dt``
    """
    n_synapses, synapses = by_kind(network, dt, precision)
    p, real = plan(network, dt, n_ranks * threads), real_of(precision).itemsize
    delays = [delay_of(q, dt) for q in network.projections]
    n_ticks = round(ms / dt)
    window = window_of(p, delays) if n_ranks > 1 else 0
    n_exchanges = math.ceil(n_ticks / window) if window else 0
    n_neurons = sum(q.size for q in p.populations)
    n_buckets = 1 << max((d.most for d in delays), default=1).bit_length()
    table = float(SOURCE * p.n_sources)  # in every shard, as are all segments of which it has a synapse
    segments = min(threads * (synapses.pop("segments") - table), SEGMENT * n_synapses / n_ranks)
    n_bytes = {kind: n / n_ranks for kind, n in synapses.items()}
    n_bytes["segments"] = threads * table + segments
    n_bytes["neurons"] = sum(_neuron(q.model, real) * q.size for q in p.populations) / n_ranks
    n_bytes["queues"] = threads * _QUEUE * n_buckets + _SPILL * segments / SEGMENT
    n_bytes["spikes of all"] = 8.0 * p.n_sources * (1 + threads * (n_ranks > 1))
    per_hz = n_synapses * ms * 1e-3
    learning = sum(
        q.rule.expected(q.pre.size, q.post.size) for q in network.projections if q.plasticity is not None
    )
    share = learning / n_synapses if n_synapses else 0.0
    events, spikes = per_hz * rate, n_neurons * rate * ms * 1e-3
    own = NEURON_TICK * n_neurons * n_ticks + events * (STATIC * (1.0 - share) + PLASTIC * share)
    all_ = SPIKE * spikes + (EXCHANGE * n_exchanges + ID * spikes) * (n_ranks > 1)
    seconds = 1e-9 * (own / (n_ranks * threads) + all_)
    return Outlook(n_neurons, n_synapses, n_bytes, n_ticks, window, n_exchanges, per_hz, float(rate), seconds)


def _neuron(model: Any, real: int) -> float:
    """Return the bytes of a neuron's state and accumulators."""
    return float(real * (len(model.functions()["State"]._fields) + len(model.receptors)))
