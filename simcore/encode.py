"""Images into input spikes: rates (Bernoulli trials a tick) or latencies (the brighter, the earlier)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .describe import checks
from .errors import DescriptionError
from .random.philox import STREAM_ENCODE_TEST, content_key, philox, seed_key, thresholds

#: Bounds of counter word 1, which holds a tick's block in its low 8 bits and the epoch above.
MAX_TICKS, MAX_EPOCHS = 1024, 2**24

_WORD = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes of a batch of trials, sorted by (trial, tick, channel).

    Parameters
    ----------
    trial : int64 array, shape (n_events,)
        Sample that the spike belongs to.
    tick : int64 array, shape (n_events,)
        Time step of the spike within its trial, from 0 to ``n_ticks - 1``.
    channel : uint32 array, shape (n_events,)
        Input feature that spikes.
    n_trials, n_ticks, n_channels : int
    """

    trial: NDArray[np.int64]
    tick: NDArray[np.int64]
    channel: NDArray[np.uint32]
    n_trials: int
    n_ticks: int
    n_channels: int

    def __len__(self) -> int:
        return len(self.trial)


def intensities(
    x: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None
) -> NDArray[np.uint8]:
    """Numbers of any kind as the intensities that the encoders take, with ``x_max`` 255.

    ``rint(255 * (x - low) / (high - low))``, cut to 0 and 255.

    Parameters
    ----------
    x : array, shape (n, features)
        A sample a row: a table of measurements, say.
    low, high : number or array, shape (features,), optional
        What becomes 0 and what 255; by default each feature's least and largest value in ``x``. Take those of the
        training samples for the test samples as well. Where both are equal, all is 0.

    Raises
    ------
    DescriptionError
        If ``x`` has another shape or holds no numbers, ``low`` or ``high`` do not fit, or one is above the other.
    """
    table = checks.array(x, "intensities", "x")
    if table.ndim != 2:
        raise DescriptionError(f"intensities: x must have the shape (samples, features), got {table.shape}")
    if not table.size:
        return np.zeros(table.shape, np.uint8)
    least, most = (
        checks.array(end(table, axis=0) if given is None else given, "intensities", name).astype(np.float64)
        for given, end, name in ((low, np.min, "low"), (high, np.max, "high"))
    )
    for ends, name in ((least, "low"), (most, "high")):
        if ends.shape not in ((), table.shape[1:]):
            raise DescriptionError(
                f"intensities: {name} must be a number or one for each of {table.shape[1]} features, "
                f"got shape {ends.shape}"
            )
    if np.any(least > most):
        raise DescriptionError("intensities: low must not be above high")
    span = np.where(most > least, most - least, np.inf)
    return np.rint(np.clip((table - least) / span, 0.0, 1.0) * 255.0).astype(np.uint8)


def bernoulli(
    x: NDArray[np.uint8],
    x_max: int,
    n_ticks: int,
    seed: int,
    epoch: int = 0,
    stream: np.uint64 = STREAM_ENCODE_TEST,
    scale: float = 1.0,
) -> Events:
    """Independent Bernoulli trials, one a feature and tick: ``P(spike) = min(1, scale * x / x_max)``.

    A draw is a function of the sample's content, the feature, the tick, the epoch, the stream and the seed
    alone, so a sample's spikes do not depend on its batch. With ``key = content_key(x)`` and
    ``words = philox(c0, c1, c2, c3, *seed_key(seed))``, feature ``i`` spikes at tick ``t`` if
    ``words[t % 4] < thresholds(x, x_max, scale)[i]``, where

    =======  ===================================================
    counter  value (32 bits)
    =======  ===================================================
    ``c0``   ``i``
    ``c1``   ``t // 4 + (epoch << 8)``
    ``c2``   ``key & 0xFFFFFFFF``
    ``c3``   ``((key >> 32) ^ (stream << 24)) & 0xFFFFFFFF``
    =======  ===================================================

    Parameters
    ----------
    x : uint8 array, shape (n, features)
    x_max : int
        The integer that means intensity 1.
    n_ticks : int
        Length of a trial, at most 1024 ticks.
    seed : int
        From 0 to 2**64 - 1.
    epoch : int
        Presentation of the sample, below 2**24; another epoch, other spikes.
    stream : uint64
        Purpose of the draw, one of the streams of :mod:`.random.philox`.
    scale : float
        Spike probability a tick at intensity 1.

    Raises
    ------
    DescriptionError
        If a parameter is out of its range.

    Notes
    -----
    At most one spike a tick: it approximates a Poisson process only where ``scale`` is well below 1. Two
    samples with equal content get equal spikes in the same epoch.
    """
    _check(x, x_max, n_ticks)
    _check_draws("bernoulli", n_ticks, seed, epoch)
    if not (np.isfinite(scale) and scale >= 0):
        raise DescriptionError(f"bernoulli: scale must be finite and >= 0, got {scale}")
    return _drawn(x, thresholds(x, x_max, scale), n_ticks, seed, epoch, stream)


