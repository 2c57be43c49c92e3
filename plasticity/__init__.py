"""Plasticity rules and the learners that run them; read :mod:`.naca` first.

What imports Numba, or is of use to continual learning only, loads on first use; editors and type checkers read the
imports under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .modulation.attention import Attention
from .modulation.expectation import Expectation, OneHotExpectation
from .modulation.firing import Firing
from .modulation.neuromodulator import Dopamine, Neuromodulator
from .modulation.receptor import D1, D1D2, Hill, KernelAmplitude, LinearReceptor, NacaReceptor
from .modulation.reward_prediction import RescorlaWagner, TemporalDifference
from .modulation.reward_rate import RewardRate
from .modulation.uncertainty import ContextUncertainty, Uncertainties
from .rules.bcm import BCM
from .rules.benna_fusi import BennaFusiSTDP
from .rules.cascade import CascadeSTDP
from .rules.centred_stdp import CentredSTDP
from .rules.clopath import ClopathSTDP
from .rules.corticostriatal import CorticostriatalSTDP
from .rules.dopamine_stdp import DopamineSTDP
from .rules.eprop import EProp, PseudoDerivative
from .rules.eprop_alif import EPropALIF
from .rules.gated_stdp import GatedSTDP
from .rules.hebb import Hebb
from .rules.naca import RULES, naca
from .rules.oja import Oja
from .rules.optimiser import SGD, Adam
from .rules.power_law import PowerLawSTDP
from .rules.power_stdp import PowerSTDP
from .rules.rate_hebb import RateHebb
from .rules.rstdp import RewardSTDP
from .rules.scaling import ScaledSTDP
from .rules.sequential import SequentialSTDP
from .rules.stdp import STDP
from .rules.surrogate import NearThreshold, Slope, StateDifference
from .rules.three_factor import (
    Anticipation,
    Backpropagated,
    ErrorDriven,
    ErrorModulated,
    Frozen,
    Homeostasis,
    Modulated,
)
from .rules.triplet import TripletSTDP
from .rules.tsodyks_markram import TsodyksMarkram
from .rules.two_trace import TwoTraceSTDP
from .rules.vogels import InhibitorySTDP

if TYPE_CHECKING:
    from .continual.accuracy_matrix import AccuracyMatrix
    from .continual.run import (
        ClassSplit,
        ContinualData,
        ContinualModel,
        ContinualResult,
        ContinualState,
        Evaluation,
        evaluation,
        run_continual,
    )
    from .continual.summed_ticks import SummedTicks, summed
    from .egdc.columns import ColumnParameters
    from .egdc.decorrelation import DecorrelatingReadOut
    from .egdc.egdc import EGDC, EGDCParameters
    from .egdc.in_engine import EGDCNetwork
    from .egdc.network import EGDCNetworkParameters, egdc_network
    from .egdc.whitened import WhitenedParameters
    from .learning.column_classifier import COLUMN_RULES, ColumnClassifier, ColumnClassifierParameters
    from .learning.dopamine_classifier import ABLATIONS, DopamineParameters, dopamine_network
    from .learning.learner import Learner
    from .learning.online import OnlineLearner
    from .learning.warmup import compile_rule
    from .learning.work import Work
    from .reference.gate import Gate
    from .reference.modulated_dropout import ModulatedDropoutNet
    from .reference.networks import ClosedForm, NetRecipe, ReferenceNet
    from .reference.published import PublishedNet, Recipe, published_recipe
    from .reference.random_features import Pixels, RandomReLU
    from .reference.workspace import WorkspaceNet
    from .registry import CONTINUAL_RULES, ContinualRule, Setting, continual_rule, make_model
    from .sbp.network import SelfBackpropagation, SelfBackpropagationParameters
    from .sbp.propagation import Propagation

__all__ = [
    "ABLATIONS",
    "BCM",
    "COLUMN_RULES",
    "CONTINUAL_RULES",
    "D1",
    "D1D2",
    "EGDC",
    "RULES",
    "SGD",
    "STDP",
    "AccuracyMatrix",
    "Adam",
    "Anticipation",
    "Attention",
    "Backpropagated",
    "BennaFusiSTDP",
    "CascadeSTDP",
    "CentredSTDP",
    "ClassSplit",
    "ClopathSTDP",
    "ClosedForm",
    "ColumnClassifier",
    "ColumnClassifierParameters",
    "ColumnParameters",
    "ContextUncertainty",
    "ContinualData",
    "ContinualModel",
    "ContinualResult",
    "ContinualRule",
    "ContinualState",
    "CorticostriatalSTDP",
    "DecorrelatingReadOut",
    "Dopamine",
    "DopamineParameters",
    "DopamineSTDP",
    "EGDCNetwork",
    "EGDCNetworkParameters",
    "EGDCParameters",
    "EProp",
    "EPropALIF",
    "ErrorDriven",
    "ErrorModulated",
    "Evaluation",
    "Expectation",
    "Firing",
    "Frozen",
    "Gate",
    "GatedSTDP",
    "Hebb",
    "Hill",
    "Homeostasis",
    "InhibitorySTDP",
    "KernelAmplitude",
    "Learner",
    "LinearReceptor",
    "Modulated",
    "ModulatedDropoutNet",
    "NacaReceptor",
    "NearThreshold",
    "NetRecipe",
    "Neuromodulator",
    "Oja",
    "OneHotExpectation",
    "OnlineLearner",
    "Pixels",
    "PowerLawSTDP",
    "PowerSTDP",
    "Propagation",
    "PseudoDerivative",
    "PublishedNet",
    "RandomReLU",
    "RateHebb",
    "Recipe",
    "ReferenceNet",
    "RescorlaWagner",
    "RewardRate",
    "RewardSTDP",
    "ScaledSTDP",
    "SelfBackpropagation",
    "SelfBackpropagationParameters",
    "SequentialSTDP",
    "Setting",
    "Slope",
    "StateDifference",
    "SummedTicks",
    "TemporalDifference",
    "TripletSTDP",
    "TsodyksMarkram",
    "TwoTraceSTDP",
    "Uncertainties",
    "WhitenedParameters",
    "Work",
    "WorkspaceNet",
    "compile_rule",
    "continual_rule",
    "dopamine_network",
    "egdc_network",
    "evaluation",
    "make_model",
    "naca",
    "published_recipe",
    "run_continual",
    "summed",
]

_HOMES = {
    "continual.accuracy_matrix": "AccuracyMatrix",
    "egdc.columns": "ColumnParameters",
    "registry": "CONTINUAL_RULES ContinualRule Setting continual_rule make_model",
    "egdc.decorrelation": "DecorrelatingReadOut",
    "egdc.egdc": "EGDC EGDCParameters",
    "egdc.in_engine": "EGDCNetwork",
    "egdc.network": "EGDCNetworkParameters egdc_network",
    "egdc.whitened": "WhitenedParameters",
    "reference.gate": "Gate",
    "learning.learner": "Learner",
    "learning.column_classifier": "COLUMN_RULES ColumnClassifier ColumnClassifierParameters",
    "learning.online": "OnlineLearner",
    "learning.work": "Work",
    "learning.dopamine_classifier": "ABLATIONS DopamineParameters dopamine_network",
    "continual.run": "ClassSplit ContinualData ContinualModel ContinualResult ContinualState Evaluation evaluation "
    "run_continual",
    "reference.published": "PublishedNet Recipe published_recipe",
    "reference.random_features": "Pixels RandomReLU",
    "reference.networks": "ClosedForm NetRecipe ReferenceNet",
    "reference.modulated_dropout": "ModulatedDropoutNet",
    "reference.workspace": "WorkspaceNet",
    "continual.summed_ticks": "SummedTicks summed",
    "sbp.network": "SelfBackpropagation SelfBackpropagationParameters",
    "sbp.propagation": "Propagation",
    "learning.warmup": "compile_rule",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
