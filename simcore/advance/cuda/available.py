"""Whether a CUDA device can be used, and if not, what is missing."""

from __future__ import annotations

import importlib.util

from ...installed import install_line


def missing() -> str | None:
    """Say what is missing for a CUDA device to be used, and what to type; None where it can be."""
    from numba import config

    if config.ENABLE_CUDASIM:  # Numba's simulator needs neither driver nor device
        return None
    line = f"{install_line('cuda13')} (or {install_line('cuda12')} where the driver is older than 580)"
    if importlib.util.find_spec("numba_cuda") is None:
        return f"numba-cuda is not installed: {line}"
    from numba import cuda

    try:
        if cuda.is_available():
            return None
        cuda.detect()
    except Exception as error:  # whatever a driver says
        return f"no CUDA device can be used: {' '.join(str(error).split())}; `nvidia-smi` must list one"
    return f"no CUDA device or driver is found: `nvidia-smi` must list a device, and the toolkit must fit it: {line}"
