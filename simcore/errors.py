"""The errors users see; each names an object, a field, a value and what to do.

Every class also subclasses the builtin that a caller would expect, so ``except ValueError`` works. The command
line maps each class to one exit code, in :mod:`tegmentum.cli.main`.
"""

from __future__ import annotations


class TegmentumError(Exception):
    """Base class of all errors raised on purpose."""


class DescriptionError(TegmentumError, ValueError):
    """A network, a parameter or a configuration that cannot be simulated."""


class DataError(TegmentumError, ValueError):
    """A data set that is missing, truncated, corrupt or of the wrong shape."""


class StoreError(TegmentumError, OSError):
    """A run store that cannot be read, or that must not be overwritten."""


class SimulationError(TegmentumError, RuntimeError):
    """A run that stopped itself: NaN, runaway activity or an overflowing accumulator."""


class DeviceError(TegmentumError, RuntimeError):
    """A CUDA device that was asked for and cannot be used; the message says what is missing."""
