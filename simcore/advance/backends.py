"""Where a network can run: the CPU, or a CUDA device if there is one and what the network needs is there."""

from __future__ import annotations

from ..describe import checks
from ..describe.network import Network
from ..errors import DescriptionError, DeviceError
from ..lower.grid import unbounded

BACKENDS = ("cpu", "cuda", "auto")
ARITHMETIC = ("float", "fixed")


def chosen_backend(backend: str, network: Network, arithmetic: str | None = None) -> str:
    """Return ``cpu`` or ``cuda``.

    Raises
    ------
    DescriptionError
        for an unknown name, and for what a device does not do yet
    DeviceError
        where a device is asked for and cannot be used
    """
    if wanted_backend(backend, network, arithmetic) == "cpu":
        return "cpu"
    check_device(backend)
    return "cuda" if has_device() else "cpu"


def wanted_backend(backend: str, network: Network, arithmetic: str | None = None) -> str:
    """Return what :func:`chosen_backend` does where there is a device; raise DescriptionError as that does."""
    if backend not in BACKENDS:
        raise DescriptionError(
            f"Simulation: backend must be one of {', '.join(BACKENDS)}, got {checks.shown(backend)}"
        )
    if backend == "cpu":
        return "cpu"
    refused = _refused(network, arithmetic)
    if refused and backend == "cuda":
        raise DescriptionError(refused)
    return "cpu" if refused else "cuda"


def check_device(backend: str) -> None:
    """Raise DeviceError where a device is asked for, and this machine has none that can be used."""
    from .cuda.available import missing

    if backend == "cuda" and (absent := missing()):
        raise DeviceError(f"backend='cuda': {absent}")


def has_device() -> bool:
    """Return whether this machine has a device that can be used."""
    from .cuda.available import missing

    return missing() is None


def chosen_arithmetic(arithmetic: str | None, backend: str, network: Network) -> str:
    """Return ``float`` or ``fixed``: where nothing is said, what the backend has."""
    if arithmetic is None:
        return "fixed" if backend == "cuda" else "float"
    if arithmetic not in ARITHMETIC:
        raise DescriptionError(
            f"Simulation: arithmetic must be one of {', '.join(ARITHMETIC)}, got {checks.shown(arithmetic)}"
        )
    if arithmetic == "fixed" and (boundless := unbounded(network)):
        raise DescriptionError(
            f"{boundless}, so that arithmetic='fixed' has no grid for them; bound them (w_max) or use 'float'"
        )
    return arithmetic


def _refused(network: Network, arithmetic: str | None) -> str | None:
    """Say what a CUDA device does not do yet, if a network needs it."""
    if arithmetic is None and (boundless := unbounded(network)):
        return f"{boundless}, so that a device has no grid for them; bound them (w_max) or use backend='cpu'"
    if arithmetic == "float":
        return (
            "Simulation: arithmetic='float' does not run on CUDA, whose sums are whole numbers; use 'fixed'"
        )
    return None
