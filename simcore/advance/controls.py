"""What can be read and changed between runs: weights, delays, given spikes, neuromodulators, the whole state."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..describe import checks
from ..describe.modulation import Modulator
from ..describe.network import Network, Projection
from ..describe.sources import SpikeTrain
from ..errors import DescriptionError
from ..lower import sharing as ties
from ..lower import synapses, turnover
from ..lower.arrays import Trains
from ..lower.grid import check_sums, to_grid
from ..lower.inputs import trains_of
from ..lower.modulation import modulators_of, raise_levels
from ..lower.synapses import Places, Synapses
from ..lower.watch import gathered, watches_of
from ..record import state as states
from . import sharing, structure
from .machine import Machine
from .ranks import Ranks

Array = np.ndarray[Any, Any]


class Controlled(Machine):
    """A machine whose synapses and input can be set, and whose state can be saved, loaded and reset."""

    def __init__(
        self,
        network: Network,
        dt: float,
        seed: int,
        threads: int,
        n_trials: int,
        precision: str,
        arithmetic: str = "float",
        backend: str = "cpu",
        ranks: Ranks | None = None,
    ) -> None:
        self._rewired: set[str] = set()  # projections whose delays were set
        self._reweighted: set[str] = set()  # those whose weights were set and do not learn
        super().__init__(network, dt, seed, threads, n_trials, precision, arithmetic, backend, ranks)
        self._contacts = {
            str(q.name): turnover.fresh(self._found(q), q.post.size)
            for q in network.projections
            if q.structure is not None
        }
        for name in self._contacts:
            structure.interval(self, name)
        self._sharing = sharing.intervals(self)

    def synapses(self, name: str | Projection) -> Synapses:
        """Return pre, post, delay and weight of a projection's synapses, ordered by (pre, delay, post)."""
        found, contacts = self._found(name), self._contacts.get(str(self._projection(name).name))
        return found if contacts is None else dataclasses.replace(found, ids=contacts.ids)

    def _found(self, name: str | Projection) -> Synapses:
        places = self._places(name)
        weight, kept = self._peeked(name, places)
        known = places.pre, places.post, places.delay, weight, *kept.values()
        pre, post, delay, weight, *values = self._of_all(name, places, *known)
        return Synapses(pre, post, delay, weight, dict(zip(kept, values, strict=True)), np.arange(len(pre)))

    def _chosen(self, name: str | Projection, ids: Array) -> tuple[Places, Array]:
        """Return where those of some synapses lie that are here, and which of them they are."""
        places = self._places(name)
        if self.ranks is None:
            return places.at(ids), np.arange(len(ids))
        here = self._ids_here(name, places)
        at = np.searchsorted(here, ids).clip(0, max(len(here) - 1, 0))
        mine = np.flatnonzero(here[at] == ids) if len(here) else np.zeros(0, np.int64)
        return places.at(at[mine]), mine

    def kernel(self, name: str | Projection) -> Array:
        """Return the weights that a projection's synapses share, as its rule shapes them: a ``Conv2D``'s kernel.

        NaN where no synapse has an element, as where padding alone lies under it.

        Raises
        ------
        DescriptionError
            for a projection whose synapses share no weights that learn
        """
        key = str(self._projection(name).name)
        if key not in self._sharing:
            raise DescriptionError(f"kernel: projection {key!r} has no shared weights that learn")
        return ties.kernel(self._tied(key), self.synapses(key).weight)

    def restructure(self, name: str | Projection) -> None:
        """Let the synapses of a projection turn over now, as its :class:`.Turnover` says.

        Raises
        ------
        DescriptionError
            for a projection without ``structure``
        """
        found = str(self._projection(name).name)
        if found not in self._contacts:
            raise DescriptionError(f"restructure: projection {found!r} has no structure; give it a Turnover")
        structure.update(self, [found])

    def set_weights(self, name: str | Projection, weights: Any) -> None:
        """Set the weights of a projection, in the order of :meth:`synapses`; one number is for all.

        Where synapses share weights that learn, the array may be a kernel, shaped as :meth:`kernel` is.

        Raises
        ------
        DescriptionError
            for weights that are not finite, not as many, or against the receptor's sign or the rule's range, where all
            weights are stored as one number, and for unequal weights of synapses that share one
        """
        projection = self._projection(name)
        if projection.name in self._sharing:
            weights = self._of_kernel(str(projection.name), weights)
        for number, _, learner in self._learners():
            if learner == projection.name and hasattr(self._rules[number], "start_window"):
                self._settle()  # what has been earned since the last spikes belongs to the old weights
                for wires, plastics in zip(self._wires, self._plastics, strict=True):
                    self._rules[number].start_window(plastics[number], wires, self.tick)
        self._write(str(projection.name), weights)
        if projection.name in self._sharing:
            sharing.forget(self, str(projection.name))
        if projection.plasticity is None:
            self._reweighted.add(str(projection.name))

    def _of_kernel(self, name: str, weights: Any) -> Array:
        """Return the weights of synapses that share them, from a kernel or from equal ones."""
        where, found = f"Projection {name!r}", self._tied(name)
        values = checks.array(weights, where, "weight", what="a number or an array").astype(np.float64)
        if values.ndim and values.shape == found.shape:
            return ties.spread(found, values)
        if values.shape == found.element.shape and ties.unequal(found, values):
            raise DescriptionError(
                f"{where}: weight must be equal for synapses that share it, got {ties.unequal(found, values)} of "
                f"{len(values)} that differ; give a kernel of shape {found.shape}"
            )
        return values

    def _write(self, name: str, weights: Any) -> None:
        self._settle()
        places, projection = self._places(name), self._projection(name)
        if self.ranks is not None:
            values = synapses.weights_for(places, weights, projection, self._n_of(name, places))
            values = values[self._ids_here(name, places)]
        else:
            values = synapses.weights_for(places, weights, projection)
        before = synapses.read(places, self._wires)
        synapses.write(places, self._wires, values)
        if self.arithmetic == "fixed":
            try:
                self._check_sums(f"Projection {name!r}: weight", self._trains)
            except DescriptionError:
                synapses.write(places, self._wires, before)
                raise
            for k, wires in enumerate(self._wires):
                to_grid(self._plan, k, wires, self._quanta, self._grid_kernels)
        self._device = None

    def _n_of(self, name: str, places: Places) -> int:
        """Return how many synapses a projection has on all ranks."""
        assert self.ranks is not None
        return int(self.ranks.total(np.array([len(places.pre)], np.int64))[0])

    def _check_sums(self, what: str, trains: Trains) -> None:
        check_sums(
            self._plan, self._groups, self._wires, trains, self._quanta, self._real, what, self._grid_kernels
        )

    def release(self, name: str, amount: Any, level: int | None = None) -> None:
        """Release a neuromodulator now, as a reward, an error or an expectation would.

        Parameters
        ----------
        name : str
            of the modulator
        amount : float or array of n_levels
            by which levels rise
        level : int, optional
            the one that rises; by default all do

        Raises
        ------
        DescriptionError
            if no plastic synapse is under a modulator of that name, or there is no such level

        Notes
        -----
        A reward that comes late: where only the run tells when, as after a rewarded act, run until it is due and
        release then, as ``examples/distal_reward.py`` does; how a run is split changes nothing. Where its time is known
        beforehand, describe it (:class:`.Given`); where neurons call for it, let their spikes release it, with a
        ``delay`` of seconds if need be (:class:`.Release`, ``examples/distal_reward.toml``).
        """
        number, modulator = self._modulator(name)
        if modulator.watch is not None:
            raise DescriptionError(f"release of {name!r}: its levels follow membrane potentials")
        values = np.asarray(amount, np.float64)
        n = modulator.n_levels
        if (
            not np.all(np.isfinite(values))
            or values.shape not in ((), (n,))
            or (level is not None and values.ndim)
        ):
            raise DescriptionError(
                f"release of {name!r}: amount must be one finite number or {n}, got {amount!r}"
            )
        if level is not None and not 0 <= level < n:
            raise DescriptionError(f"release of {name!r}: level must be in [0, {n}), got {level}")
        for channels in self._channels:
            raise_levels(channels[number], values * modulator.norm(), slice(None) if level is None else level)

    def levels(self, name: str) -> Array:
        """Return the present levels of a neuromodulator, float64[n_levels]."""
        number, modulator = self._modulator(name)
        if self._device is not None:
            self._device.bring()
        channel = self._channels[0][number]
        if modulator.watch is not None:
            q = [k for k, _ in watches_of(self.network)].index(number)
            return np.asarray(channel.rest[0] + gathered(self._watching, q)["level"])
        above = channel.level - channel.fast if len(channel.fast) else channel.level
        return np.asarray(channel.rest[0] + above)

    def _modulator(self, name: str) -> tuple[int, Modulator]:
        found = {m.name: (k, m) for k, m in enumerate(modulators_of(self.network))}
        if name not in found:
            known = ", ".join(found) or "none"
            raise DescriptionError(
                f"there is no modulator {name!r} that synapses are under; there are: {known}"
            )
        return found[name]

    def set_delays(self, name: str | Projection, delays: Any) -> None:
        """Set the delays of a projection [ms], in the order of :meth:`synapses`, before the first tick.

        Synapses are listed by delay, so they are in a new order afterwards; each keeps its weight.

        Raises
        ------
        DescriptionError
            for delays that are no positive times, and after the first tick, when spikes are under way
        """
        projection = self._projection(name)
        if self.tick > 0:
            raise DescriptionError(
                f"set_delays: at {self.t:g} ms spikes of {projection.name!r} may be under way; call it before the "
                "first run"
            )
        new = synapses.with_delays(projection, self.synapses(name), delays)
        kept = {other: self.synapses(other).weight for other in self._reweighted - {str(projection.name)}}
        learnt = {
            other: self.synapses(other).weight for _, _, other in self._learners() if other != projection.name
        }
        self._rewire({str(projection.name): new})
        self._rewired.add(str(projection.name))
        if projection.structure is not None:
            self._contacts[str(projection.name)] = turnover.fresh(
                self._found(str(projection.name)), projection.post.size
            )
        self._reweighted.discard(str(projection.name))  # its weights are the new projection's
        for other, weights in {**kept, **learnt}.items():
            self._write(other, weights)

    def _rewire(self, new: Mapping[str, Projection]) -> None:
        """Build the synapses anew, with other projections of the same names."""
        network = self.network
        parts = (new.get(str(part.name), part) for part in network.projections)
        before = network, self._plan
        self.network = Network(*network.populations, *network.spike_trains, *parts, *network.sources)
        self._plan = self._planned(self.network)
        try:
            self._lower()
        except DescriptionError:
            self.network, self._plan = before
            raise
        self._compile()
        self._allocate()

    def _restore(
        self, rewired: Mapping[str, Mapping[str, Array]], given: dict[str, SpikeTrain], input_seed: int
    ) -> None:
        """Go back to the network as described, time 0, but for these synapses, trains and seed of the input."""
        self._given, self._input_seed = given, input_seed
        if rewired or self._rewired or self._reweighted:
            self.network = self._described
            new = {
                name: synapses.listed(self._projection(name), **columns, dt=self.dt)
                for name, columns in rewired.items()
            }
            self._rewired, self._reweighted = set(rewired), set()
            self._rewire(new)
        else:
            self._trains = trains_of(self._plan, self.n_trials, given)
            self._allocate()

    def set_spikes(self, name: str | SpikeTrain, times: Any, neuron: Any, trial: Any = None) -> None:
        """Give a spike train other spikes from here on; those under way still arrive.

        Parameters
        ----------
        name : str or SpikeTrain
        times : array of float, ms
            in the simulation's time, later than :attr:`t`, or from 0 on where it has not begun
        neuron : array of int
        trial : array of int, optional
            as in :class:`.SpikeTrain`
        """
        wanted = getattr(name, "name", name)
        old = next(
            (t for t in self.network.spike_trains if isinstance(wanted, str) and t.name == wanted), None
        )
        if old is None:
            raise DescriptionError(f"set_spikes: there is no spike train {checks.shown(wanted)}")
        new = SpikeTrain(old.name, old.size, times, neuron, trial)
        early = np.asarray(new.times, np.float64)
        if early.size and self.tick > 0 and round(float(early.min()) / self.dt) <= self.tick:
            raise DescriptionError(
                f"SpikeTrain {old.name!r}: times must be later than {self.t:g} ms, where the simulation is, got "
                f"{early.min():g}"
            )
        given = {**self._given, old.name: new}
        trains = trains_of(self._plan, self.n_trials, given)
        if self.arithmetic == "fixed":
            self._check_sums(f"SpikeTrain {old.name!r}", trains)
        self._trains = trains
        self._given = given
        self._make_room()

    def reset(self, keep: tuple[str, ...] = ("weights",), seed: int | None = None) -> None:
        """Go back to time 0: initial state, no spikes in flight. Weights stay as they are.

        Without ``seed`` the input is drawn again as it was: the same Poisson spikes and the same noise.

        Parameters
        ----------
        keep : tuple of str
            ``()`` draws the weights anew as they were at first
        seed : int, optional
            of the input from here on, Poisson spikes and noise. Connections, parameters and initial states stay those
            of the simulation's own seed.
        """
        if not isinstance(keep, (tuple, list, set, frozenset)):
            raise DescriptionError(f"reset: keep must be a tuple of names, got {checks.shown(keep)}")
        for name in keep:
            if not isinstance(name, str) or name != "weights":
                raise DescriptionError(f"reset: keep can name 'weights', got {checks.shown(name)}")
        if seed is not None:
            checks.number(seed, "reset", "seed", whole=True, least=0, most=2**64 - 1)
            self._input_seed = int(seed)
        self._settle()
        if "weights" not in keep:
            if self._contacts.keys() & self._rewired:
                self._restore(self._given_delays(), self._given, self._input_seed)
            else:
                self._lower()
            self._reweighted.clear()
        self._allocate()
        for name, contacts in self._contacts.items():
            if "weights" not in keep:
                contacts = self._contacts[name] = turnover.fresh(self._found(name), len(contacts.spikes))
            contacts.tick, contacts.spikes[:], contacts.since[:] = 0, 0, 0

    def _counted(self, name: str) -> Array:
        """Return how many spikes the post neurons have fired since the last turnover, int64[n_post]."""
        contacts = self._contacts[name]
        return np.asarray(contacts.spikes + self._counters(name) - contacts.since)

    def _counters(self, name: str) -> Array:
        """Return what the engine's counters of post spikes show, int64[n_post]."""
        number = next(n for n, _, q in self._learners() if q == name)
        shown = []
        for plastics in self._plastics:
            _, _, slot, count = plastics[number].ends
            shown.append(plastics[number].post_n[slot : slot + count])
        return np.concatenate(shown)

    def _given_delays(self) -> dict[str, dict[str, Array]]:
        """Return the synapses of projections whose delays were set, but for those that have turned over."""
        out = {}
        for name in self._rewired - self._contacts.keys():
            found = self.synapses(name)
            out[name] = {"pre": found.pre, "post": found.post, "delay": found.delay, "weight": found.weight}
        return out

    def state(self) -> dict[str, Array]:
        """Everything that a simulation of the same network needs to go on exactly from here, as named arrays.

        Independent of the number of threads. ``in_flight/*`` are the spikes that some synapse has yet to
        deliver; ``weights/*``, ``rewired/*`` and ``trains/*`` what :meth:`set_weights`, :meth:`set_delays` and
        :meth:`set_spikes` changed.
        """
        return states.state(self)

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what :meth:`state` returned, bit for bit.

        Raises
        ------
        DescriptionError
            for the state of another network, seed, ``dt``, precision or number of trials, and for one that lacks
            something; the simulation is then as it was. Given spikes may be others.
        """
        states.load_state(self, state)
