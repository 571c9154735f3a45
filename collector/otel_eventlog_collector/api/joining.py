"""Puts ES modules into one, so that a browser asks once and not fifty times. Pure.

Each module becomes a function that is called once, in the order of the imports, and returns what
it exports; an import takes from what an earlier one returned. It is no compiler: it knows just
the forms that the dashboard's modules use (`import { a, b as c } from "./x.js";`, `export` before
a function, class or const, and `() => import("./x.js")`), and says so of any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_LATER = re.compile(r'(?<==> )import\("(\.[^"]+)"\)')
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) ([A-Za-z_]\w*)", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*|^(?!\s*(?:/?\*|//)).*\bimport[.(].*", re.MULTILINE)
"""Types in comments may be imported in any form."""


def join_modules(sources: Mapping[str, str], entry: str) -> str:
    """Return one module that does what an entry and all that it imports do.

    Args:
        sources: the text of each module by its path.
        entry: the path of the module that is run; others run before it if it imports them.

    Raises:
        ValueError: a form that is not known, a module that is missing, or a circle of imports.

    """
    order: list[str] = []
    _visit(entry, sources, order, ())
    numbers = {name: number for number, name in enumerate(order)}
    return "\n".join(_function(name, sources[name], numbers) for name in order)


def imports_of(name: str, source: str) -> list[str]:
    """Return the paths of the modules that one names, those it brings later included."""
    found = [match[2] for match in _IMPORT.finditer(source)] + _LATER.findall(source)
    return [_path(name, imported) for imported in found]


def _visit(name: str, sources: Mapping[str, str], order: list[str], above: tuple[str, ...]) -> None:
    if name in order:
        return
    if name in above or name not in sources:
        what = "imports itself" if name in above else "is not there"
        raise ValueError(f"{name}: {what}, by way of {' → '.join(above)}")
    for imported in imports_of(name, sources[name]):
        _visit(imported, sources, order, (*above, name))
    order.append(name)


def _function(name: str, source: str, numbers: Mapping[str, int]) -> str:
    def taken(match: re.Match[str]) -> str:
        names = re.sub(r"\bas\b", ":", match[1])
        return f"const {{{names}}} = _{numbers[_path(name, match[2])]};"

    def brought(match: re.Match[str]) -> str:
        return f"Promise.resolve(_{numbers[_path(name, match[1])]})"

    exported = [match[2] for match in _EXPORT.finditer(source)]
    body = _IMPORT.sub(taken, source)
    body = _LATER.sub(brought, body)
    body = _EXPORT.sub(r"\1 \2", body)
    if unknown := _UNKNOWN.search(body):
        raise ValueError(f"{name}: cannot be joined: {unknown[0][:80]}")
    returned = f"return {{ {', '.join(exported)} }};"
    return f"// {name}\nconst _{numbers[name]} = (() => {{\n{body}{returned}\n}})();"


def _path(name: str, imported: str) -> str:
    return normpath(join(dirname(name), imported))
