"""Neuron models, one file each. Read :mod:`.lif` first; :mod:`.base` says what a model's file holds."""

from .base import NeuronModel, param
from .discrete import DiscreteLIF
from .graded import GradedUnit
from .lif import LIF
from .parrot import Parrot

__all__ = ["LIF", "DiscreteLIF", "GradedUnit", "NeuronModel", "Parrot", "param"]
