"""Neuron models, one file each. Read :mod:`.lif` first; :mod:`.base` says what a model's file holds."""

from .adex import AdEx
from .adex_clopath import ClopathAdEx
from .alif import ALIF
from .base import NeuronModel, param
from .discrete import DiscreteLIF
from .graded import GradedUnit
from .hodgkin_huxley import HodgkinHuxley
from .integrate import deviation, runge_kutta
from .izhikevich import Izhikevich
from .lif import LIF
from .lif_alpha import LIFAlpha
from .lif_cond import LIFCond
from .lif_exp import LIFExp
from .lif_homeostatic import HomeostaticLIF
from .parrot import Parrot

__all__ = [
    "ALIF",
    "LIF",
    "AdEx",
    "ClopathAdEx",
    "DiscreteLIF",
    "GradedUnit",
    "HodgkinHuxley",
    "HomeostaticLIF",
    "Izhikevich",
    "LIFAlpha",
    "LIFCond",
    "LIFExp",
    "NeuronModel",
    "Parrot",
    "deviation",
    "param",
    "runge_kutta",
]
