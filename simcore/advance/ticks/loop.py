"""The tick loop: deliver, update, emit.

In tick ``t``, in this order: the synapses whose spikes arrive at ``t`` add their weights to accumulators;
every stepped neuron flows from ``t - 1`` to ``t``, receives what gathered, and may fire; spikes of ``t``
are recorded and put into the calendar queue, once for each segment of their source. A delay is at least one
tick, so nothing that happens in a tick depends on another spike of that tick.

A kernel template: :mod:`.modules` repeats each block ``with each("_0")`` for every model group of the network, and
leaves out those of the sources of input (``_r0`` and so on, see :data:`.modules.SOURCES`) that the network does not
have. A window of ticks is no longer than any delay: at its end shards of one process meet and emit what fired in it
(``_n0``); those of several exchange their spikes (``_x0``).
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.compile.each import each

from .events import barrier, deliver
from .events import begin as begin_t0
from .events import broadcast as broadcast_n0
from .events import broadcast as broadcast_x0
from .events import play as play_t0
from .exchange import is_due as is_due_x0
from .exchange import keep as keep_x0
from .exchange import swap as swap_x0
from .exchange import unpack as unpack_x0
from .gaussian import add_gaussian as add_gaussian_w0
from .modulate import relax as relax_m0
from .modulate import release as release_m0
from .plastic import fade as fade_p0
from .plastic import remember as remember_p0
from .poisson_dense import add_poisson_dense as add_poisson_dense_r0
from .poisson_inhomogeneous import add_poisson_inhomogeneous as add_poisson_inhomogeneous_v0
from .poisson_sparse import add_poisson_sparse as add_poisson_sparse_d0
from .prefix import accrue as accrue_p0
from .prefix import close_trial as close_trial_p0
from .renewal import renew as renew_0
from .stepped import look as look_0
from .stepped import step as step_0
from .trials import ends as ends_e0
from .trials import expect as expect_e0
from .trials import forget as forget_e0
from .trials import hold_potential as hold_potential_e0
from .trials import judge as judge_e0
from .trials import relapse as relapse_e0
from .trials import sample_of as sample_of_e0
from .trials import tally as tally_e0
from .watch import watch as watch_u0


def probe(model_groups: Any, recording: Any, trial: int, tick: int) -> None:
    """Sample the traces that are due."""
    if recording.probe.shape[0] > 0 and tick % recording.every[0] == 0:
        row = tick // recording.every[0] - recording.every[1]
        for q in range(recording.probe.shape[0]):
            model_group, field, i, column = recording.probe[q]
            with each("_0") as k:
                if model_group == k:
                    recording.trace[trial, row, column] = look_0(model_groups[k], field, trial, tick, i)


def advance(
    k: int,
    worker: int,
    n_workers: int,
    until: int,
    wires: Any,
    plastics: Any,
    ring: Any,
    poisson_dense_r0: Any,
    poisson_inhomogeneous_v0: Any,
    poisson_sparse_d0: Any,
    gaussian_w0: Any,
    trains_t0: Any,
    levels_m0: Any,
    watched_u0: Any,
    trials_e0: Any,
    exchange_x0: Any,
    active: Any,
    model_groups: Any,
    fired: Any,
    recording: Any,
    control: Any,
    scratch: Any,
    inputs: Any,
    rows: Any,
) -> None:
    """Advance one shard to the tick ``until``, or to where its workers stop for want of room.

    Either each worker has a shard of all neurons, or, with one shard, each ``n_workers``-th trial.

    Parameters
    ----------
    k : int
        number of the shard
    inputs : real[n_trials, n_rows, n_slots]
        accumulators, one row for each receptor, and in the last row injected currents, if there are any
    rows : real[n_trials, n_rows * n_slots]
        the same, one row behind the other: a view that a kernel makes itself, Numba compiles a function for
    """
    n_shards = fired.ptr.shape[2]
    first, step = (0, 1) if n_shards > 1 else (worker, n_workers)
    events, reached = 0, 0
    for trial in range(first, inputs.shape[0], step):
        tick = control.clock[k, trial]
        flat = rows[trial]
        told, pending = tick, False
        window = control.window[0]
        with each("_x0"):
            told, pending = exchange_x0.emitted[k], exchange_x0.pending[0] != 0
        with each("_t0"):
            cursor_t0 = begin_t0(wires, ring, trains_t0, recording, k, trial, told, until)
        stop = False
        while (tick < until or pending) and not stop:
            with each("_x0"):
                if pending:
                    while exchange_x0.emitted[k] < exchange_x0.exchanged[0] and not stop:
                        told = exchange_x0.emitted[k] + 1
                        unpack_x0(exchange_x0, trial, told)
                        with each("_m0"):
                            release_m0(levels_m0, exchange_x0.fired, trial, told)
                        broadcast_x0(wires, ring, exchange_x0.fired, recording, control, k, trial, told)
                        with each("_t0"):
                            cursor_t0 = play_t0(wires, ring, trains_t0, recording, k, trial, told, cursor_t0)
                        exchange_x0.emitted[k] = told
                        stop = ring.spill_count[trial] > 0
                        if k == 0 and recording.count[trial] + control.room[0] > recording.tick.shape[1]:
                            stop = True
                    if n_shards > 1:
                        control.stop[0, k] = stop
                        barrier(control, n_shards)
                        for j in range(n_shards):
                            stop = stop or control.stop[0, j] != 0
                    pending = False
                    continue
            tick += 1
            now = tick & (fired.ptr.shape[1] - 1)
            with each("_p0") as q:
                fade_p0(plastics[q])
                accrue_p0(plastics[q], wires, tick)
            with each("_m0"):
                relax_m0(levels_m0, tick)
            events += deliver(wires, plastics, ring, active, scratch, flat, trial, tick)
            with each("_r0"):
                add_poisson_dense_r0(poisson_dense_r0, flat, scratch, tick, trial)
            with each("_v0"):
                add_poisson_inhomogeneous_v0(poisson_inhomogeneous_v0, flat, scratch, tick, trial)
            with each("_w0"):
                add_gaussian_w0(gaussian_w0, flat, scratch, tick, trial)
            with each("_d0"):
                add_poisson_sparse_d0(poisson_sparse_d0, active, flat, scratch, tick, trial)
            out, ptr = fired.source[trial, now, k], fired.ptr[trial, now, k]
            with each("_0") as q:
                step_0(model_groups[q], trial, tick, inputs[trial], scratch, active, out, ptr)
            reached += active.count[trial]
            active.count[trial] = 0
            with each("_u0"):
                watch_u0(watched_u0, out, ptr, trial)
            with each("_p0") as q:
                remember_p0(plastics[q], wires, out, ptr, tick)
            probe(model_groups, recording, trial, tick)
            with each("_e0"):
                if ends_e0(trials_e0.protocol, tick):
                    hold_potential_e0(trials_e0.protocol, trial)
            with each("_n0"):
                if tick == until or tick & (window - 1) == 0:
                    stop = ring.spill_count[trial] > 0
                    if k == 0 and recording.count[trial] + control.room[0] > recording.tick.shape[1]:
                        stop = True
                    if n_shards > 1:
                        turn = (tick - 1) // window & 1
                        control.stop[turn, k] = stop
                        barrier(control, n_shards)
                        for j in range(n_shards):
                            stop = stop or control.stop[turn, j] != 0
                    while told < tick:
                        told += 1
                        with each("_m0"):
                            release_m0(levels_m0, fired, trial, told)
                        broadcast_n0(wires, ring, fired, recording, control, k, trial, told)
                        with each("_t0"):
                            cursor_t0 = play_t0(wires, ring, trains_t0, recording, k, trial, told, cursor_t0)
            with each("_x0"):
                keep_x0(exchange_x0, out, ptr, k, tick)
                if is_due_x0(exchange_x0, tick, until):
                    if n_shards > 1:
                        barrier(control, n_shards)
                    if k == 0:
                        swap_x0(exchange_x0, tick)
                    if n_shards > 1:
                        barrier(control, n_shards)
                    stop = exchange_x0.failed[0] != 0
                    pending = True
            with each("_e0"):
                protocol_e0 = trials_e0.protocol
                tally_e0(protocol_e0, fired, k, trial, tick)
                if ends_e0(protocol_e0, tick):
                    sample_e0 = sample_of_e0(protocol_e0, trial, tick)
                    if sample_e0 >= 0:
                        best_e0 = judge_e0(protocol_e0, k, trial, sample_e0)
                        with each("_m0"):
                            expect_e0(protocol_e0, levels_m0, k, sample_e0, best_e0)
                        with each("_p0") as q:
                            start_p0 = tick - protocol_e0.length[0]
                            close_trial_p0(plastics[q], wires, start_p0, tick, protocol_e0.width[q])
                        with each("_m0"):
                            relapse_e0(protocol_e0, levels_m0)
                    with each("_0") as q:
                        renew_0(
                            model_groups[q],
                            trials_e0.start[q],
                            trial,
                            protocol_e0.count[trial],
                            protocol_e0.learning[0] > 0.0,
                        )
                    forget_e0(protocol_e0, ring, trial)
        control.clock[k, trial] = tick
    control.events[worker, 0] += events
    control.events[worker, 1] += reached
