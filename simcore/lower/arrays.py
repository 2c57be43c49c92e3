"""Flat arrays that kernels see; every one with its shape, type and meaning, in one place.

``real`` is float32 or float64 by the simulation's precision, ``index`` uint16 where targets are counted within blocks
of 65,536 slots and uint32 where that would break segments into bits. A *source* is a neuron or a train that can fire,
numbered over all nodes of the network. A *slot* is a neuron's place in its shard. A *row* is a receptor. An *entry*
packs a segment into one int64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

#: Post spikes that a plastic projection keeps for each neuron; before more come, all synapses are brought up to date.
HISTORY = 32

#: How many of its neuron's last spikes a record holds, 16 bytes.
RECENT = 4

#: Tick of a last spike that has not been. Ticks of spikes are int32 where synapses learn, and so are their differences:
#: none may reach ``-NEVER``.
NEVER = -(2**30)
#: ticks that each of the two tables spans whose products are decays over a time
SPAN = 512

#: Bits of an entry, see :mod:`.entries`.
GROUP_BITS, LENGTH_BITS = 8, 20
MAX_GROUPS, MAX_LENGTH = 1 << GROUP_BITS, (1 << LENGTH_BITS) - 1

#: How the synapses of a group are stored; LAZY ones lead to lazy populations.
CONSTANT, WEIGHTED, DENSE = 0, 1, 2
LAZY = LAZY_CONSTANT = 3
LAZY_WEIGHTED = 4
PLASTIC = 5
BITMAP = 6  # of one weight, targets as rows of bits, see :mod:`.bitmaps`
HALF = 7  # weights in half precision, in one word with their targets, see :mod:`.halves`
#: Those whose synapses have one weight for all.
OF_ONE_WEIGHT = (CONSTANT, LAZY_CONSTANT, BITMAP)


class Draws(NamedTuple):
    """Delays and weights of a projection: given, or tables to draw them from; with scratch."""

    delays: Any  # int64: one for all synapses, one for each, or none where they are drawn [ticks]
    delay_table: Any  # float64[3, n_cells], quantiles
    delay_ticks: Any  # int32[4096 or 0], delays by the first 12 bits of a word, 0 where it takes more [ticks]
    weights: Any  # float64: one, all, or none where they are drawn
    weight_table: Any  # float64[3, n_cells]
    delay_words: Any  # uint32[256]
    weight_words: Any  # uint32[256]
    counters: Any  # uint32[64]
    own: Any  # int64[256], synapses of a block that are wanted
    drawn: Any  # int64[256], numbers of their words
    tick: Any  # int64[256], their delays
    value: Any  # float64[256], their weights
    projection: Any  # int, number in the network
    key: Any  # uint64[2]
    start: (
        Any  # int64[n_pre or 0], number of each row's first synapse here, where a rank holds part of the rows
    )
    number: Any  # uint32[n or 0], number of each synapse in its row, where a rank holds those between others
    half: Any  # bool, whether weights are rounded to half precision


class Wires(NamedTuple):
    """Static synapses onto one shard; a *segment* is those of one source with one delay in one group."""

    segment_ptr: Any  # int64[n_sources + 1]
    segment_delay: Any  # int32[n_segments], ticks
    segment_entry: Any  # int64[n_segments]
    group_format: Any  # int64[n_groups], CONSTANT, WEIGHTED, ...
    group_base: Any  # int64[n_groups], what to add to a target to find its accumulator
    group_slot: Any  # int64[n_groups], what to add to a target to find its slot
    group_weight: Any  # real[n_groups], of groups of one weight
    group_plastic: Any  # int64[n_groups], number of the plastic projection, or -1
    plastic_begin: Any  # int64[n], first synapse of each segment of plastic projections, one after another
    group_bits: (
        Any  # int64[n_groups or 0, 4], of BITMAP groups: first word, words of a row, first row, n_targets
    )
    target: Any  # index[n_synapses], slot within the group's block; synapses of WEIGHTED groups first, what is left of
    #              BITMAP groups last
    weight: Any  # real[n_weighted]
    word: Any  # uint32[n + 16 or 0], synapses of HALF groups: target, and above it the weight, see :mod:`.halves`
    dense: Any  # real[n_dense], rows of matrices
    bits: Any  # uint64[n_words], rows of bits; the first line is 0
    rest_ptr: Any  # int64[n_rows + 1 or 0], where what is left of each such row begins in ``target``


class Plastic(NamedTuple):
    """Synapses of one plastic projection onto one shard; an entry's ``begin`` is the number of a segment here."""

    constants: Any  # the rule's Constants
    fade_pre: Any  # tuple of real[n], decay of each pre trace over 0, 1, ... ticks
    fade_post: Any  # tuple of real, decay of each post trace in a tick
    fades: (
        Any  # real[2, SPAN, n], each of the rule's decays over 0, 1, ... and over 0, SPAN, 2 SPAN, ... ticks
    )
    first: Any  # int64[1], first synapse of the projection
    begin: Any  # int64[n_segments], first synapse
    length: Any  # int64[n_segments]
    pre: Any  # the rule's Pre of real[n_segments], traces after the last arrival
    early: Any  # the rule's Pre of real[n_segments], traces just before it; length 0 where coincident spikes pair
    pre_tick: Any  # int64[n_segments], tick of the last arrival
    seen: Any  # int64[n_segments], tick up to which post spikes are worked in
    ends: Any  # int64[4]: post population, its first source, first slot and count in this shard
    post: Any  # the rule's Post of real[n_slots], traces of the present tick
    past: Any  # the rule's Post of real[n_slots, HISTORY], traces just before the last spikes
    recent: Any  # int32[n_slots * RECENT], each neuron's record of its last spikes, the last one first
    post_tick: Any  # int32[n_slots, HISTORY], last spikes, a ring
    post_n: Any  # int64[n_slots], number of spikes
    settled: Any  # int64[n_slots], number of spikes that all synapses have seen
    missed: Any  # int32[3, HISTORY, longest segment + 16], scratch: synapse, tick of the post spike, and of that before
    n_missed: Any  # int64[HISTORY], scratch
    ticks: Any  # int32[longest segment + 16], scratch: a post spike of each synapse of a segment
    kept: Any  # tuple of real[n_synapses], for each field of the rule's Synapse but the weight
    gains: Any  # tuple of Gain, one for each neuromodulator's hold on an eligibility
    window: Any  # int64[1], tick at which the present window of the gains' integrals starts
    trial: Any  # TrialLog where synapses wait for a trial's end, else an empty tuple
    grid: Any  # real[2], quanta in a unit of weight, and the quantum, of deliveries in fixed arithmetic; else 1, 1
    chance: Any  # Chance where the rule draws, else an empty tuple
    flow: Any  # float64[n_ticks + 1, n_levels, n], the rule's Flow since the window began; else empty


