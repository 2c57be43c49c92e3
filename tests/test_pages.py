"""The page of each plasticity rule says what its docstring says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_pages_are_those_of_the_docstrings():
    spec = importlib.util.spec_from_file_location("make_pages", DOCS / "make_pages.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    pages = maker.pages()
    assert len(pages) >= 19
    assert {path.name for path in (DOCS / "rules").iterdir()} == {path.name for path in pages}
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/make_pages.py"
    index = (DOCS / "rules.md").read_text(encoding="utf-8")
    assert all(f"](rules/{path.name})" in index for path in pages)
