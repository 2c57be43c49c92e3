"""HTML whose text is escaped wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_VOID = {"meta", "br"}
_LONG = 40  # rows, beyond which a table scrolls


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str) -> Html:
    """Return an element; children and values are escaped unless they are :class:`Html`. ``class_`` is ``class``."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Return parts one after another, escaped unless they are :class:`Html`."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table whose first column names the rows."""
    rows = list(rows)
    names = tag("tr", *(tag("th", word, scope="col") for word in head))
    body = (tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows)
    whole = tag(
        "table",
        tag("caption", caption),
        tag("thead", names),
        tag("tbody", *body),
        class_="facts" if len(head) == 2 else "many",
    )
    return tag("div", whole, class_="wide long" if len(rows) > _LONG else "wide", tabindex="0")