class Chance(NamedTuple):
    """Who synapses are, where a rule draws; see :mod:`..advance.ticks.chance`."""

    key: Any  # uint64[3], the seed's two words, and stream and projection
    number: Any  # uint32[n_synapses]: post neuron + n_post * how many contacts of the same two neurons come before
    pre: Any  # uint32[n_segments], pre neuron
    again: Any  # int64[n_segments], arrivals in the tick of the last one
    who: Any  # uint32[stride], scratch: ``number`` of those that are drawn for together
    when: Any  # uint32[stride], scratch: their ticks
    words: Any  # uint32[4 * stride], scratch: what they have drawn


class Gain(NamedTuple):
    """A neuromodulator's gain on one eligibility of a projection's synapses, and its integrals; see :mod:`.drift`."""

    which: (
        Any  # uint16[1, n_segments or n_synapses], uint8 or uint32[n_slots], number of the level of a synapse
    )
    factors: Any  # tuple of Factor: the gain is their product
    share: Any  # float64[2], integral over a tick of a steady gain, and of its distance from rest [ms]
    area: Any  # float64[n_ticks + 1, n_levels], integral of the discounted gain since the window began [ms]
    fall: Any  # float64[n_ticks + 1], exp(-t / tau_e) for each tick of a window
    both: Any  # real[2 * (n_ticks + 1)], exp(-t / tau_e) and exp(t / tau_e) in turn, as synapses take them
    pulse: Any  # float64[n_levels], integral of the gain over a trial's pulse


