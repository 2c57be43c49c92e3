"""Which of the package's descriptions have run on a device: what a runner's networks and recordings are made of."""

from __future__ import annotations

from collections.abc import Mapping


def parts_of(thing, found=None, seen=None):
    """Return the names of the package's classes that a description is made of."""
    found, seen = (set(), {}) if found is None else (found, seen)
    if id(thing) in seen:
        return found
    seen[id(thing)] = thing  # kept, so that no other takes its number
    if isinstance(thing, Mapping):
        inner = [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple)):
        inner = list(thing)
    elif type(thing).__module__.startswith("tegmentum."):
        found.add(type(thing).__name__)
        inner = [*getattr(thing, "__dict__", {}).values(), *getattr(thing, "modulations", ())]
    else:
        return found
    for part in inner:
        parts_of(part, found, seen)
    return found


def noting(used):
    """Have ``used`` take the names of all that runs on a device from here on."""
    from tegmentum.simcore import Record, Simulation

    run, present = Simulation.run, Simulation.present

    def noted_present(self, events, labels=None, **options):
        if self.backend == "cuda":
            used.update(parts_of([self.network, options.get("record") or Record()]))
        return present(self, events, labels, **options)

    def noted(self, ms, record=None, **options):
        if self.backend == "cuda":
            used.update(parts_of([self.network, record or Record()]) | {"Simulation"})
        return run(self, ms, record, **options)

    Simulation.run, Simulation.present = noted, noted_present
