"""The documentation site: ``sphinx-build -W docs site``."""

from __future__ import annotations

import datetime

from sphinx.application import Sphinx

import tegmentum

project = "Tegmentum"
author = "The Tegmentum developers"
copyright = f"{datetime.date.today().year}, {author}"
version = release = tegmentum.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["requirements.txt"]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3
suppress_warnings = [
    "myst.xref_missing",  # links to files of the repository beside this folder
    "ref.python",  # names of parameters that several classes have
]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"Tegmentum {version.partition('+')[0]}"
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"


def command_line(app: Sphinx, docname: str, source: list[str]) -> None:
    """Append what ``--help`` says to the page of the command line."""
    if docname != "command":
        return
    import typer
    from typer.cli import get_docs_for_click

    from tegmentum.cli.app import app as program

    command = typer.main.get_command(program)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="tegmentum")
    source[0] += "\n" + text.partition("\n")[2]


def setup(app: Sphinx) -> None:
    """Have Sphinx call what is above."""
    app.connect("source-read", command_line)