class Factor(NamedTuple):
    """What one modulator contributes to a gain."""

    level: Any  # float64[n_levels or 1], the modulator's
    fast: Any  # float64[n_levels or 0], the modulator's
    rest: Any  # float64[1], the modulator's
    receptor: Any  # tuple of float, parameters of the curve
    mean: Any  # float64[2], mean of ``level`` and of ``fast`` over a tick, as eligibility weighs it; 0 of no ``fast``


class TrialLog(NamedTuple):
    """What plastic synapses need that learn at the end of trials; lengths are 0 until there are trials."""

    arrived: Any  # uint32[n], segment of each arrival in the trial
    arrived_at: Any  # uint32[n], its tick within the trial
    fired: Any  # uint32[n], neuron of each post spike, by its place in this shard
    fired_at: Any  # uint32[n]
    count: Any  # int64[3]: arrivals, post spikes, segments with a row
    row: Any  # int32[n_segments], row in ``eligibility``, or -1
    segment: Any  # int32[n_segments], segment of each row
    pre: Any  # the rule's Pre of real[n_segments], traces of each row
    eligibility: Any  # real[n_segments, longest segment]
    by_post: Any  # real[n_post], ``pulse`` of each post neuron
    run_ptr: Any  # int64[n_segments + 1], runs of each segment: synapses onto neurons that are neighbours
    run_at: Any  # int64[n_runs], its first synapse, counted from the segment's
    run_post: Any  # int64[n_runs], that synapse's neuron, by its place in this shard
    run_length: Any  # int64[n_runs]


class Protocol(NamedTuple):
    """Trials as one shard runs them; what is judged at the end of each, and what comes out."""

    length: Any  # int64[1], ticks of a trial
    origin: Any  # int64[1], tick before the first trial
    first: Any  # int64[n_trials], first sample of each copy of the network
    last: Any  # int64[n_trials], its end
    readout: (
        Any  # int64[7]: population, first source, size, number of classes; of those neurons in this shard the
    )
    #               first, its place in ``membrane``, and how many they are
    label: Any  # int64[n_samples], class, -1 where it is not known
    kind: Any  # int64[n_samples], kind of input
    permutation: Any  # int64[n_samples or 0, n_codes], of shuffled signals
    count: Any  # int32[n_trials, n_sources], spikes in the present trial
    potential: Any  # float64[n_trials, n_readout], at the end of the trial; shared by all shards
    membrane: Any  # real[n_trials, n], potential of a kind's neurons in this shard
    sums: Any  # float64[2, n_classes]: spikes and potential of each class
    code: Any  # float64[2, n_codes], signal, and as it was before it was shuffled
    signal: Any  # int64[n_modulators], number in ``SIGNALS``, or -1 for a modulator without a source
    shuffled: Any  # uint8[n_modulators]
    table: Any  # tuple of float64[n_codes, n_levels]
    tonic: Any  # float64[n_modulators]
    scale: Any  # float64[n_modulators]
    odds: (
        Any  # float64[n_modulators, n], exp(-beta k) of a class with k spikes fewer than the first; beyond, 0
    )
    usual: Any  # float64[n_modulators], mean reward of late
    learning: Any  # float64[1], 0 where nothing is learned
    width: Any  # float64[n_plastics], duration of the pulse for each plastic projection [ms], 0 for none
    chosen: Any  # int32[n_samples], class with most spikes
    votes: Any  # int32[n_samples, n_classes], spikes of each class
    spikes: Any  # int32[n_samples, n_populations]
    level: Any  # float64[n_samples or 0, n_levels of all modulators], at the pulses


class Trials(NamedTuple):
    """What the tick loop needs for trials."""

    protocol: Any  # Protocol
    start: Any  # tuple of the models' State of real[1, n]: at first where trials are learned from, else at present


class Channel(NamedTuple):
    """Levels of one neuromodulator as one shard keeps them, above its baseline; amounts have its kinetics' norm."""

    level: Any  # float64[n_levels], what decays with tau
    fast: Any  # float64[n_levels], what decays with tau_rise and is taken off; length 0 where levels rise at once
    rest: Any  # float64[1], the baseline of the moment
    decay: Any  # float64[1 or 2], in a tick, of ``level`` and of ``fast``
    coming: Any  # float64[n_ticks, n_levels], what will be released in the ticks to come, a ring
    release: Any  # int64[n, 4]: population, first source, delay [ticks], first place in ``onto`` or -1
    amount: Any  # float64[n]
    onto: Any  # int64[n], the level that each neuron's spikes raise
    given_tick: Any  # int64[n], ticks of given releases, in order
    given_onto: Any  # int64[n], the level that each raises, -1 for all
    given_amount: Any  # float64[n]
    course_tick: Any  # int64[n], ticks at which the baseline changes, the first 0
    course_rest: Any  # float64[n], what it is from then on
    next: Any  # int64[2], the first given release and the first change of the baseline to come