def poisson(
    x: NDArray[np.uint8],
    x_max: int,
    n_ticks: int,
    rate: float,
    seed: int,
    dt: float = 1.0,
    epoch: int = 0,
    stream: np.uint64 = STREAM_ENCODE_TEST,
) -> Events:
    """Poisson process for each feature, of the rate ``rate * x / x_max``, seen in ticks.

    A tick holds a spike where the process has at least one in it: ``P(spike) = 1 - exp(-rate * x / x_max * dt)``.

    Parameters
    ----------
    x : uint8 array, shape (n, features)
    x_max : int
        The integer that means intensity 1.
    n_ticks : int
        Length of a trial, at most 1024 ticks.
    rate : float
        At intensity 1 [Hz].
    seed : int
        From 0 to 2**64 - 1.
    dt : float
        Length of a tick [ms].
    epoch, stream
        As of :func:`bernoulli`, and drawn as there.

    Raises
    ------
    DescriptionError
        If a parameter is out of its range.
    """
    _check(x, x_max, n_ticks)
    _check_draws("poisson", n_ticks, seed, epoch)
    for name, value in (("rate", rate), ("dt", dt)):
        if not (np.isfinite(value) and value >= 0):
            raise DescriptionError(f"poisson: {name} must be finite and >= 0, got {value}")
    chance = -np.expm1(-rate * dt * 1e-3 * x.astype(np.float64) / x_max)
    return _drawn(x, np.floor(chance * 2.0**32).astype(np.uint64), n_ticks, seed, epoch, stream)


def _check_draws(name: str, n_ticks: int, seed: int, epoch: int) -> None:
    if n_ticks > MAX_TICKS:
        raise DescriptionError(f"{name}: n_ticks must be at most {MAX_TICKS}, got {n_ticks}")
    if not 0 <= epoch < MAX_EPOCHS:
        raise DescriptionError(f"{name}: epoch must be from 0 to 2**24 - 1, got {epoch}")
    if not 0 <= seed < 2**64:
        raise DescriptionError(f"{name}: seed must be from 0 to 2**64 - 1, got {seed}")


