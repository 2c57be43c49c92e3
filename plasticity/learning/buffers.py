"""Room for what one stage of a learner's pipeline hands to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    outputs : for each layer and slot, (n_trials, n_ticks, n_padded)
    rates : for each layer and slot, float32 (n_trials, n_padded)
    """

    def __init__(self, layers: Sequence[Layer], largest: int, n_ticks: int, n_trials: int, batch: int, dtype: Any,
                 learning: bool):  # fmt: skip
        self.largest, self.n_trials = largest, n_trials
        self.none = np.zeros((1, 1, 1), dtype)
        n_batches = max(1, n_trials // batch)
        self.events, self.rows, self.outputs, self.rates = [], [], [], []  # type: ignore[var-annotated]
        for k, layer in enumerate(layers):
            entries = largest if k == 0 else n_ticks * (layer.n_pre + 1) + 1
            sort = learning and layer.learns and layer.width == BLOCK
            room = (layer.n_pre + 1, batch * entries) if sort else (1, 1)
            self.events.append(
                [window_arrays.allocate(n_trials, n_ticks, n_trials * entries + 1) for _ in range(2)]
            )
            self.rows.append([window_arrays.allocate_rows(n_batches, *room) for _ in range(2)])
            self.outputs.append([np.zeros((n_trials, n_ticks, layer.n_padded), dtype) for _ in range(3)])
            self.rates.append([np.zeros((n_trials, layer.n_padded), np.float32) for _ in range(2)])
