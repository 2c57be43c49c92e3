"""Ticks on a CUDA device; the counterpart of :mod:`..ticks.loop`, from the same lowered network.

Blocks of threads own slots: their neurons, the ring of accumulators that the coming ticks will read, and a row of
synapses for each source. A tick is: sources of input add to the accumulators; neurons flow, receive and may fire,
which they write on a tape that all see; all blocks meet; each adds the rows of those that fired to the accumulators of
the ticks at which they arrive. Accumulators are whole numbers, so that no sum depends on the order of its parts.
Plastic rows wait for the tick of their arrival, at which they are looked up: those of spikes a delay ago.

A kernel template: :mod:`.device_modules` repeats each block ``with each("_0")`` for every model group, ``"_p0"`` for
every plastic projection, ``"_u0"`` for every source that watches potentials, and leaves out those of the sources that a
network has not; ``"_l0"`` is there if any learns, ``"_e0"`` if there are trials.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.compile.each import each
from tegmentum.simcore.lower.arrays import NEVER

from .modulate import relax_block as relax_block_m0
from .modulate import release_block as release_block_m0
from .neurons import look as look_0
from .neurons import step as step_0
from .plastic import fade as fade_p0
from .plastic import mark as mark_l0
from .plastic import once as once_l0
from .plastic import remember as remember_p0
from .plastic import settle as settle_p0
from .plastic import take_arrivals as take_arrivals_p0
from .prefix import accrue as accrue_p0
from .prefix import close_trial as close_trial_p0
from .renewal import renew as renew_0
from .sources import add_gaussian as add_gaussian_w0
from .sources import add_poisson_dense as add_poisson_dense_r0
from .sources import add_poisson_inhomogeneous as add_poisson_inhomogeneous_v0
from .sources import add_poisson_sparse as add_poisson_sparse_d0
from .trials import began as began_e0
from .trials import ends as ends_e0
from .trials import expect as expect_e0
from .trials import forget as forget_e0
from .trials import judge as judge_e0
from .trials import of_block as of_block_e0
from .trials import relapse as relapse_e0
from .trials import sample_of as sample_of_e0
from .trials import tally as tally_e0
from .warps import divided, in_lanes, in_warps
from .watch import watch as watch_u0


def sample(probes: Any, block: int, trial: int, now: int, group_0: Any) -> None:
    """Take the samples that are due of a block's neurons, a thread for each."""
    first = probes.due[1]
    n, past = divided(max(now - first, 0), probes.due[0])
    if now >= first and past == 0:
        row = probes.due[2] + n
        q = probes.ptr[block] + cuda.threadIdx.x
        while q < probes.ptr[block + 1]:
            group, field, i = probes.probe[q, 0], probes.probe[q, 1], probes.probe[q, 2]
            with each("_0") as k:
                if group == k:
                    probes.trace[trial, row, probes.probe[q, 3]] = look_0(group_0, field, trial, i)
            q += cuda.blockDim.x


def hold(trials: Any, lo: int, hi: int, trial: int, group_0: Any) -> None:
    """Put the potentials of the readout's neurons among a block's own where all blocks see them."""
    group, field, first, slot = trials.membrane[0], trials.membrane[1], trials.membrane[2], trials.membrane[3]
    i, end = max(lo - slot, 0) + cuda.threadIdx.x, min(hi - slot, trials.protocol.readout[2])
    while i < end:
        with each("_0") as k:
            if group == k:
                trials.protocol.potential[trial, i] = look_0(group_0, field, trial, first + i)
        i += cuda.blockDim.x


def play(tape: Any, block: int, trial: int, now: int) -> None:
    """Write the given spikes of a tick on the tape, a thread for each."""
    k = tape.given_ptr[trial, now] + cuda.threadIdx.x
    while k < tape.given_ptr[trial, now + 1]:
        n = cuda.atomic.add(tape.count, (trial, now), 1)
        tape.source[trial, tape.base[trial, block] + n] = tape.given[k]
        k += cuda.blockDim.x


