"""The page: one HTML text with its style, its figures and the library that draws them, which asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .figure import Figure
from .html import Html, table, tag
from .manifest import command, document, rows
from .numbers import at_a_glance, tables
from .sections import Section


def page(summary: dict[str, Any], sections: Sequence[Section]) -> str:
    """Return the page of a run.

    Text from the store is escaped, and a content security policy lets no script run but the page's own two, and no
    request leave.
    """
    library, own = _script(_library()), _script(_own("page.js"))
    scripts = f"{_hash(library)} {_hash(own)}"
    policy = f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:"
    name = Path(summary["path"]).name
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{name}: a run of Tegmentum"),
        tag("style", Html(_own("page.css"))),
    )
    body = tag(
        "body",
        tag("header", tag("h1", name), tag("p", _headline(summary), class_="dim"), _warning(summary)),
        tag("nav", _contents(sections), aria_label="Contents"),
        tag("main", *_main(summary, sections)),
        tag(
            "footer", f"Made by tegmentum report from {summary['path']}, commit of {summary['last_commit']}."
        ),
        tag("script", library),
        tag("script", own),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en")


def library_file() -> Path | None:
    """Return Plotly's library for browsers out of its installed package, None where it is not installed."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        return None
    file = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return file if file.is_file() else None


def _headline(summary: dict[str, Any]) -> str:
    """Say in a line what was run."""
    config = summary["config"]
    told = document(summary)
    parts = [Path(str(told["file"])).name] if told and told.get("file") else []
    for key in ("dataset", "rule", "protocol"):
        value = config.get(key)
        value = value.get("name") if isinstance(value, dict) else value
        if isinstance(value, str):
            parts.append(value)
    if isinstance(config.get("ms"), int | float):
        parts.append(f"{config['ms']:,g} ms")
    if summary["seed"] is not None:
        parts.append(f"seed {summary['seed']}")
    return ", ".join(
        [
            *parts,
            summary["started"].replace("T", " ").replace("+00:00", " UTC"),
            str(summary["status"]).partition(":")[0],
        ]
    )


def _warning(summary: dict[str, Any]) -> Html:
    """Say that what follows may not be the whole run."""
    how = summary["status"]
    if how == "complete":
        return Html("")
    if how == "running":
        text = (
            f"The run goes on, or was killed. What is here is what it had committed by {summary['last_commit']}; "
            "while it goes on, numbers and figures may be a commit apart. Make the page again for what came after."
        )
    else:
        text = f"The run did not end as planned ({how}). What is here is what it had recorded until then."
    return tag("p", text, class_="warn", role="note")


def _contents(sections: Sequence[Section]) -> Html:
    entries = [tag("li", tag("a", "Numbers", href="#numbers"))]
    for k, section in enumerate(sections):
        inner = [
            tag("li", tag("a", figure.title, href=f"#figure-{k}-{q}"))
            for q, figure in enumerate(section.figures)
        ]
        entries.append(tag("li", tag("a", section.title, href=f"#section-{k}"), tag("ul", *inner)))
    entries += [tag("li", tag("a", words, href=f"#{words.lower()}")) for words in ("Manifest", "Repeat")]
    return tag("ul", *entries)


def _main(summary: dict[str, Any], sections: Sequence[Section]) -> Iterator[Html]:
    yield tag(
        "dl", *(tag("div", tag("dt", k), tag("dd", v)) for k, v in at_a_glance(summary)), class_="glance"
    )
    yield tag(
        "noscript", tag("p", "The figures need JavaScript; numbers and manifest do not.", class_="warn")
    )
    yield tag("h2", "Numbers", id="numbers")
    for numbers in tables(summary):
        yield table(*numbers)
    for k, section in enumerate(sections):
        yield tag("h2", section.title, id=f"section-{k}")
        if section.note:
            yield tag("p", section.note, class_="dim")
        for q, figure in enumerate(section.figures):
            yield _figure(figure, f"{k}-{q}")
        for numbers in section.tables:
            yield table(*numbers)
    if not sections:
        yield tag("p", "Nothing that could be drawn was recorded.", class_="dim")
    yield tag("h2", "Manifest", id="manifest")
    yield table("How and with what it was run", ("entry", "value"), rows(summary))
    config = json.dumps(summary["config"], indent=2, ensure_ascii=False)
    yield tag("details", tag("summary", "Configuration, as resolved"), tag("pre", config))
    yield from _repeat(summary)


def _figure(figure: Figure, name: str) -> Html:
    item = json.dumps({"data": figure.data, "layout": figure.layout}, allow_nan=False).replace("<", "\\u003c")
    plot = tag(
        "div",
        class_="plot",
        id=f"plot-{name}",
        style=f"height:{figure.height}px",
        role="img",
        aria_label=figure.caption,
    )
    source = tag("script", Html(item), type="application/json", class_="figure", data_plot=f"plot-{name}")
    return tag(
        "figure",
        tag("h3", figure.title),
        plot,
        tag("figcaption", figure.caption),
        source,
        id=f"figure-{name}",
    )


def _repeat(summary: dict[str, Any]) -> Iterator[Html]:
    """Give the command, and the network's file if the store has it."""
    yield tag("h2", "Repeat", id="repeat")
    line = command(summary["argv"])
    if line:
        version = summary["versions"].get("tegmentum")
        text = "Relative paths are those of the folder in which it ran."
        if line.startswith("tegmentum "):
            text += (
                f" With Tegmentum {version} and the versions in the manifest the outcome is the same bit for bit, "
                "whatever the number of threads; to keep the store that is there, give another --out."
            )
        yield tag("pre", line, class_="command")
        yield tag("p", text, class_="dim")
    else:
        yield tag(
            "p",
            "The run was begun within Python, not by a command or a script; the manifest holds its configuration.",
        )
    told = document(summary)
    if told is not None:
        name = str(told.get("file", "the network's file"))
        yield tag("details", tag("summary", f"{name}, as it was"), tag("pre", str(told["text"])))


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _library() -> str:
    file = library_file()
    assert file is not None  # the command has looked
    return file.read_text(encoding="utf-8")


def _script(text: str) -> Html:
    """Return a script that no text within it can end."""
    return Html(text.replace("</script", "<\\/script").replace("\r\n", "\n"))


def _hash(script: Html) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
