"""Trials: who fired how often, what the network answers, and the levels that an expectation sets at the end of one.

Every shard judges for itself, from the spikes of all, so that all hold the same bits; the first writes down what comes
out. At the end of its last tick the levels rise for a pulse, plastic synapses learn from it, and the next trial begins
with the state, the traces and the queues of a network at rest.

A kernel template.
"""

from __future__ import annotations

from typing import Any

_FORGET = 0.01  # of the mean reward in a trial


def ends(protocol: Any, tick: int) -> Any:
    """Tell whether a trial ends with ``tick``."""
    return (tick - protocol.origin[0]) % protocol.length[0] == 0


def sample_of(protocol: Any, trial: int, tick: int) -> Any:
    """Return the sample that ends with ``tick``, or -1 where a copy of the network has no more."""
    sample = protocol.first[trial] + (tick - protocol.origin[0]) // protocol.length[0] - 1
    return sample if sample < protocol.last[trial] else -1


def hold_potential(protocol: Any, trial: int) -> None:
    """Put the readout's potentials where all shards see them; called before they meet."""
    _, _, _, _, first, place, n = protocol.readout
    for i in range(n):
        protocol.potential[trial, first + i] = protocol.membrane[trial, place + i]


def tally(protocol: Any, fired: Any, k: int, trial: int, tick: int) -> None:
    """Count the spikes of a tick: of each neuron, and in the first shard of each population."""
    now, count = tick & (fired.ptr.shape[1] - 1), protocol.count[trial]
    sample = protocol.first[trial] + (tick - protocol.origin[0] - 1) // protocol.length[0]
    n = fired.ptr.shape[3] - 1
    for j in range(fired.ptr.shape[2]):
        ptr, source = fired.ptr[trial, now, j], fired.source[trial, now, j]
        for f in range(ptr[n]):
            count[source[f]] += 1
        if k == 0 and sample < protocol.last[trial]:
            for p in range(n):
                protocol.spikes[sample, p] += ptr[p + 1] - ptr[p]


def judge(protocol: Any, k: int, trial: int, sample: int) -> Any:
    """Sum spikes and potentials of the readout by class; returns the class that the network chooses."""
    source, size, n_classes = protocol.readout[1], protocol.readout[2], protocol.readout[3]
    if n_classes == 0:
        return 0
    spikes, potential = protocol.sums[0], protocol.sums[1]
    each_has = size // n_classes
    for c in range(n_classes):
        spikes[c] = 0.0
        potential[c] = 0.0
    for i in range(size):
        spikes[i // each_has] += protocol.count[trial, source + i]
        potential[i // each_has] += protocol.potential[trial, i]
    return choose(protocol, k, sample)


def choose(protocol: Any, k: int, sample: int) -> Any:
    """Return the class with most spikes, of several such that with the highest potential."""
    spikes, potential, n_classes = protocol.sums[0], protocol.sums[1], protocol.readout[3]
    best = 0
    for c in range(1, n_classes):
        if spikes[c] > spikes[best] or (spikes[c] == spikes[best] and potential[c] > potential[best]):
            best = c
    if k == 0:
        protocol.chosen[sample] = best
        for c in range(n_classes):
            protocol.votes[sample, c] = int(spikes[c])
    return best


def encode(protocol: Any, m: int, sample: int, best: int) -> Any:
    """Write the signal of one modulator into ``code``; returns how many numbers it has."""
    n = protocol.table[m].shape[0]
    code, plain = protocol.code[0], protocol.code[1]
    label, signal = protocol.label[sample], protocol.signal[m]
    if signal == 3:
        code[0] = (1.0 if best == label else 0.0) - protocol.usual[m]
        protocol.usual[m] += _FORGET * code[0]
        return n
    if signal == 0:
        spikes, odds = protocol.sums[0], protocol.odds[m]
        total = 0.0
        for c in range(n):
            fewer = int(spikes[best] - spikes[c])
            code[c] = odds[fewer] if fewer < len(odds) else 0.0
            total += code[c]
        for c in range(n):
            code[c] = (1.0 if c == label else 0.0) - code[c] / total
    else:
        which = label if signal == 1 else protocol.kind[sample]
        for c in range(n):
            code[c] = 1.0 if c == which else 0.0
    if protocol.shuffled[m]:
        for c in range(n):
            plain[c] = code[c]
        for c in range(n):
            code[c] = plain[protocol.permutation[sample, c]]
    return n


def expect(protocol: Any, levels: Any, k: int, sample: int, best: int) -> None:
    """Raise the levels to what the expectation says, where it is to be learned from."""
    if protocol.learning[0] <= 0.0:
        return
    column = 0
    for m in range(len(levels)):
        level = levels[m].level
        if protocol.signal[m] >= 0:
            n = encode(protocol, m, sample, best)
            for s in range(len(level)):
                level[s] = above_tonic(protocol, m, n, s)
            if k == 0 and protocol.level.shape[0] > 0:
                for s in range(len(level)):
                    protocol.level[sample, column + s] = protocol.tonic[m] + level[s]
        column += len(level)


def above_tonic(protocol: Any, m: int, n: int, s: Any) -> Any:
    """Return how far the level ``s`` of a modulator is to be above its tonic one, by the ``n`` numbers of a signal."""
    table, tonic = protocol.table[m], protocol.tonic[m]
    total = 0.0
    for c in range(n):
        total += table[c, s] * protocol.code[0, c]
    return min(max(tonic + protocol.scale[m] * total, 0.0), 1.0) - tonic


def relapse(protocol: Any, levels: Any) -> None:
    """Let the levels fall back after the pulse."""
    for m in range(len(levels)):
        if protocol.signal[m] >= 0:
            for s in range(len(levels[m].level)):
                levels[m].level[s] = 0.0


def forget(protocol: Any, ring: Any, trial: int) -> None:
    """Forget the spikes of a trial, those under way as well."""
    count = protocol.count[trial]
    for i in range(len(count)):
        count[i] = 0
    for b in range(ring.count.shape[1]):
        ring.count[trial, b] = 0
    ring.spill_count[trial] = 0
