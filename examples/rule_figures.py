"""Figures of plasticity rules: each is run by the engine, drawn, and held against what is published or known exactly.

python examples/rule_figures.py                    # all of them, into the present folder
python examples/rule_figures.py window --out figures
"""

from __future__ import annotations

import argparse
import functools
import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # python does so by itself, but for python -P

from figures import hebbian, homeostasis, modulated, pairs, rewards, stationary
from figures.protocols import Made

FIGURES: dict[str, Callable[..., Made]] = {
    name: figure
    for family in (pairs, stationary, hebbian, homeostasis, modulated, rewards)
    for name, figure in family.FIGURES.items()
}


def described() -> str:
    """Return what each figure shows, its source and what is expected."""
    texts = (f"{name}\n{textwrap.indent(inspect.getdoc(f) or '', '    ')}" for name, f in FIGURES.items())
    return "\n\n".join(texts)


def main() -> None:
    """Draw the figures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=described(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="which of them; by default all")
    parser.add_argument(
        "--seconds", type=float, default=1_500.0, help="model time of ``bimodal`` for each rate"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the pictures")
    arguments = parser.parse_args()
    made = FIGURES | {"bimodal": functools.partial(FIGURES["bimodal"], arguments.seconds)}
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in arguments.figures or FIGURES:
        figure, text, good = made[name]()
        figure.savefig(arguments.out / f"{name}.png", dpi=120)
        print(f"{name}: {'as expected' if good else 'NOT as expected'}: {text}", flush=True)
        failed += [] if good else [name]
    if failed:
        raise SystemExit(f"not as expected: {', '.join(failed)}")


if __name__ == "__main__":
    main()
