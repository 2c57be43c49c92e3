"""Write a page for each plasticity rule and neuron model: ``python docs/make_pages.py``; the pages are checked in.

Equations come from the module, parameters, notes and sources from the class, figures from ``docs/images``, what is
expected of them from ``examples/figures``.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from pathlib import Path

import tegmentum.plasticity as plasticity
import tegmentum.simcore as simcore
from tegmentum.simcore import NeuronModel, ShortTermRule, SynapseRule

HERE = Path(__file__).parent
FIGURES = {
    "STDP": ("rules/window.png", "rules/bimodal.png"),
    "TripletSTDP": ("rules/triplet.png",),
    "InhibitorySTDP": ("rules/balance.png",),
    "TwoTraceSTDP": ("rules/traces.png",),
    "TsodyksMarkram": ("short-term.png",),
    "DopamineSTDP": ("learning-pair.png",),
    "CorticostriatalSTDP": ("rules/d1-d2.png",),
    "SequentialSTDP": ("rules/moved.png",),
    "ClopathSTDP": ("rules/pairing.png",),
    "BennaFusiSTDP": ("rules/consolidation.png",),
    "CascadeSTDP": ("rules/cascade.png",),
    "ScaledSTDP": ("rules/scaling.png",),
    "EProp": ("rules/e-prop.png",),
    "EPropALIF": ("rules/adaptive.png",),
    "RewardSTDP": ("rules/reward.png",),
    "RateHebb": ("rules/counts.png",),
    "GatedSTDP": ("rules/gates.png",),
    "BCM": ("rules/bcm.png",),
    "Oja": ("rules/oja.png",),
    "Hebb": ("rules/hebb.png",),
    "PowerLawSTDP": ("rules/power-law.png",),
    "PowerSTDP": ("rules/powers.png",),
    "CentredSTDP": ("rules/centred.png",),
}


def rules() -> list[type]:
    """Return all rules of spike timing, by name."""
    found = (getattr(plasticity, name) for name in plasticity.__all__)
    return sorted(
        (c for c in found if inspect.isclass(c) and issubclass(c, (SynapseRule, ShortTermRule))),
        key=lambda c: str(c.__name__),
    )


def models() -> list[type]:
    """Return all neuron models, by name."""
    found = (getattr(simcore, name) for name in simcore.__all__)
    return sorted(
        (c for c in found if inspect.isclass(c) and issubclass(c, NeuronModel) and c is not NeuronModel),
        key=lambda c: str(c.__name__),
    )


@functools.cache
def expected() -> dict[str, str]:
    """Return what the figures of ``examples/rule_figures.py`` show and are held against, by name."""
    found = {}
    for file in (HERE.parent / "examples" / "figures").glob("*.py"):
        for part in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(part, ast.FunctionDef):
                found[part.name.replace("_", "-")] = ast.get_docstring(part) or ""
    return found


def markdown(text: str) -> str:
    """Turn a docstring's markup into that of Markdown."""
    text = re.sub(
        r"^\.\. math::(.*(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t]+\S)))*)",
        lambda m: "```math\n" + inspect.cleandoc("\n" + m[1].lstrip(" ")).strip() + "\n```",
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(r":math:`([^`]*)`", r"$\1$", text)
    text = re.sub(r":\w+:`[.~]*(?:[\w.]*\.)?([\w]+)`", r"`\1`", text)
    text = re.sub(r"doi:(10\.[^\s,;)]*[^\s,;).])", r"[doi:\1](https://doi.org/\1)", text)
    return re.sub(r"(?<!`)``(?!`)", "`", text)


def parameters(text: str) -> str:
    """Turn the section on parameters into a table."""
    rows = re.findall(r"^(\w[^\n]*?) : ([^\n]*)\n((?:    [^\n]*\n?)*)", text, flags=re.MULTILINE)
    table = ["| parameter | unit or type, default | |", "|---|---|---|"]
    for name, kind, meaning in rows:
        cells = (name, kind, " ".join(meaning.split()))
        table.append("| " + " | ".join(markdown(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(table)


def page(thing: type, index: str) -> str:
    """Return the page of a rule or a model; ``index`` is the page that lists all."""
    module = inspect.getdoc(sys.modules[thing.__module__]) or ""
    own = inspect.getdoc(thing) or ""
    parts = re.split(r"^(Parameters|Notes)\n-+\n", own, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    out = [f"# {thing.__name__}", markdown(parts[0].strip()), markdown(module.strip())]
    for figure in FIGURES.get(thing.__name__, ()):
        out.append(f"![{thing.__name__}](../images/{figure})")
        name = Path(figure).stem
        if name in expected():
            out.append(f"`examples/rule_figures.py {name}`: {markdown(expected()[name])}")
    if "Parameters" in sections:
        out.append("## Parameters\n\n" + parameters(sections["Parameters"]))
    if "Notes" in sections:
        out.append("## Notes\n\n" + markdown(sections["Notes"].strip()))
    source = thing.__module__.removeprefix("tegmentum.").replace(".", "/")
    out.append(
        f"Source: [`{source}.py`](../../{source}.py). Made by `docs/make_pages.py`; all: [{index}](../{index})."
    )
    return "\n\n".join(out) + "\n"


def pages() -> dict[Path, str]:
    """Return the text of every page, by its file."""
    made = {HERE / "rules" / f"{rule.__name__}.md": page(rule, "rules.md") for rule in rules()}
    return made | {HERE / "models" / f"{model.__name__}.md": page(model, "models.md") for model in models()}


def main() -> None:
    """Write them."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
