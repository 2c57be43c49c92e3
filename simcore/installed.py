"""How this package was installed, and so what to type to install more of it."""

from __future__ import annotations

import json
import re
from importlib import metadata
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname


def install_line(extra: str) -> str:
    """Return the ``pip install`` line for one of the package's extras that works from where it was installed.

    A checkout or another folder is named by its path, an archive or a repository by its address. A package that came
    from an index says no more than its name, which somebody else may own, so there the extra's packages are named.
    """
    try:
        found = metadata.distribution("tegmentum")
        origin = json.loads(found.read_text("direct_url.json") or "null")
        requires = found.requires or []
    except (metadata.PackageNotFoundError, ValueError):
        origin, requires = None, []
    if isinstance(origin, dict) and "url" in origin:
        url = str(origin["url"])
        if "dir_info" in origin:
            folder = url2pathname(unquote(urlsplit(url).path))
            editable = "-e " if origin["dir_info"].get("editable") else ""
            return f'pip install {editable}"{folder}[{extra}]"'
        vcs = f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""
        return f'pip install "tegmentum[{extra}] @ {vcs}{url}"'
    marker = re.compile(rf"""extra\s*==\s*["']{re.escape(extra)}["']""")
    packages = [line.partition(";")[0].strip() for line in requires if marker.search(line)]
    return "pip install " + (" ".join(f'"{p}"' for p in packages) or f'"tegmentum[{extra}]"')