class Watched(NamedTuple):
    """Neurons of one shard whose potentials set levels, see :mod:`..describe.watch`."""

    ends: Any  # int64[3]: population, its first source and its first neuron in this shard
    membrane: Any  # real[n_trials, n], potentials, a view
    moving: Any  # real[n_trials, n or 0], what is taken from them, a view
    seen: Any  # real[n], scratch: what is seen of them
    peak: Any  # real[1], what is seen of a neuron that fires, or NaN
    past: Any  # real[n_delay, n], what was seen in the last ticks, a ring; none without a delay
    place: Any  # int64[1], where in the ring the next is written
    fields: Any  # the source's State of real[n]
    constants: Any  # the source's Constants
    level: Any  # float64[n_levels], the modulator's


class Ring(NamedTuple):
    """Calendar queue of one shard: what each of the coming ticks will deliver, in the order of emission."""

    entry: Any  # int64[n_trials, n_buckets, capacity]
    count: Any  # int64[n_trials, n_buckets]
    spill_entry: Any  # int64[n_trials, n_spill]: entries that found their bucket full
    spill_bucket: Any  # int32[n_trials, n_spill]
    spill_count: Any  # int64[n_trials]


class PoissonDense(NamedTuple):
    """Poisson sources onto one shard."""

    source: Any  # int64[n, 7]: source number, first accumulator, first neuron, count, first bound, number of bounds,
    #              number of spikes below the first bound
    weight: Any  # real[n]
    bounds: Any  # uint16[n_bounds], of 16-bit words, filled up to multiples of four for each source
    rest: Any  # int64[n, 2]: first place in the tables of what 16 bits leave open, logarithm of their length
    limit: Any  # uint32[n_tables], of the alias method
    other: Any  # uint32[n_tables], of the alias method
    key: Any  # uint32[2], of the random numbers


class PoissonInhomogeneous(NamedTuple):
    """Poisson sources onto one shard whose rate differs between neurons or changes with time."""

    source: Any  # int64[n, 7]: source number, first accumulator, first neuron, count, first places in ``mean`` and
    #              ``peak``, blocks of the whole population
    weight: Any  # real[n]
    mean: Any  # float64, spikes in a tick, before scaling: by source, step and neuron
    peak: Any  # float64, largest mean in each block of 256 neurons of a whole population: by source, step and block
    tick: Any  # int64[1], tick of the first column of ``scale``
    scale: Any  # float64[n, n_ticks], factor of each coming tick
    step: Any  # int64[n, n_ticks], step of each coming tick
    key: Any  # uint32[2]


class PoissonSparse(NamedTuple):
    """Rare Poisson sources onto one shard: the spikes of blocks of neurons in the present window of ticks."""

    source: (
        Any  # int64[n, 11]: source number, first accumulator, first slot, first neuron, count, whether lazy,
    )
    #              logarithms of a block's neurons and a window's ticks, table offset, table bits, first block
    weight: Any  # real[n]
    limit: Any  # uint32[n_tables], of the alias method: number of a block's spikes in a window
    other: Any  # uint32[n_tables], of the alias method
    window: Any  # int64[n_trials, n_blocks], which is drawn
    begin: Any  # int32[n_trials, n_blocks, 65], where the spikes of a window's ticks begin
    place: Any  # uint32[n_trials, n_blocks, 256], neurons that they fall to, within the block
    key: Any  # uint32[2]


class Gaussian(NamedTuple):
    """Sources of Gaussian current into one shard, by population."""

    source: (
        Any  # int64[n, 6]: source number, first place in the inputs, first slot, first neuron, count, whether
    )
    #              another one into the same neurons comes before
    std: Any  # real[n]
    steady: Any  # real[n_slots], current without noise [pA]
    table: Any  # float64[3, n_cells], of the normal distribution
    key: Any  # uint32[2]


