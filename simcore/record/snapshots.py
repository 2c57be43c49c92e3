"""Recorders of histories: weights, eligibilities and levels at the moments at which a run looked at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .recorders import Recorder
from .rows import Column, Columns

if TYPE_CHECKING:
    from .store import RunStore
    from .tree import Group

#: Name and meaning of what is recorded of a synapse, by the kind of group.
VARIABLES = {"weights": ("w", "weight"), "eligibility": ("e", "eligibility")}


def times_of(ticks: ArrayLike, tick_ms: float) -> dict[str, NDArray[Any]]:
    """Return the columns ``time`` [ms] and ``tick``; rounded, so that ``.sel(time=0.3)`` finds 3 x 0.1."""
    tick = np.atleast_1d(np.asarray(ticks, np.int64))
    return {"time": np.round(tick * tick_ms, 9), "tick": tick}


def time_columns(tick_ms: float) -> dict[str, Column]:
    """Return the form of these columns."""
    return {
        "time": Column(np.float64, "ms", attrs={"long_name": "time"}),
        "tick": Column(np.int64, "tick", attrs={"long_name": "time", "tick_ms": tick_ms}),
    }


class SynapseSnapshots(Recorder):
    """Snapshots of a projection's synapses, in the group ``weights/<name>`` or ``eligibility/<name>``.

    =============================== ======= ================================================
    ``w`` or ``e`` (time, synapse)  real    weights or eligibilities, as exact as simulated
    ``time(time), tick(time)``              ms, and the same exactly
    ``synapse(synapse)``            int64   ids, the order of ``Simulation.synapses``
    ``pre, post, delay(synapse)``           what each connects; ticks
    =============================== ======= ================================================

    With ``changed`` instead of ``w(time, synapse)``:

    ==================== ====== =====================================================
    ``n_changes(time)``  int64  changes that follow, those of each snapshot in a row
    ``place(change)``    uint32 which synapse, by its position along ``synapse``
    ``snapshot(change)`` uint32 at which snapshot, by its position along ``time``
    ``w`` or ``e`` (change)     what it is from then on
    ==================== ====== =====================================================
    """

    def __init__(
        self,
        store: RunStore,
        group: Group,
        kind: str,
        synapses: dict[str, ArrayLike],
        sizes: dict[str, int],
        tick_ms: float,
        dtype: DTypeLike,
        unit: str,
        changed: bool,
    ) -> None:
        from .layout import store_array

        n = len(np.asarray(synapses["synapse"]))
        group.attrs.update(
            {"kind": kind, "n_synapses": n, **sizes, "tick_ms": float(tick_ms), "changed": bool(changed)}
        )
        meanings = {
            "synapse": ("1", np.int64, "id of the synapse"),
            "pre": ("1", np.uint32, "presynaptic neuron"),
            "post": ("1", np.uint32, "postsynaptic neuron"),
            "delay": ("tick", np.int64, "delay"),
        }
        for name, (units, form, meaning) in meanings.items():
            values = np.asarray(synapses[name]).astype(form)
            store_array(group, name, values, ["synapse"], {"units": units, "long_name": meaning})
        self.variable, meaning = VARIABLES[kind]
        self._tick_ms = float(tick_ms)
        columns = time_columns(self._tick_ms)
        if not changed:
            attrs = {"long_name": meaning, "coordinates": "tick pre post delay"}
            columns[self.variable] = Column(dtype, unit, ("synapse",), (n,), attrs)
            super().__init__(store, Columns(group, "time", columns))
            return
        columns["n_changes"] = Column(np.int64, attrs={"long_name": "changes at this snapshot"})
        changes = {
            "place": Column(np.uint32, attrs={"long_name": "position along synapse"}),
            "snapshot": Column(np.uint32, attrs={"long_name": "position along time"}),
            self.variable: Column(dtype, unit, attrs={"long_name": meaning}),
        }
        super().__init__(
            store, Columns(group, "time", columns, chunk=2**16), Columns(group, "change", changes)
        )

    def append(self, tick: int, *values: ArrayLike) -> None:
        """Append a snapshot: all values, shape (n,), or places and values of those that changed."""
        if len(values) == 1:
            now = np.asarray(values[0])[np.newaxis]
            self._append(self._rows[0], **times_of(tick, self._tick_ms), **{self.variable: now})
            return
        place, value = (np.asarray(v) for v in values)
        snapshot = np.full(len(place), len(self._rows[0]), np.uint32)
        self._append(self._rows[1], place=place, snapshot=snapshot, **{self.variable: value})
        self._append(self._rows[0], **times_of(tick, self._tick_ms), n_changes=[len(place)])


class Levels(Recorder):
    """Levels of a neuromodulator during a run, in the group ``modulators/<name>``.

    ======================================== ======= =================================
    ``level(time, channel, subpopulation)``  float64 level, in its own unit
    ``time(time), tick(time)``                       ms, and the same exactly
    ``channel(channel)``                     text    name of the modulator, one
    ======================================== ======= =================================
    """

    def __init__(self, store: RunStore, group: Group, name: str, n_levels: int, tick_ms: float) -> None:
        from .layout import store_array

        group.attrs.update(
            {"kind": "modulators", "n_subpopulations": int(n_levels), "tick_ms": float(tick_ms)}
        )
        store_array(group, "channel", np.array([name], dtype=np.str_), ["channel"])
        self._tick_ms = float(tick_ms)
        attrs = {"long_name": "neuromodulator level", "coordinates": "tick"}
        dims = ("channel", "subpopulation")
        columns = time_columns(self._tick_ms)
        columns["level"] = Column(np.float64, "1", dims, (1, int(n_levels)), attrs)
        super().__init__(store, Columns(group, "time", columns))

    def append(self, tick: int, level: ArrayLike) -> None:
        """Append the levels at one moment, shape (n_levels,)."""
        level = np.asarray(level)[np.newaxis, np.newaxis]
        self._append(self._rows[0], **times_of(tick, self._tick_ms), level=level)
