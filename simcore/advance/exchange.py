"""The exchange of spikes between MPI ranks, once in each window of ticks; see :mod:`.ticks.exchange`.

A message is a head, of equal length on all ranks, and the ids that fit behind it; those of a busier window than the
ones before follow in a second message. One message of a window costs some 10 us between two ranks of one machine.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ..lower.arrays import Exchange
from ..lower.modulation import channels_of
from ..lower.plan import Plan
from ..lower.queues import new_fired
from ..lower.rows import Delay
from .ranks import Ranks

Array = np.ndarray[Any, Any]
#: Ids of a window in which all neurons fire in each tick: 2 GiB of addresses, of which spikes alone take memory.
_ROOM = 1 << 29
_FEW = 256  # ids that go with the head at first


def window_of(p: Plan, delays: list[Delay]) -> int:
    """Return the ticks from one exchange to the next: the shortest delay of a synapse or a release."""
    least = [int(d.given.min()) if d.given.size else d.least for d in delays if d.given.size or d.table.any()]
    least += [int(n) for channel in channels_of(p) for n in channel.release[:, 2]]
    return max(1, min([*least, 1 << 10, _ROOM // max(p.n_sources, 1)]))


class Exchanger:
    """What the kernels of one rank exchange through.

    Parameters
    ----------
    ranks : Ranks
    p : Plan
        of all shards
    n_own : int
        shards of this rank
    window : int
        ticks
    """

    def __init__(self, ranks: Ranks, p: Plan, n_own: int, window: int, tick: int = 0) -> None:
        self.ranks, self.n_own = ranks, n_own
        self.n_shards, n_populations = p.n_shards, len(p.populations)
        self.error: BaseException | None = None
        self._few = _FEW
        self._call = ctypes.CFUNCTYPE(ctypes.c_int32)(self._swap)
        first = ranks.rank * n_own
        own = max(p.n_slots[first : first + n_own])
        shared = Exchange(
            window=np.array([window], np.int64),
            call=np.array([ctypes.cast(self._call, ctypes.c_void_p).value], np.int64),
            failed=np.zeros(1, np.int64),
            tick=np.zeros(1, np.int64),
            exchanged=np.array([tick], np.int64),
            pending=np.zeros(1, np.int64),
            emitted=np.full(n_own, tick, np.int64),
            n=np.zeros(n_own, np.int64),
            own=np.empty((n_own, window * own), np.int32),
            own_ptr=np.zeros((n_own, window, n_populations + 1), np.int64),
            all=np.empty(window * sum(q.size for q in p.populations), np.int32),
            all_ptr=np.zeros((window, p.n_shards, n_populations + 1), np.int64),
            fired=new_fired(p, 1),
        )
        self.shared = shared
        self.by_shard = [shared, *(shared._replace(fired=new_fired(p, 1)) for _ in range(1, n_own))]

    def prepare(self) -> None:
        """Tell the kernels, before they are called, whether a shard has yet to emit."""
        self.shared.pending[0] = self.pending

    @property
    def pending(self) -> bool:
        """Whether some shard has yet to emit spikes that were exchanged."""
        return bool(self.shared.emitted.min() < self.shared.exchanged[0])

    def seek(self, tick: int) -> None:
        """Go on from another tick, nothing being kept."""
        self.shared.exchanged[0] = tick
        self.shared.emitted[:] = tick
        self.shared.n[:] = 0

    def _swap(self) -> int:
        """Exchange; called by a kernel, so that no error may leave it."""
        try:
            self._exchange()
        except BaseException as error:
            self.error = error
            return 1
        return 0

    def _exchange(self) -> None:
        x, comm = self.shared, self.ranks.comm
        window = int(x.window[0])
        since, until = int(x.exchanged[0]), int(x.tick[0])
        rows = np.arange(since, until) % window
        counts = np.diff(x.own_ptr[:, rows], axis=2)
        n, n_head = int(x.n.sum()), 1 + counts.size
        message = np.zeros(n_head + self._few, np.int32)
        message[0] = n
        message[1:n_head] = counts.ravel()
        ids = np.concatenate([x.own[k, : x.n[k]] for k in range(self.n_own)])
        fits = ids[: self._few]
        message[n_head : n_head + len(fits)] = fits
        heard = np.empty((self.ranks.size, len(message)), np.int32)
        self.ranks.wait(comm.Iallgather(message, heard))
        numbers = heard[:, 0].astype(np.int64)
        most, total = int(numbers.max()), int(numbers.sum())
        if most <= self._few:
            at = 0
            for theirs, m in zip(heard, numbers.tolist(), strict=True):
                x.all[at : at + m] = theirs[n_head : n_head + m]
                at += m
        else:
            self.ranks.wait(comm.Iallgatherv(ids, [x.all[:total], numbers.tolist()]))
        self._few = max(_FEW, 1 << (most + most // 4).bit_length())
        counts = heard[:, 1:n_head].reshape(self.n_shards, len(rows), -1).astype(np.int64)
        ends = np.cumsum(counts.ravel()).reshape(counts.shape)
        x.all_ptr[rows, :, :-1] = (ends - counts).transpose(1, 0, 2)
        x.all_ptr[rows, :, -1] = ends[:, :, -1].T
        x.n[:] = 0
        x.exchanged[0] = until