class Active(NamedTuple):
    """Neurons of lazy populations that events have reached in this tick."""

    mark: Any  # uint8[n_trials, n_slots]
    slot: Any  # int32[n_trials, n_slots]
    count: Any  # int64[n_trials]


class Scratch(NamedTuple):
    """Room that a worker's kernels use within a tick."""

    flags: Any  # uint8[1024], who fires in a block of neurons
    eights: Any  # uint64[128], the same memory
    words: Any  # uint32[256], random
    drawn: Any  # uint32[4, 128], random, of four blocks of neurons
    halves: Any  # uint16[4, 256], the same memory
    counters: Any  # uint32[64]
    counts: Any  # uint16[256], numbers of Poisson spikes
    normals: Any  # float64[256]
    bits: Any  # int64[256], the same memory
    planes: Any  # uint64[48], counts of the bits of a line
    place: Any  # uint32[1040], accumulators of synapses that are added together
    weight: Any  # float32[1040], their weights


class ModelGroup(NamedTuple):
    """Populations that share a model, in one shard."""

    fields: Any  # the model's State of real[n_trials, n]
    table: Any  # real[n_populations, n_constants]
    arrays: Any  # tuple of real[n], constants that differ from neuron to neuron
    last: Any  # int64[n_trials, n], tick of the last update; length 0 where stepped
    part: Any  # int64[n_populations, 5]: population, first slot, count, first source, first field


class Fired(NamedTuple):
    """Who fired in the present window of ticks and the one before, by the tick modulo both; shared by all shards."""

    source: Any  # int32[n_trials, 2 * window, n_shards, n_slots]
    ptr: Any  # int64[n_trials, 2 * window, n_shards, n_populations + 1]


class Exchange(NamedTuple):
    """What the ranks of an MPI run tell each other: the spikes of a window of ticks, see :mod:`..advance.exchange`.

    The spikes of a tick lie in the row ``(tick - 1) % window``. All but ``fired`` is shared by a rank's shards.
    """

    window: Any  # int64[1], ticks from one exchange to the next, at most the shortest delay
    call: Any  # int64[1], address of the function that exchanges
    failed: Any  # int64[1], whether it could not
    tick: Any  # int64[1], tick up to which it is to exchange
    exchanged: Any  # int64[1], tick up to which spikes have been exchanged
    pending: Any  # int64[1], whether some shard had yet to emit such spikes when the kernel was called
    emitted: Any  # int64[n_shards of the rank], tick up to which each has emitted them
    n: Any  # int64[n_shards of the rank], spikes since the last exchange
    own: Any  # int32[n_shards of the rank, capacity], these spikes' sources
    own_ptr: Any  # int64[n_shards of the rank, window, n_populations + 1]
    all: Any  # int32[capacity], spikes of all ranks
    all_ptr: Any  # int64[window, n_shards, n_populations + 1]
    fired: Any  # Fired of all shards in one tick, a shard's own copy


class Trains(NamedTuple):
    """Given spikes, sorted by (tick, source) in each trial's range."""

    tick: Any  # int64[n]
    source: Any  # int32[n]
    first: Any  # int64[n_trials]
    last: Any  # int64[n_trials]


class Recording(NamedTuple):
    """Recordings of one call."""

    wanted: Any  # uint8[n_nodes]: whether spikes of population or train are recorded
    node_of: Any  # int32[n_trains' sources]: the node that a train's source belongs to
    tick: Any  # int64[n_trials, capacity]
    source: Any  # int32[n_trials, capacity]
    count: Any  # int64[n_trials]
    probe: Any  # int64[n_probes, 4]: model group, field, index in the shard, column
    every: Any  # int64[2]: ticks between samples, number of the first sample
    trace: Any  # real[n_trials, n_samples, n_columns]


class Control(NamedTuple):
    """What shards agree on."""

    clock: Any  # int64[n_shards, n_trials]
    barrier: Any  # int64[8]: arrivals
    window: Any  # int64[1]: ticks between meetings of the shards, a power of two, at most the shortest delay
    stop: Any  # int64[2, n_shards], by parity of the window
    room: Any  # int64[1]: spikes that the recording must be able to take before a window
    events: Any  # int64[n_workers, 8]: synaptic events delivered, updates of lazy neurons
    spikes: Any  # int64[n_trials, n_populations]
