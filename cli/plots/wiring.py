"""Who projects to whom, how often, how strongly and how late: as a run's network is described, and was recorded.

Where all synapses of a projection were recorded, numbers are theirs, at the first snapshot; else they are what the
description says on average.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tegmentum.simcore import neurons
from tegmentum.simcore.describe.connectivity import (
    Constant,
    Distribution,
    Lognormal,
    Mirrored,
    Normal,
    Uniform,
)
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.manifest import read_manifest
from tegmentum.simcore.record.replay import frames, variable_of

from .source import is_sample, recorded, unit_of

_PARTS = (np.arange(2000) + 0.5) / 2000  # of a distribution, for its mean
_DISTRIBUTIONS = {cls.__name__: cls for cls in (Constant, Normal, Lognormal, Uniform)}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Link:
    """A projection.

    Attributes
    ----------
    name, pre, post
        Its own, and those of the populations; without a description of the network their sizes.
    n_synapses, in_degree
        How many, and how many on average for a post neuron; None where a rule's description does not tell.
    weight, unit
        Mean, None where it is not known; "" where the unit is not.
    delay
        The least and the greatest, ms.
    sign
        Of its weights; 0 where it is not known.
    plastic, counted
        Whether it learns; whether the numbers are those of its recorded synapses.
    """

    name: str
    pre: str
    post: str
    n_synapses: float | None
    in_degree: float | None
    weight: float | None
    unit: str
    delay: tuple[float, float] | None
    sign: int
    plastic: bool
    counted: bool = False


def wiring(store: Path | str) -> tuple[dict[str, int], list[Link], dict[str, Any]]:
    """Return the sizes of populations, the projections, and the groups of those whose weights were recorded.

    Sizes are empty where the store describes no network. Raises StoreError if it holds neither.
    """
    network = read_manifest(store)["config"].get("network")
    try:
        groups = recorded(store, "weights", [])
    except StoreError:
        if not isinstance(network, dict):
            raise
        groups = {}
    if not isinstance(network, dict):
        return {}, [_counted(name, group) for name, group in groups.items()], groups
    sizes = {name: int(node["size"]) for part in ("populations", "spike_trains")
             for name, node in network.get(part, {}).items()}  # fmt: skip
    models = {name: node.get("model") for name, node in network.get("populations", {}).items()}
    told = network.get("projections", {})
    links = [_link(name, entry, sizes, models, groups.get(name)) for name, entry in told.items()]
    return sizes, links, groups


def in_degrees(group: Any) -> Any:
    """Count the recorded synapses of each post neuron."""
    degrees = np.zeros(max(1, int(group.attrs["n_post"])), np.int64)
    post = group["post"]
    for begin in range(0, post.shape[0], _BLOCK):
        degrees += np.bincount(post[begin : begin + _BLOCK], minlength=len(degrees))
    return degrees


def _link(
    name: str, entry: dict[str, Any], sizes: dict[str, int], models: dict[str, Any], group: Any
) -> Link:
    pre, post = str(entry["pre"]), str(entry["post"])
    sign, plastic = _sign(entry.get("weight")), entry.get("plasticity") is not None
    if group is not None and not is_sample(group):
        found = _counted(name, group)
        return Link(
            **{**found.__dict__, "pre": pre, "post": post, "sign": sign or found.sign, "plastic": plastic}
        )
    count = _synapses(entry.get("rule"), sizes.get(pre, 0), sizes.get(post, 0), pre == post)
    degree = None if count is None else count / max(1, sizes.get(post, 0))
    weights, delays = _values(entry.get("weight")), _values(entry.get("delay"))
    mean = None if weights is None else float(np.mean(weights))
    late = None if delays is None else (float(np.min(delays)), float(np.max(delays)))
    unit = (
        _unit(models.get(post), entry.get("receptor"))
        if group is None
        else unit_of(group[variable_of(group)])
    )
    return Link(name, pre, post, count, degree, mean, unit, late, sign, plastic)


def _counted(name: str, group: Any) -> Link:
    """Return a projection as its recorded synapses are."""
    n, n_pre, n_post = (int(group.attrs[name]) for name in ("n_synapses", "n_pre", "n_post"))
    first = next(frames(group, [0]), np.zeros(0)) if group[variable_of(group)].shape[0] else np.zeros(0)
    known = first[np.isfinite(first)]
    late = None
    if "delay" in group and n:
        unit = float(group.attrs.get("tick_ms", 1.0)) if group["delay"].attrs.get("units") == "tick" else 1.0
        delays = group["delay"][:]
        late = float(delays.min() * unit), float(delays.max() * unit)
    signs = set(np.sign(known).astype(int).tolist()) - {0}
    return Link(
        name, f"{n_pre:,} neurons", f"{n_post:,} neurons", n, n / max(1, n_post),
        float(known.mean()) if len(known) else None, unit_of(group[variable_of(group)]), late,
        signs.pop() if len(signs) == 1 else 0, True, True,
    )  # fmt: skip


def _unit(model: Any, receptor: Any) -> str:
    """Return the unit of weights at a receptor of a described model, "" where it is not known."""
    found = getattr(neurons, str(model.get("type")), None) if isinstance(model, dict) else None
    if not isinstance(found, type) or not issubclass(found, neurons.NeuronModel):
        return ""
    if found.conductances:
        return "nS"
    unit = found.unit("v" if receptor == "v" else f"i_{receptor}")
    return "" if unit == "1" else unit


def _values(told: Any) -> Any:
    """Return values that stand for a described number, list or distribution; None where it is not told."""
    if isinstance(told, (int, float)):
        return np.array([told], float)
    if isinstance(told, list):
        return np.asarray(told, float) if told else None
    found = _distribution(told)
    if found is None:
        return None
    low, high = found.bounds()
    return np.concatenate([[low], found.quantile(_PARTS), [high]])


def _distribution(told: Any) -> Distribution | None:
    if not isinstance(told, dict):
        return None
    kind, parts = told.get("type", "Constant"), {key: value for key, value in told.items() if key != "type"}
    if kind == "Mirrored":
        of = _distribution(parts.get("of"))
        return None if of is None else Mirrored(of)
    try:
        numbers: dict[str, Any] = {
            key: value if key == "outside" else float(value) for key, value in parts.items()
        }
        found: Distribution = _DISTRIBUTIONS[kind](**numbers)
    except (KeyError, TypeError, ValueError):
        return None
    return found if found.check() is None else None


def _synapses(rule: Any, n_pre: int, n_post: int, same: bool) -> float | None:
    """Return how many synapses a rule makes, on average; None where its description does not tell."""
    rule = rule if isinstance(rule, dict) else {}
    kind = rule.get("type")
    if kind == "AllToAll":
        return float(n_pre * n_post - (n_pre if same and not rule.get("autapses", True) else 0))
    if kind == "OneToOne":
        return float(n_pre)
    if kind == "FixedProbability":
        return float(rule["p"]) * n_pre * n_post
    if kind == "FixedIndegree":
        return float(rule["k"]) * n_post
    if kind == "FixedOutdegree":
        return float(rule["k"]) * n_pre
    if kind == "FixedTotal":
        return float(rule["n"])
    return _length(rule.get("pre"))


def _length(told: Any) -> float | None:
    """Return how many numbers a described list has."""
    if isinstance(told, list):
        return float(len(told))
    found = re.match(r"array of shape \((\d+),\)|(\d+) values", told) if isinstance(told, str) else None
    return float(found[1] or found[2]) if found else None


def _sign(weight: Any) -> int:
    """Return the sign of described weights, 0 where it is not known."""
    if isinstance(weight, dict):
        if weight.get("type") == "Mirrored":
            return -_sign(weight.get("of"))
        if weight.get("type") == "Lognormal":
            return 1
        known = [weight[key] for key in ("value", "mean", "low", "high") if key in weight]
        weight = [w for w in known if isinstance(w, (int, float))]
        weight = weight[:1] if "value" in known or len(known) > 2 else weight
    values = np.asarray(weight if isinstance(weight, (list, int, float)) else 0, float).ravel()
    if not len(values) or (not (values >= 0).all() and not (values <= 0).all()):
        return 0
    return int(np.sign(values.sum()))
