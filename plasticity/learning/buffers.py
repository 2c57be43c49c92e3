"""Room for what one stage of a learner's pipeline hands to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tegmentum.simcore.lower import window_arrays

from .layer import BLOCK, Layer


class Buffers:
    """Two slots of everything, of which one is written while the other is read, and three of outputs.

    Outputs are read by the next stage, which lists them, and again by the one after, which learns from them.

    Parameters
    ----------
    largest : entries that the input events of one sample may need
    n_trials : trials of a chunk, ``batch`` of which make a batch

    Attributes
    ----------
    events, rows : for each layer and slot, its input by trial and tick, and by row
    outputs : for each layer and slot, float32 (n_trials, n_ticks, n_padded) of graded units; of others uint8, a bit for
        each, (n_trials, n_ticks, n_padded / 8)
    rates : for each layer and slot, float32 (n_trials, n_padded), or (0, n_padded) of layers whose rates nobody needs
    """

    def __init__(self, layers: Sequence[Layer], largest: int, n_ticks: int, n_trials: int, batch: int, graded: bool,
                 learning: bool):  # fmt: skip
        self.largest, self.n_trials = largest, n_trials
        dtype, value, bits = (np.float32, np.float32, 1) if graded else (np.uint8, np.int8, 8)
        slots = window_arrays.numbers(batch * (n_ticks + 1))
        self.none = np.zeros((1, 1, 1), dtype)
        n_batches = max(1, n_trials // batch)
        self.events, self.rows, self.outputs, self.rates = [], [], [], []  # type: ignore[var-annotated]
        for k, layer in enumerate(layers):
            entries = largest if k == 0 else n_ticks * (layer.n_pre + window_arrays.SPARE) + 1
            index = window_arrays.numbers(layer.n_pre + 1)
            sort = learning and layer.learns and layer.width == BLOCK
            room = (layer.n_pre + 1, n_ticks, batch * entries) if sort else (1, 1, 1)
            self.events.append(
                [
                    window_arrays.allocate(n_trials, n_ticks, n_trials * entries + 1, index, value)
                    for _ in range(2)
                ]
            )
            self.rows.append([window_arrays.allocate_rows(n_batches, *room, slots, value) for _ in range(2)])
            self.outputs.append(
                [np.zeros((n_trials, n_ticks, layer.n_padded // bits), dtype) for _ in range(3)]
            )
            needed = n_trials if k == len(layers) - 1 or layer.error_scale else 0
            self.rates.append([np.zeros((needed, layer.n_padded), np.float32) for _ in range(2)])
