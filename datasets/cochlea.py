r"""A cochlea in miniature: sound to spikes of a row of nerve fibres, low frequencies first.

Band b is a gammatone filter of order 4 about :math:`f_b`, of the bandwidth that listeners have there (ERB),

.. math:: G_b(f) = \Bigl(1 + i\,\frac{f - f_b}{1.019\,\mathrm{ERB}(f_b)}\Bigr)^{-4}, \qquad
          \mathrm{ERB}(f) = 24.7\,(4.37 f / 1000 + 1)

with :math:`f_b` at even distances on the scale of ERBs. Its envelope :math:`a_b(t)`, with the sound's mean power set
to 1, is compressed and drives a neuron that integrates and fires:

.. math:: \dot V_b = r\,a_b^{\,c}, \qquad V_b > 1:\; \text{spike},\; V_b \leftarrow V_b - 1.

So :math:`\lfloor \int_0^t r a_b^c \rfloor` spikes have been fired by t, in closed form: a bundle of fibres of one
place, whose rates add up.

A :func:`cochleagram` counts the spikes of each band in bins of equal length from the sound's onset to its offset. That
takes out how fast a word was said; silence before and after it is left out.

Source: R. D. Patterson et al. (1992), Complex sounds and auditory images, Advances in the Biosciences 83:429-446; B. R.
Glasberg, B. C. J. Moore (1990), Derivation of auditory filter shapes from notched-noise data, Hear. Res. 47:103-138,
doi:10.1016/0378-5955(90)90170-T. The filter is the analytic one, without its envelope's fine structure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DescriptionError

_ORDER, _WIDTH = 4, 1.019
_FRAME_S = 0.005
_TAIL_S = 0.032  # silence that is added, for the filters to ring out in


@dataclass(frozen=True)
class Cochlea:
    """Parameters of the cochlea, and of the picture of its spikes.

    Parameters
    ----------
    n_bands : int
        B, rows of the picture
    lowest, highest : float
        Centre frequencies of the first and the last band, Hz.
    compression : float
        c, exponent of the envelope.
    rate : float
        r, spikes/s of a band at an envelope of 1.
    n_bins : int
        Bins of time, columns of the picture.
    onset : float
        The word is where the power of all bands together, in frames of 5 ms, exceeds this share of its 95th percentile.
    """

    n_bands: int = 24
    lowest: float = 100.0
    highest: float = 3_600.0
    compression: float = 0.3
    rate: float = 8_000.0
    n_bins: int = 40
    onset: float = 0.005

    def __post_init__(self) -> None:
        for name in ("n_bands", "n_bins"):
            if getattr(self, name) < 1:
                raise DescriptionError(f"Cochlea: {name} must be at least 1, got {getattr(self, name)}")
        for name in ("compression", "rate"):
            if not getattr(self, name) > 0:
                raise DescriptionError(f"Cochlea: {name} must be > 0, got {getattr(self, name)}")
        if not 0 < self.lowest <= self.highest:
            raise DescriptionError(
                f"Cochlea: lowest must be > 0 and at most highest, {self.highest} Hz, got {self.lowest} Hz"
            )
        if not 0 <= self.onset < 1:
            raise DescriptionError(f"Cochlea: onset must be from 0 to below 1, got {self.onset}")

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Centre frequencies, Hz, at even distances on the scale of ERBs."""
        first, last = 21.4 * np.log10(1 + 0.00437 * np.array([self.lowest, self.highest]))
        scale = np.linspace(float(first), float(last), self.n_bands)
        return np.asarray((10 ** (scale / 21.4) - 1) / 0.00437)


def envelopes(sound: NDArray[np.float64], sampling: int, p: Cochlea) -> NDArray[np.float64]:
    """Envelope of each band, shape (n_bands, len(sound) and a tail); the sound's mean power is set to 1.

    Raises
    ------
    DescriptionError
        If the sound is empty, silent or not finite, or half its sampling rate does not exceed the highest band.
    """
    if sound.ndim != 1 or not len(sound) or not np.isfinite(sound).all() or not sound.any():
        raise DescriptionError("Cochlea: sound must be one channel of finite samples that are not all 0")
    if not sampling > 2 * p.highest:
        raise DescriptionError(
            f"Cochlea: highest must be below half the sampling rate of {sampling} Hz, got {p.highest} Hz"
        )
    n = len(sound) + int(_TAIL_S * sampling)
    length = 1 << (n - 1).bit_length()
    spectrum = np.fft.rfft(sound / np.sqrt(np.mean(np.square(sound))), length)
    f, centre = np.arange(len(spectrum)) * sampling / length, p.frequencies[:, None]
    erb = 24.7 * (4.37 * centre / 1000 + 1)
    analytic = np.zeros((p.n_bands, length), np.complex128)
    analytic[:, : len(spectrum)] = 2 * spectrum * (1 + 1j * (f - centre) / (_WIDTH * erb)) ** -_ORDER
    return np.abs(np.fft.ifft(analytic, axis=1))[:, :n]


def spikes(
    sound: NDArray[np.float64], sampling: int, p: Cochlea | None = None
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """Spikes of a sound: times in ms, ascending, and bands, for a :class:`~tegmentum.simcore.SpikeTrain`.

    A spike's time is the end of the sample in which the neuron's threshold is reached. Errors are those of
    :func:`envelopes`.
    """
    p = p or Cochlea()
    fired = _fired(envelopes(sound, sampling, p), sampling, p)
    number = np.diff(fired, axis=1)
    at, band = np.nonzero(number.T)
    many = number.T[at, band]
    return np.repeat((at + 1) * 1000.0 / sampling, many), np.repeat(band, many).astype(np.uint32)


def cochleagram(sound: NDArray[np.float64], sampling: int, p: Cochlea | None = None) -> NDArray[np.uint8]:
    """Spikes of each band in each bin of the word, uint8 (n_bands, n_bins), 255 at most.

    Errors are those of :func:`envelopes`.
    """
    p = p or Cochlea()
    envelope = envelopes(sound, sampling, p)
    frame = max(1, round(_FRAME_S * sampling))
    n_frames = -(-envelope.shape[1] // frame)
    power = np.zeros(n_frames * frame)
    power[: envelope.shape[1]] = np.square(envelope).sum(axis=0)
    power = power.reshape(n_frames, frame).sum(axis=1)
    heard = np.flatnonzero(power > p.onset * np.percentile(power, 95))
    first, end = heard[0] * frame, min((heard[-1] + 1) * frame, envelope.shape[1])
    edges = np.rint(np.linspace(first, end, p.n_bins + 1)).astype(np.int64)
    counts = np.diff(_fired(envelope, sampling, p)[:, edges], axis=1)
    return np.minimum(counts, 255).astype(np.uint8)


def _fired(envelope: NDArray[np.float64], sampling: int, p: Cochlea) -> NDArray[np.int64]:
    """Spikes fired up to before each sample, and in all: int64 (n_bands, samples + 1)."""
    driven = np.zeros((len(envelope), envelope.shape[1] + 1))
    np.cumsum(envelope**p.compression * (p.rate / sampling), axis=1, out=driven[:, 1:])
    return np.floor(driven).astype(np.int64)