def update(
    tick: int,
    now: int,
    width: int,
    board: Any,
    tape: Any,
    probes: Any,
    inputs: Any,
    levels: Any,
    group_0: Any,
    plastic_p0: Any,
) -> None:
    """Draw the input of one tick and advance a block's neurons to its end, in every trial of the block's lane.

    Parameters
    ----------
    now : int
        which of the launch's ticks this is
    width : int
        threads of a warp
    """
    n_blocks = board.bounds.shape[0] - 1
    block, lane, n_lanes = in_lanes(n_blocks)
    lo, hi, ring, current = board.bounds[block], board.bounds[block + 1], board.ring, board.current
    trial, n_sources, since = lane, board.n_sources, np.int64(NEVER)
    with each("_e0"):
        since = began_e0(board.trials.protocol, tick)
    if lane == 0:  # what learns has one trial
        with each("_p0"):
            fade_p0(plastic_p0, board.bounds, block)
            accrue_p0(plastic_p0, board.bounds, block, tick, width)
        cuda.syncthreads()
        with each("_m0"):
            relax_block_m0(levels, block, tick)
        with each("_p0"):
            take_arrivals_p0(
                plastic_p0, ring, tape, n_sources, n_blocks, block, tick - now - 1, since, tick, width
            )
    while trial < ring.shape[0]:
        with each("_r0"):
            add_poisson_dense_r0(inputs.poisson_dense, ring, current, lo, hi, trial, tick)
        with each("_v0"):
            add_poisson_inhomogeneous_v0(
                inputs.poisson_inhomogeneous, ring, current, width, lo, hi, trial, tick
            )
        with each("_d0"):
            add_poisson_sparse_d0(inputs.poisson_sparse, ring, current, block, lo, hi, trial, tick)
        with each("_w0"):
            add_gaussian_w0(inputs.gaussian, current, lo, hi, trial, tick)
        cuda.syncthreads()
        with each("_0"):
            step_0(group_0, current, ring, tape, block, lo, hi, trial, tick, now)
        if block == 0:
            play(tape, block, trial, now)
        cuda.syncthreads()
        sample(probes, block, trial, now, *group_0)
        with each("_e0"):
            if ends_e0(board.trials.protocol, tick):
                hold(board.trials, lo, hi, trial, *group_0)
        trial += n_lanes


def deliver(tick: int, now: int, width: int, board: Any, tape: Any, levels: Any, plastic_p0: Any) -> None:
    """Add the rows of all who fired in a tick to a block's accumulators, a warp for each."""
    ring, n_blocks, mask = board.ring, board.bounds.shape[0] - 1, board.ring.shape[1] - 1
    block, lane, n_lanes = in_lanes(n_blocks)
    warp, own, n_warps = in_warps(width)
    trial, n_sources = lane, board.n_sources
    while trial < ring.shape[0]:
        base, n = tape.base[trial, block], tape.count[trial, now]
        with each("_e0"):
            lo_e0, hi_e0 = board.bounds[block], board.bounds[block + 1]
            tally_e0(board.trials, tape, block, lo_e0, hi_e0, base, n, trial)
        with each("_m0"):
            release_block_m0(levels, tape, block, base, n, tick)
        with each("_u0") as q:
            watch_u0(levels.watched[q], board.bounds, tape, block, base, n, tick)
        with each("_p0"):
            remember_p0(plastic_p0, board.bounds, tape, block, base, n, tick, width)
        k = warp
        while k < n:
            source = np.int64(tape.source[trial, base + k])
            with each("_l0"):
                source = once_l0(source, n_sources)
            row = source * n_blocks + block
            j = board.ptr[row] + own
            while j < board.ptr[row + 1]:
                bucket = (tick + np.int64(board.delay[j])) & mask
                cuda.atomic.add(ring, (trial, bucket, board.target[j]), board.quanta[j])
                j += width
            k += n_warps
        cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            tape.base[trial, block] = base + n
            with each("_l0"):
                mark_l0(tape, block, tick + 1, base + n)
        trial += n_lanes
    cuda.syncthreads()


