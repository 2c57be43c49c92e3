"""A rule of windows as numbers: what reaches its neurons at the end of a window, and the functions that it binds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..rules.optimiser import SGD, Adam
from ..rules.surrogate import FactorConstants, state_difference
from ..rules.three_factor import ErrorDriven, Frozen, Modulated

Array = np.ndarray[Any, Any]


class Signal(NamedTuple):
    """What a rule tells the neurons of a layer.

    Attributes
    ----------
    levels, gains : float64 (n_classes, n_post), or (n_classes, 0) where no neuromodulator acts
        level in each neuron's subpopulation for each expected class, and what the receptor makes of it
    error_scale : float32
        factor on ``rate - expected``; 0 where gains are the signal
    every_tick : bool
        whether the signal comes at every tick or at the last alone
    """

    levels: Array
    gains: Array
    error_scale: Any
    every_tick: bool


def signal_of(
    rule: Any, n_post: int, index: int, n_classes: int, n_ticks: int, batch: int, seed: int
) -> Signal:
    """Lower a rule; ``index`` keeps a projection's table of levels apart."""
    levels = gains = np.zeros((n_classes, 0))
    error_scale, every_tick = np.float32(0), False
    if isinstance(rule, Modulated):
        levels = rule.modulator.levels(n_post, seed, index)
        gains = rule.receptor.gain(levels)
    elif isinstance(rule, ErrorDriven):
        every_tick = rule.every_tick
        error_scale = np.float32(2.0 / (n_ticks * batch * n_classes) if every_tick else 1.0)
    return Signal(levels, gains, error_scale, every_tick)


def optimiser_of(rule: Any) -> SGD | Adam:
    """Return a rule's optimiser; one that is never called for a rule that learns nothing."""
    return SGD() if isinstance(rule, Frozen) else rule.optimiser


def functions_of(model: Any, rule: Any) -> tuple[dict[str, Any], Any]:
    """Return what window kernels bind of a neuron model and a rule, and the constants of the local factor."""
    own = model.functions()
    functions: dict[str, Any] = {name: own[name] for name in ("State", "flow", "receive")}
    functions.update(model.window_functions())
    if isinstance(rule, Frozen):  # never called, but the kernel is compiled with something
        functions["local_factor"], factor = state_difference, FactorConstants(0.0)
    else:
        functions["local_factor"], factor = rule.local.function(model), rule.local.derive(model)
    functions["optimiser_step"] = optimiser_of(rule).function
    return functions, in_float32(factor)


def in_float32(constants: Any) -> Any:
    """Cast every field of a named tuple to float32."""
    return type(constants)(*map(np.float32, constants))
