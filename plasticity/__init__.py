"""Plasticity rules and the learner that runs them; read :mod:`.naca` first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dopamine_stdp import DopamineSTDP
from .expectation import Expectation
from .local_factor import Slope, StateDifference
from .naca import RULES, naca
from .neuromodulator import Dopamine, Neuromodulator
from .optimiser import SGD, Adam
from .power_stdp import PowerSTDP
from .receptor import D1, D1D2, Hill, LinearReceptor, NacaReceptor
from .rules import ErrorDriven, Frozen, Modulated
from .stdp import STDP

if TYPE_CHECKING:
    from .learner import Learner, Work
    from .warmup import compile_rule

__all__ = [
    "D1",
    "D1D2",
    "RULES",
    "SGD",
    "STDP",
    "Adam",
    "Dopamine",
    "DopamineSTDP",
    "ErrorDriven",
    "Expectation",
    "Frozen",
    "Hill",
    "Learner",
    "LinearReceptor",
    "Modulated",
    "NacaReceptor",
    "Neuromodulator",
    "PowerSTDP",
    "Slope",
    "StateDifference",
    "Work",
    "compile_rule",
    "naca",
]

_COMPILED = {"Learner": "learner", "Work": "learner", "compile_rule": "warmup"}  # these import numba


def __getattr__(name: str) -> Any:
    if name in _COMPILED:
        from importlib import import_module

        return getattr(import_module(f".{_COMPILED[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
