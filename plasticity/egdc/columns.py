"""Columns of spiking neurons with shared receptive fields, learned by competition while everything is new.

See :mod:`.columns_kernel` for the equations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tegmentum.simcore.advance.windows.input import Input
from tegmentum.simcore.compile import templates
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.random import philox as rng

Array = np.ndarray[Any, Any]
_CHUNK = 64  # samples that a thread encodes and answers at once


class Geometry(NamedTuple):
    """Where columns stand: integers that kernels read."""

    width: int  # pixels in a row of the image
    channels: int
    size: int  # side of a receptive field
    rows: int  # positions
    columns: int


@dataclass(frozen=True)
class ColumnParameters:
    """Parameters of columns.

    Parameters
    ----------
    n_features : neurons K of a column, a multiple of 16
    size : side of the receptive field [pixels]
    pool : side of a pool [positions]
    theta : strength of the inhibition within a column
    quantum : threshold q, and what a spike takes off the potential
    n_ticks : ticks of the window
    rate_scale : spike probability of a pixel of full intensity in a tick
    learned : fields are learned by competition; otherwise they stay random, the control
    n_patches : patches that are looked at in each sample of the critical period
    vigilance : a patch that no neuron matches this well (cosine) recruits a fresh neuron
    """

    n_features: int = 64
    size: int = 5
    pool: int = 4
    theta: float = 0.2
    quantum: float = 1.0
    n_ticks: int = 20
    rate_scale: float = 1.0
    learned: bool = True
    n_patches: int = 40
    vigilance: float = 0.6

    def __post_init__(self) -> None:
        if self.n_features < 16 or self.n_features % 16:
            raise DescriptionError(
                f"ColumnParameters: n_features must be a multiple of 16, got {self.n_features}"
            )
        for name in ("size", "pool", "n_ticks", "n_patches"):
            if getattr(self, name) < 1:
                raise DescriptionError(f"ColumnParameters: {name} must be >= 1, got {getattr(self, name)}")
        for name in ("theta", "quantum", "rate_scale"):
            if not getattr(self, name) > 0:
                raise DescriptionError(f"ColumnParameters: {name} must be > 0, got {getattr(self, name)}")


class Columns:
    """Columns over an image of ``shape`` (height, width) or (height, width, channels).

    Parameters
    ----------
    shape, parameters : see above
    seed, threads : of initial fields, of encoded spikes and of the patches looked at; no result depends on threads
    given : samples are no intensities but spikes, 0 or 1 for each tick and channel, as an event camera gives them:
        uint8 (n, n_ticks * n_channels)

    Attributes
    ----------
    fields : float32 (size * size * channels, n_features), the weights that all positions share
    n_outputs : pools times features
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        parameters: ColumnParameters,
        seed: int,
        threads: int,
        given: bool = False,
    ):
        self.p, self.seed, self.threads, self.given = parameters, seed, threads, given
        height, width = shape[:2]
        if min(height, width) < parameters.size:
            raise DescriptionError(
                f"Columns: size must be <= the image's {min(height, width)}, got {parameters.size}"
            )
        channels = shape[2] if len(shape) > 2 else 1
        self.n_channels = height * width * channels
        rows, columns = height - parameters.size + 1, width - parameters.size + 1
        self.geometry = Geometry(width, channels, parameters.size, rows, columns)
        y, x = np.divmod(np.arange(rows * columns), columns)
        across = -(-columns // parameters.pool)
        self.pool = y // parameters.pool * across + x // parameters.pool
        self.n_outputs = int(self.pool.max() + 1) * parameters.n_features
        n_inputs = parameters.size**2 * channels
        self.inhibition = (parameters.theta * np.sqrt(np.arange(n_inputs + 1) + 0.1)).astype(np.float32)
        drawn = rng.uniform(n_inputs * parameters.n_features, seed, rng.STREAM_WEIGHTS, 1000) - 0.5
        drawn = drawn.reshape(parameters.n_features, n_inputs)
        drawn -= drawn.mean(axis=1, keepdims=True)
        self._set(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
        self.n_recruited = 0
        self.kernels = templates.bind(
            "columns",
            ("tegmentum.simcore.advance.windows.events_kernel", "tegmentum.plasticity.egdc.columns_kernel"),
            {},
        )

    def arrays(self) -> dict[str, Any]:
        """All that learning changes, not copied: fields (n_features, inputs) in double precision."""
        return {"fields": self._by_feature, "n_recruited": np.int64(self.n_recruited)}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take up what :meth:`arrays` returned."""
        self._set(np.array(arrays["fields"], order="C"))
        self.n_recruited = int(arrays["n_recruited"])

    def _set(self, fields: Array) -> None:
        self._by_feature = fields
        self.fields = np.ascontiguousarray(fields.T, dtype=np.float32)

    def _encoder(self, x: Array, x_max: int, stream: Any) -> Callable[[Array], Any]:
        """Return a function that gives the events of some of the samples."""
        n_ticks = self.p.n_ticks
        if self.given:
            spikes = x.reshape(len(x), n_ticks, self.n_channels)

            def take(index: Array) -> Any:
                room = len(index) * (n_ticks * (self.n_channels + window_arrays.SPARE) + 1) + 1
                events = window_arrays.allocate(len(index), n_ticks, room)
                bits = np.packbits(spikes[index], axis=-1, bitorder="little")
                self.kernels.from_spikes(bits, self.n_channels, 0, len(index), events)
                return events

            return take
        source = Input(x, x_max, n_ticks, False, self.p.rate_scale, stream, 0, self.seed)

        def encode(index: Array) -> Any:
            events = window_arrays.allocate(len(index), n_ticks, int(source.capacity[index].sum()) + 1)
            source.encoder(self.kernels, index, events)(0, len(index))
            return events

        return encode

    def learn(self, x: Array, x_max: int) -> int:
        """Learn the receptive fields from samples, one after the other; returns the number of patches matched."""
        encode = self._encoder(x, x_max, rng.STREAM_ENCODE_TRAIN)
        n, p = len(x), self.p
        draws = rng.uniform(n * p.n_patches, self.seed, rng.STREAM_TABLE, 1000).reshape(n, p.n_patches)
        fields = self._by_feature.copy()
        used, patches = self.kernels.compete(
            encode(np.arange(n)), p.n_ticks, n, self.n_channels, self.geometry, fields, p.vigilance,
            0.5 * p.n_ticks, draws,
        )  # fmt: skip
        self.n_recruited = int(used)
        self._set(fields)
        return int(patches)

    def respond(self, x: Array, x_max: int) -> tuple[Array, int]:
        """Spikes of each pool and feature, float32 (n, n_outputs) of whole numbers, and the synaptic events.

        The input spikes of a sample are drawn from its content alone, so its response does not depend on the others.
        """
        encode = self._encoder(x, x_max, rng.STREAM_ENCODE_TEST)
        out = np.zeros((len(x), self.n_outputs), np.float32)
        fan_out = self.p.size**2 * self.p.n_features

        def some(first: int) -> int:
            index = np.arange(first, min(first + _CHUNK, len(x)))
            events = encode(index)
            self.kernels.respond(
                events, self.p.n_ticks, 0, len(index), self.n_channels, self.geometry, self.fields, self.inhibition,
                np.float32(self.p.quantum), self.pool, out[first : first + len(index)],
            )  # fmt: skip
            return int(events.spikes.sum()) * fan_out

        starts = range(0, len(x), _CHUNK)
        if self.threads == 1 or len(x) <= _CHUNK:
            return out, sum(map(some, starts))
        with ThreadPoolExecutor(self.threads) as pool:
            return out, sum(pool.map(some, starts))
