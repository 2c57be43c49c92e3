r"""Runge-Kutta steps for a model that is given by its differential equations.

A model that has no closed form and needs no trick writes ``slope(s, c, i)``, the time derivative of each state
variable, instead of ``flow``. What it flows by is written here: with the current ``i`` held for the tick of length
``dt``, the classical step of order 4

.. math:: k_1 = f(s), \quad k_2 = f(s + \tfrac h2 k_1), \quad k_3 = f(s + \tfrac h2 k_2), \quad k_4 = f(s + h k_3),
          \quad s \leftarrow s + \tfrac h6 (k_1 + 2 k_2 + 2 k_3 + k_4)

``n`` times with :math:`h = dt / n`. Its error falls with :math:`h^4` where ``slope`` is smooth, and it is stable where
:math:`h` is below 2.7 times the fastest time constant; :func:`deviation` measures it.
E. Hairer, S. P. Norsett, G. Wanner (1993), Solving Ordinary Differential Equations I, section II.1,
doi:10.1007/978-3-540-78862-1.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DescriptionError

if TYPE_CHECKING:
    from .base import NeuronModel


@cache
def runge_kutta(state: Any, slope: Callable[..., Any], steps: int = 1) -> Callable[..., Any]:
    """Write ``flow(s, c, i)``: ``steps`` Runge-Kutta steps of order 4 that share the tick ``c.dt``.

    Parameters
    ----------
    state : type
        the model's ``State``
    slope : function
        ``slope(s, c, i)``, a ``State`` of derivatives [unit of the variable / ms]
    steps : int
        how many steps a tick is divided into

    Returns
    -------
    function
        plain Python on floats, as any other function of a model
    """

    def moved(by: str, k: str) -> str:
        return f"State({', '.join(f's.{f} + {by} * {k}.{f}' for f in state._fields)})"

    mean = "(k1.{0} + 2.0 * (k2.{0} + k3.{0}) + k4.{0}) / 6.0"
    text = "\n".join(
        [
            "def step(s, c, i, h):",
            "    half = 0.5 * h",
            "    k1 = slope(s, c, i)",
            f"    k2 = slope({moved('half', 'k1')}, c, i)",
            f"    k3 = slope({moved('half', 'k2')}, c, i)",
            f"    k4 = slope({moved('h', 'k3')}, c, i)",
            f"    return State({', '.join(f's.{f} + h * {mean.format(f)}' for f in state._fields)})",
            "",
            "",
            "def flow(s, c, i):",
            f"    h = c.dt / {float(steps)}",
            *["    s = step(s, c, i, h)"] * steps,
            "    return s",
            "",
        ]
    )
    # what the engine compiles is the source of functions: this one's stands where a debugger looks as well
    name = f"<{state.__module__}.{state.__qualname__}, {slope.__qualname__}: {steps} Runge-Kutta steps>"
    names: dict[str, Any] = {"State": state, "slope": slope, "__name__": slope.__module__}
    exec(compile(text, name, "exec"), names)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    flow: Callable[..., Any] = names["flow"]
    return flow


def deviation(
    model: NeuronModel, dt: float, ms: float, current: float | np.ndarray[Any, Any] = 0.0
) -> dict[str, float]:
    r"""Measure how far a model's steps stray from the solution of its equations, for one neuron without input spikes.

    From tick to tick the equations are solved anew, from the model's own initial state on, by an adaptive method of
    order 8 to a relative and absolute tolerance of 1e-10; spikes are found and reset at ticks in both. What is left is
    the error of the steps alone.

    Parameters
    ----------
    model : NeuronModel
        has ``slope``, and parameters that are numbers
    dt : float
        length of a tick [ms]
    ms : float
        time to compare [ms]
    current : float or array of float [ticks]
        injected current [pA], one number or one for each tick

    Returns
    -------
    dict of str to float
        state variable -> largest difference at any tick, in the variable's unit; infinite where the steps run away

    Raises
    ------
    DescriptionError
        where the model has no ``slope``, a parameter is not a number, or ``current`` has another number of ticks
    """
    from scipy.integrate import solve_ivp

    home = model.home()
    if not hasattr(home, "slope"):
        raise DescriptionError(
            f"{type(model).__name__}: has no slope, so there are no equations to compare with"
        )
    fault = model.problem() or model.check_tick(dt)
    if fault:
        raise DescriptionError(f"{type(model).__name__}: {fault}")
    constants, initial = model.derive(dt), model.initial()
    for value in (*constants, *initial):
        if np.ndim(value):
            raise DescriptionError(
                f"{type(model).__name__}: parameters must be numbers here: it is one neuron"
            )
    n = round(ms / dt)
    try:
        i = np.broadcast_to(np.asarray(current, np.float64), (n,)).tolist()
    except ValueError:
        raise DescriptionError(
            f"current must be one number or {n}, one a tick, got {np.size(current)}"
        ) from None
    c = home.Constants(*map(float, constants))
    ours = exact = home.State(*map(float, initial))
    worst = np.zeros(len(initial))
    for now in i:

        def right(_: float, y: np.ndarray[Any, Any], now: float = now) -> Any:
            return home.slope(home.State(*y.tolist()), c, now)

        try:
            ours = home.flow(ours, c, now)
        except (ArithmeticError, ValueError):  # the steps run away
            return dict.fromkeys(home.State._fields, math.inf)
        solved = solve_ivp(right, (0.0, dt), exact, method="DOP853", rtol=1e-10, atol=1e-10, t_eval=[dt])
        exact = home.State(*solved.y[:, -1].tolist())
        if home.threshold(ours, c):
            ours = home.reset(ours, c)
        if home.threshold(exact, c):
            exact = home.reset(exact, c)
        worst = np.maximum(worst, np.abs(np.subtract(ours, exact)))
    return dict(zip(home.State._fields, worst.tolist(), strict=True))
