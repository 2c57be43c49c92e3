"""Lowering of sources that watch membrane potentials for a CUDA device, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .arrays import ModelGroup, Watched
from .device import DeviceGroup
from .plan import Plan
from .watch import watches_of

Array = np.ndarray[Any, Any]


class DeviceWatch(NamedTuple):
    """Neurons whose potentials set levels, on a device; names are those of :class:`.Watched`."""

    ends: Any  # three int: first source, first slot and count of the population
    membrane: Any  # real[n], potentials, a view
    moving: Any  # real[n], what is taken from them, a view, else 0
    seen: Any  # real[n]
    peak: Any  # real
    past: Any  # real[n_past or 1, n], of the tick t at (t - 1) % n_past
    n_past: Any  # int
    fields: Any  # the source's State of real[n]
    constants: Any  # the source's Constants
    level: Any  # float64[1, n]


def watched_on_device(
    p: Plan,
    watched: tuple[Watched, ...],
    groups: tuple[ModelGroup, ...],
    there: tuple[DeviceGroup, ...],
    tick: int,
    send: Callable[[Array], Any],
) -> tuple[DeviceWatch, ...]:
    """Return what watches as a device keeps it at ``tick``; ``there`` are the model groups on the device."""
    out = []
    for w, (_, modulator) in zip(watched, watches_of(p.network), strict=True):
        place, first_source, _ = (int(n) for n in w.ends)
        for group, sent in zip(groups, there, strict=True):
            for population, slot, count, _, first in group.part:
                if population == place:
                    ends = first_source, int(slot), int(count)
                    fields, mine = group.fields._fields, slice(int(first), int(first + count))
                    membrane, moving = sent.state[fields.index("v"), 0, mine], 0
                    if modulator.watch is not None and modulator.watch.moving is not None:
                        moving = sent.state[fields.index(modulator.watch.moving), 0, mine]
        n_past = len(w.past)
        past = np.roll(w.past, tick % n_past - w.place[0], axis=0) if n_past else w.past
        out.append(
            DeviceWatch(
                ends=ends,
                membrane=membrane,
                moving=moving,
                seen=send(w.seen),
                peak=w.peak[0],
                past=send(past),
                n_past=n_past,
                fields=type(w.fields)(*(send(values) for values in w.fields)),
                constants=w.constants,
                level=send(w.level[np.newaxis]),
            )
        )
    return tuple(out)


def take_watched(watched: tuple[Watched, ...], there: tuple[DeviceWatch, ...], tick: int) -> None:
    """Take back what a device has at ``tick``."""
    for w, found in zip(watched, there, strict=True):
        for values, own in zip(w.fields, found.fields, strict=True):
            values[:] = own.copy_to_host()
        w.level[:] = found.level.copy_to_host()[0]
        if len(w.past):
            w.past[:] = found.past.copy_to_host()
            w.place[0] = tick % len(w.past)
