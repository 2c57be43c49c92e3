"""The text that binds a model to the kernels for CUDA, as :mod:`..advance.cuda.binding` shows it for a LIF neuron."""

from __future__ import annotations

from typing import Any

from .text import lines, tuple_of


def device_binding(state: Any, constants: Any, n_inputs: int, varying: tuple[str, ...], current: bool) -> str:
    """Write loads, stores and picks of a model whose state is one array, by field, trial and neuron."""
    fields = state._fields
    picks = (
        f"group.arrays[{varying.index(f)}, i]" if f in varying else f"group.table[p, {k}]"
        for k, f in enumerate(constants._fields)
    )
    places = [f"ring[trial, bucket, {r} * n_slots + slot]" for r in range(n_inputs)]
    return "\n\n".join(
        [
            lines(
                "load",
                "state, trial, i",
                tuple_of("State", (f"state[{k}, trial, i]" for k in range(len(fields)))),
            ),
            lines(
                "store",
                "state, trial, i, s",
                *(f"state[{k}, trial, i] = s.{f}" for k, f in enumerate(fields)),
            ),
            lines("peek", "state, field, trial, i", "return state[field, trial, i]"),
            lines("pick", "group, p, i", tuple_of("Constants", picks)),
            lines(
                "inject",
                "current, trial, slot",
                f"return {'current[trial, slot]' if current else 'real(0.0)'}",
            ),
            lines(
                "take_input",
                "s, c, ring, trial, bucket, slot, n_slots, quantum, p",
                *(f"x{r} = real({place}) * quantum[p, {r}]" for r, place in enumerate(places)),
                *(f"{place} = 0" for place in places),
                f"return receive(s, c, {', '.join(f'x{r}' for r in range(n_inputs))})",
            ),
        ]
    )
