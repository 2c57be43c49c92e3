"""The text that binds a model to the kernel templates: loads and stores of its state, picks of its constants.

What comes out for a LIF neuron can be read in :mod:`..advance.ticks.binding`.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from .text import lines, tuple_of


def binding(
    state: Any,
    constants: Any,
    n_inputs: int,
    varying: tuple[str, ...],
    current: bool,
    silent: Container[int] = (),
    zero: Container[str] = (),
) -> str:
    """Write loads, stores and picks for a model, as :mod:`.binding` shows them for a LIF neuron.

    Parameters
    ----------
    silent : numbers of receptors that nothing reaches
    zero : state variables that therefore stay 0, and are neither read nor written
    """
    n = len(constants._fields)
    where = {name: varying.index(name) for name in varying}
    kept = [f for f in state._fields if f not in zero]
    heard = [r for r in range(n_inputs) if r not in silent]

    return "\n\n".join(
        [
            lines(
                "window",
                "fields, trial, lo, hi",
                tuple_of("State", (f"fields.{f}[trial, lo:hi]" for f in state._fields)),
            ),
            lines(
                "load",
                "fields, i",
                tuple_of("State", (f"fields.{f}[i]" if f in kept else "real(0.0)" for f in state._fields)),
            ),
            lines("store", "fields, i, s", *(f"fields.{f}[i] = s.{f}" for f in kept)),
            lines(
                "peek",
                "fields, field, trial, i",
                *(f"if field == {k}: return fields.{f}[trial, i]" for k, f in enumerate(state._fields)),
                "return real(0.0)",
            ),
            lines(
                "prefetch_state",
                "fields, i",
                *(f"prefetch(fields.{f}, i)" for f in kept),
            ),
            lines(
                "gather",
                "table, arrays, p, lo, hi",
                tuple_of(
                    "Constants",
                    (
                        f"arrays[{where[f]}][lo:hi]" if f in where else f"table[p, {k}]"
                        for k, f in enumerate(constants._fields[:n])
                    ),
                ),
            ),
            lines(
                "pick",
                "c, i",
                tuple_of("Constants", (f"c.{f}[i]" if f in where else f"c.{f}" for f in constants._fields)),
            ),
            lines("inject", "current, i", "return current[i]" if current else "return real(0.0)"),
            lines(
                "rows",
                "inputs, lo, hi",
                f"return ({''.join(f'inputs[{r}, lo:hi], ' for r in range(n_inputs))})",
            ),
            lines(
                "take_input",
                "s, c, inputs, i",
                *(f"x{r} = inputs[{r}][i]" for r in heard),
                *(f"inputs[{r}][i] = real(0.0)" for r in heard),
                f"return receive(s, c, {', '.join(f'x{r}' if r in heard else 'real(0.0)' for r in range(n_inputs))})",
            ),
        ]
    )
