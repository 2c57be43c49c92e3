r"""Propagators of synaptic currents into the membrane, smooth where a time constant equals ``tau_m``.

A current :math:`e^{-t/\tau}` adds in one tick :math:`\frac{h}{c_m} e^{-h/\tau_m} \varphi_1(x)` to the
potential, a current :math:`t\,e^{-t/\tau}` adds :math:`\frac{h^2}{c_m} e^{-h/\tau_m} \varphi_2(x)`, with
:math:`x = h (1/\tau_m - 1/\tau)`, :math:`\varphi_1 = \int_0^1 e^{xu} du` and :math:`\varphi_2 = \int_0^1 u
e^{xu} du`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_LEAST = -1e150  # where both functions are 0 to any precision, and squares still finite


def phi1(x: Any) -> Any:
    r""":math:`(e^x - 1) / x`, and 1 at 0."""
    x = np.maximum(np.asarray(x, dtype=np.float64), _LEAST)
    small = np.abs(x) < 1e-5
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 + x / 2.0 + x * x / 6.0, np.expm1(safe) / safe)[()]


def phi2(x: Any) -> Any:
    r""":math:`(e^x (x - 1) + 1) / x^2`, and 1/2 at 0."""
    x = np.maximum(np.asarray(x, dtype=np.float64), _LEAST)
    small = np.abs(x) < 0.02
    safe = np.where(small, 1.0, x)
    x = np.where(small, x, 0.0)
    series = 1 / 2 + x * (1 / 3 + x * (1 / 8 + x * (1 / 30 + x * (1 / 144 + x * (1 / 840 + x / 5760)))))
    return np.where(small, series, (np.exp(safe) * (safe - 1.0) + 1.0) / safe**2)[()]


def from_exponential(h: Any, tau: Any, tau_m: Any, c_m: Any) -> Any:
    """Return mV that 1 pA of an exponential current adds in a tick of ``h`` ms."""
    x = h / tau_m - h / tau
    # where the membrane is much faster than the current, exp(-h / tau_m) phi1(x) is 0 times infinity
    fast = x > 1.0
    slow_part = np.exp(-h / tau_m) * phi1(np.where(fast, 0.0, x))
    return h / c_m * np.where(fast, np.exp(-h / tau) * phi1(-np.where(fast, x, 0.0)), slow_part)[()]


def from_ramp(h: Any, tau: Any, tau_m: Any, c_m: Any) -> Any:
    """Return mV that 1 pA / ms of a current ``t exp(-t / tau)`` adds in a tick of ``h`` ms."""
    x = h / tau_m - h / tau
    fast = x > 1.0
    y = -np.where(fast, x, 0.0)
    slow_part = np.exp(-h / tau_m) * phi2(np.where(fast, 0.0, x))
    return h**2 / c_m * np.where(fast, np.exp(-h / tau) * (phi1(y) - phi2(y)), slow_part)[()]