def _drawn(
    x: NDArray[np.uint8],
    threshold: NDArray[np.uint64],
    n_ticks: int,
    seed: int,
    epoch: int,
    stream: np.uint64,
) -> Events:
    """Spikes where words fall below a threshold, as :func:`bernoulli` says."""
    trial, channel = np.nonzero(threshold)  # a draw without a chance need not be made
    threshold, key = threshold[trial, channel], content_key(x)[trial]
    c0, c2 = channel.astype(np.uint64), key & _WORD
    c3 = ((key >> np.uint64(32)) ^ (np.uint64(stream) << np.uint64(24))) & _WORD
    k0, k1 = seed_key(seed)
    trials, ticks, channels = [], [], []
    for block in range(-(-n_ticks // 4)):
        words = philox(c0, np.full_like(c0, block + (epoch << 8)), c2, c3, k0, k1)
        for tick, word in zip(range(4 * block, n_ticks), words, strict=False):
            spikes = np.flatnonzero(word < threshold)
            trials.append(trial[spikes])
            ticks.append(np.full(len(spikes), tick))
            channels.append(channel[spikes])
    return _sorted(np.concatenate(trials), np.concatenate(ticks), np.concatenate(channels), x, n_ticks)


def latency(
    x: NDArray[np.uint8],
    x_max: int,
    n_ticks: int,
    tau: float | None = None,
    span: int | None = None,
    least: float = 0.0,
) -> Events:
    """At most one spike a feature, the brighter the earlier; intensity 0 never spikes.

    With intensity ``p = x / x_max`` the spike is at tick

    - ``rint((1 - p) * span)``, linear in the intensity, without ``tau``;
    - ``rint(tau * ln(1 / p))``, logarithmic, with ``tau``: a factor on all intensities delays all spikes
      alike. A feature whose spike would come after the last tick stays silent.

    Parameters
    ----------
    x : uint8 array, shape (n, features)
    x_max : int
        The integer that means intensity 1.
    n_ticks : int
        Length of a trial.
    tau : float, optional
        Ticks by which an intensity lower by a factor e is later.
    span : int, optional
        Ticks from the spike of intensity 1 to that of intensity 0, less than ``n_ticks``; by default
        ``n_ticks - 1``.
    least : float, default 0
        Intensity up to which a feature stays silent.

    Raises
    ------
    DescriptionError
        If a parameter is out of its range.

    Notes
    -----
    ``rint`` rounds halves to even.

    Sources: linear, S. Thorpe, A. Delorme, R. Van Rullen (2001), "Spike-based strategies for rapid
    processing", Neural Networks 14:715-725, doi:10.1016/S0893-6080(01)00083-1; logarithmic, J. J. Hopfield
    (1995), "Pattern recognition computation using action potential timing for stimulus representation",
    Nature 376:33-36, doi:10.1038/376033a0.
    """
    _check(x, x_max, n_ticks)
    if tau is not None and not (np.isfinite(tau) and tau > 0):
        raise DescriptionError(f"latency: tau must be finite and > 0 ticks, got {tau}")
    if span is not None and not 0 < span < n_ticks:
        raise DescriptionError(f"latency: span must be in [1, {n_ticks}), got {span}")
    if not 0.0 <= least <= 1.0:
        raise DescriptionError(f"latency: least must be in [0, 1], got {least}")
    trial, channel = np.nonzero(x > least * x_max)
    p = x[trial, channel] / x_max
    tick = np.rint((1.0 - p) * (n_ticks - 1 if span is None else span) if tau is None else -tau * np.log(p))
    seen = tick < n_ticks
    return _sorted(trial[seen], tick[seen].astype(np.int64), channel[seen], x, n_ticks)


def _check(x: NDArray[np.uint8], x_max: int, n_ticks: int) -> None:
    if x.dtype != np.uint8 or x.ndim != 2:
        raise DescriptionError(
            f"encode: x must be a uint8 array of shape (n, features), got {x.dtype} {x.shape}; "
            "encode.intensities makes one of other numbers"
        )
    if not 1 <= x_max <= 255:
        raise DescriptionError(f"encode: x_max must be from 1 to 255, got {x_max}")
    if x.size and x.max() > x_max:
        raise DescriptionError(f"encode: x must not exceed x_max = {x_max}, got {x.max()}")
    if n_ticks < 1:
        raise DescriptionError(f"encode: n_ticks must be at least 1, got {n_ticks}")


def _sorted(
    trial: NDArray[np.int64],
    tick: NDArray[np.int64],
    channel: NDArray[np.int64],
    x: NDArray[np.uint8],
    n_ticks: int,
) -> Events:
    """Events in their order, for channels that already ascend within a (trial, tick)."""
    order = np.argsort(trial * n_ticks + tick, kind="stable")
    return Events(
        trial=trial[order].astype(np.int64, copy=False),
        tick=tick[order].astype(np.int64, copy=False),
        channel=channel[order].astype(np.uint32),
        n_trials=len(x),
        n_ticks=n_ticks,
        n_channels=x.shape[1],
    )