def conclude(tick: int, width: int, board: Any, levels: Any, group_0: Any, plastic_p0: Any) -> None:
    """End the trials of a block's lane: judge, modulate, learn from the pulse, and let the next begin at rest."""
    ring, n_blocks = board.ring, board.bounds.shape[0] - 1
    block, trial, n_lanes = in_lanes(n_blocks)
    lo, hi = board.bounds[block], board.bounds[block + 1]
    while trial < ring.shape[0]:
        with each("_e0"):
            protocol_e0 = of_block_e0(board.trials.protocol, cuda.blockIdx.x)
            sample_e0 = sample_of_e0(protocol_e0, trial, tick)
            if sample_e0 >= 0:
                best_e0 = judge_e0(protocol_e0, board.trials, block, trial, sample_e0)
                with each("_m0"):
                    levels_m0 = levels
                    expect_e0(protocol_e0, levels_m0, block, sample_e0, best_e0)
                with each("_p0") as q:
                    start_p0, pulse_p0 = tick - protocol_e0.length[0], protocol_e0.width[q]
                    close_trial_p0(plastic_p0, board.bounds, block, start_p0, tick, pulse_p0, width)
                with each("_m0"):
                    levels_m0 = levels
                    relapse_e0(protocol_e0, levels_m0, block)
            learning_e0 = protocol_e0.learning[0] > 0.0
            with each("_0") as q:
                renew_0(group_0, board.trials.start[q], protocol_e0.count, lo, hi, trial, learning_e0)
            cuda.syncthreads()
            forget_e0(board.trials, ring, board.current.shape[1], block, lo, hi, trial)
        trial += n_lanes


def advance(
    start: int,
    n_ticks: int,
    width: int,
    board: Any,
    tape: Any,
    probes: Any,
    inputs: Any,
    levels: Any,
    group_0: Any,
    plastic_p0: Any,
) -> None:
    """Advance the network by ``n_ticks`` ticks after ``start``: one launch, in which the blocks meet once a tick."""
    grid = cuda.cg.this_grid()
    for now in range(n_ticks):
        update(start + now + 1, now, width, board, tape, probes, inputs, levels, *group_0, *plastic_p0)
        grid.sync()
        deliver(start + now + 1, now, width, board, tape, levels, *plastic_p0)
        with each("_e0"):
            if ends_e0(board.trials.protocol, start + now + 1):
                conclude(start + now + 1, width, board, levels, *group_0, *plastic_p0)
                grid.sync()


def update_one(
    tick: int,
    now: int,
    width: int,
    board: Any,
    tape: Any,
    probes: Any,
    inputs: Any,
    levels: Any,
    group_0: Any,
    plastic_p0: Any,
) -> None:
    """Do the first half of one tick, in a launch of its own."""
    update(tick, now, width, board, tape, probes, inputs, levels, *group_0, *plastic_p0)


def deliver_one(
    tick: int, now: int, width: int, board: Any, tape: Any, levels: Any, group_0: Any, plastic_p0: Any
) -> None:
    """Do the second half of one tick, in a launch of its own."""
    deliver(tick, now, width, board, tape, levels, *plastic_p0)
    with each("_e0"):
        if ends_e0(board.trials.protocol, tick):
            conclude(tick, width, board, levels, *group_0, *plastic_p0)


def settle_all(tick: int, width: int, bounds: Any, plastic_p0: Any) -> None:
    """Let all synapses live through the post spikes before ``tick``, in a launch of its own."""
    block, _, _ = in_lanes(bounds.shape[0] - 1)
    with each("_p0"):
        settle_p0(plastic_p0, bounds, block, tick, width)
