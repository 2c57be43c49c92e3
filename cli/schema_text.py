"""The schema of network files: as JSON Schema, and as a text to read."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from pydantic import BaseModel

_WIDTH = 100
_ANY = " or list of numbers or distribution"


def json_schema(model: type[BaseModel]) -> Any:
    """Return the JSON Schema of a table; JSON has no infinity, so such a default becomes text."""
    return _finite(model.model_json_schema())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def schema_text() -> str:
    """Return every table of a network file with its keys: type and range, unit, default, meaning."""
    from . import config

    sections: list[tuple[str, Any]] = [
        ("[simulation]", config.SimulationConfig),
        ("[populations.NAME]", config.PopulationConfig),
        ("[spike_trains.NAME]", config.SpikeTrainConfig),
        ("[modulators.NAME]", config.ModulatorConfig),
        ("[[modulators.NAME.releases]]", config.ReleaseConfig),
        ("[[modulators.NAME.given]]", config.GivenConfig),
        ("[modulators.NAME.baseline], instead of a number", config.CourseConfig),
        ("[[projections]]", config.ProjectionConfig),
        ("[[poisson]]", config.PoissonConfig),
        ("[[currents]]", config.CurrentConfig),
        ("[[noise]]", config.NoiseConfig),
        ("[record]", config.RecordConfig),
        ("[record.traces.NAME]", config.TraceConfig),
        ("[record.weights] and [record.eligibility]: PROJECTION = { every = ... }", config.SnapshotsConfig),
    ]
    lines = [
        "A network file is TOML. Its tables, each key with type and range, unit, default and meaning;",
        "tegmentum config schema --json prints the same as JSON Schema.",
    ]
    for title, table in sections:
        lines += ["", title, *_section(table)]
    each = "each parameter one number, a list with one for each neuron, or a distribution"
    kinds = [
        (f"Neuron models: model = {{ type = ... }}; {each}", config.MODELS),
        ("Connection rules: rule = { type = ... }", config.RULES),
        ("Plasticity rules: plasticity = { type = ... }", config.PLASTICITY),
        ("Rules of short-term plasticity: short_term = { type = ... }", config.SHORT_TERM),
        ("Receptors of neuromodulators: receptor = { type = ... }", config.RECEPTORS),
        ("Subpopulations of synapses: subpopulations = { type = ... }", config.SUBPOPULATIONS),
        ("Distributions, where one may stand: weight = { type = ... }", config.DISTRIBUTIONS),
    ]
    for title, tables in kinds:
        lines += ["", title, "=" * len(title)]
        for name, table in tables.items():
            lines += ["", name, *_section(table, understood=_ANY if tables is config.MODELS else "")]
    return "\n".join(lines)


def _section(table: type[BaseModel], understood: str = "") -> list[str]:
    """Return what a table stands for, and a line or more for each of its keys; what is understood is left out."""
    schema = table.model_json_schema()
    required = schema.get("required", [])
    lines = textwrap.wrap(
        schema.get("description", ""), _WIDTH - 2, initial_indent="  ", subsequent_indent="  "
    )
    keys = {name: part for name, part in schema.get("properties", {}).items() if "const" not in part}
    width = max((len(name) for name in keys), default=0)
    for name, part in keys.items():
        words = [_kind(part).replace(understood, "")]
        if "unit" in part:
            words[0] += f" [{part['unit']}]"
        words.append("required" if name in required else f"default {_shown(part.get('default'))}")
        if part.get("description"):
            words.append(part["description"])
        head = f"  {name:{width}}  "
        lines += textwrap.wrap(
            "; ".join(words), _WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
        )
    return lines


def _shown(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(part: dict[str, Any]) -> str:
    """Return the type of a key in words, with its range."""
    if "$ref" in part:
        from . import config

        name = part["$ref"].rpartition("/")[2]
        families = {"neuron model": config.MODELS, "connection rule": config.RULES,
                    "plasticity rule": config.PLASTICITY, "short-term rule": config.SHORT_TERM,
                    "receptor": config.RECEPTORS,
                    "subpopulations": config.SUBPOPULATIONS, "distribution": config.DISTRIBUTIONS}  # fmt: skip
        return next((family for family, tables in families.items() if name in tables), "table")
    options = part.get("oneOf") or part.get("anyOf")
    if options:
        kinds = dict.fromkeys(_kind(option) for option in options)
        return " or ".join(kind for kind in kinds if kind != "null")
    if "enum" in part:
        return " or ".join(map(repr, part["enum"]))
    if "const" in part:
        return repr(part["const"])
    kind = part.get("type", "anything")
    if kind == "array":
        n = f"{part['minItems']} " if part.get("minItems", 0) > 1 else ""
        inner = part.get("items", {})
        if "$ref" in inner:
            return "list of tables"
        return f"list of {n}{_kind({'type': inner.get('type')}).replace('number', 'numbers').replace('name', 'names')}"
    if kind == "object":
        return (
            f"table of {_kind(part['additionalProperties'])}" if "additionalProperties" in part else "table"
        )
    words = {"integer": "whole number", "boolean": "true or false", "string": "text"}.get(kind, kind)
    signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    bounds = [
        f"{sign} {part[key]:g}" for key, sign in signs.items() if key in part and abs(part[key]) < 2**31 - 1
    ]
    return " ".join([words, " and ".join(bounds)]).strip()
