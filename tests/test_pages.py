"""The pages of plasticity rules and of neuron models say what the docstrings say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tegmentum.cli.rule_costs import rules as costs

DOCS = Path(__file__).parent.parent / "docs"


def test_pages_are_those_of_the_docstrings():
    spec = importlib.util.spec_from_file_location("make_pages", DOCS / "make_pages.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    pages = maker.pages()
    assert {path for kind in ("rules", "models") for path in (DOCS / kind).iterdir()} == set(pages)
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/make_pages.py"
    names = {rule.__name__ for rule in maker.rules()}
    assert set(maker.FIGURES) == names
    assert names <= costs().keys()  # of `tegmentum bench rules`
    for kind in ("rules", "models"):
        index = (DOCS / f"{kind}.md").read_text(encoding="utf-8")
        listed = [path.name for path in pages if path.parent.name == kind]
        assert len(listed) > 9
        assert all(f"]({kind}/{name})" in index for name in listed)
