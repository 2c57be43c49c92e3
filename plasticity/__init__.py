"""Plasticity rules and the learners that run them; read :mod:`.naca` first.

What imports Numba, or is of use to continual learning only, loads on first use; editors and type checkers read the
imports under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .dopamine_stdp import DopamineSTDP
from .expectation import Expectation, OneHotExpectation
from .local_factor import Slope, StateDifference
from .naca import RULES, naca
from .neuromodulator import Dopamine, Neuromodulator
from .optimiser import SGD, Adam
from .power_stdp import PowerSTDP
from .receptor import D1, D1D2, Hill, LinearReceptor, NacaReceptor
from .rules import ErrorDriven, Frozen, Modulated
from .stdp import STDP

if TYPE_CHECKING:
    from .accuracy_matrix import AccuracyMatrix
    from .columns import ColumnParameters
    from .continual_rules import CONTINUAL_RULES, ContinualRule, Setting, continual_rule, make_model
    from .decorrelation import DecorrelatingReadOut
    from .egdc import EGDC, EGDCParameters
    from .gate import Gate
    from .learner import Learner, Work
    from .protocol import (
        ClassSplit,
        ContinualData,
        ContinualModel,
        ContinualResult,
        Evaluation,
        evaluation,
        run_continual,
    )
    from .published import PublishedNet, Recipe, published_recipe
    from .random_features import Pixels, RandomReLU
    from .references import ClosedForm, NetRecipe, ReferenceNet
    from .summed_ticks import SummedTicks, summed
    from .warmup import compile_rule

__all__ = [
    "CONTINUAL_RULES",
    "D1",
    "D1D2",
    "EGDC",
    "RULES",
    "SGD",
    "STDP",
    "AccuracyMatrix",
    "Adam",
    "ClassSplit",
    "ClosedForm",
    "ColumnParameters",
    "ContinualData",
    "ContinualModel",
    "ContinualResult",
    "ContinualRule",
    "DecorrelatingReadOut",
    "Dopamine",
    "DopamineSTDP",
    "EGDCParameters",
    "ErrorDriven",
    "Evaluation",
    "Expectation",
    "Frozen",
    "Gate",
    "Hill",
    "Learner",
    "LinearReceptor",
    "Modulated",
    "NacaReceptor",
    "NetRecipe",
    "Neuromodulator",
    "OneHotExpectation",
    "Pixels",
    "PowerSTDP",
    "PublishedNet",
    "RandomReLU",
    "Recipe",
    "ReferenceNet",
    "Setting",
    "Slope",
    "StateDifference",
    "SummedTicks",
    "Work",
    "compile_rule",
    "continual_rule",
    "evaluation",
    "make_model",
    "naca",
    "published_recipe",
    "run_continual",
    "summed",
]

_HOMES = {
    "accuracy_matrix": "AccuracyMatrix",
    "columns": "ColumnParameters",
    "continual_rules": "CONTINUAL_RULES ContinualRule Setting continual_rule make_model",
    "decorrelation": "DecorrelatingReadOut",
    "egdc": "EGDC EGDCParameters",
    "gate": "Gate",
    "learner": "Learner Work",
    "protocol": "ClassSplit ContinualData ContinualModel ContinualResult Evaluation evaluation run_continual",
    "published": "PublishedNet Recipe published_recipe",
    "random_features": "Pixels RandomReLU",
    "references": "ClosedForm NetRecipe ReferenceNet",
    "summed_ticks": "SummedTicks summed",
    "warmup": "compile_rule",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
