"""The parts of a page, and the Content-Security-Policy under which they run.

A page runs its own scripts and nothing else: scripts and styles are allowed by address or by the hash of their text, never
as `unsafe-inline`, and nothing is evaluated. Plotly keeps to that with two exceptions, both of styles. It adds an empty
`<style>` and fills it by the object model, so the hash of no text is allowed. And its maps, which no chart of tressi
is and which are in the whole of it alone, add one with a text of 80 KB, unless an element with that style's id is there: so
one is (`stand_ins`).
"""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import orjson

from tressi.errors import TressiError
from tressi.text import milliseconds, plain, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2

_CHART_PIECES: Final = (
    *("chart_text", "chart_axes", "chart_time", "chart_percentiles", "chart_heat"),
    *("chart_panels", "chart_sparkline", "chart_cursor", "charts"),
)
PLOTLY_PART: Final = "plotly-basic.min.js"
_STAND_IN: Final = re.compile(r'getElementById\("([0-9a-f]{64})"\)')


def environment(*packages: str, extra: str = "report") -> jinja2.Environment:
    """Templates of these packages' `templates` folders, then our own; what is not there is an error.

    Every text is shown plain and escaped; one of several lines goes through the filter `lines`, which keeps them.
    `extra` is what to install where Jinja2 is missing, which is a TressiError.
    """
    try:
        import jinja2  # noqa: PLC0415 - an extra
        from markupsafe import escape  # noqa: PLC0415 - it comes with Jinja2
    except ImportError:
        raise _missing("Jinja2", extra) from None
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package) for package in (*packages, "tressi.page")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        # Of markup, which is a subclass of str, nothing is changed.
        finalize=lambda value: plain(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(rate=rate, milliseconds=milliseconds, lines=lambda text: escape(plain_lines(text)))
    return made


def plain_lines(text: str) -> str:
    """A text of several lines, each of them plain; tabs stay as well."""
    return "\n".join("\t".join(map(plain, line.split("\t"))) for line in text.split("\n"))


@cache
def asset(name: str, package: str = "tressi.page") -> str:
    """The text of a file beside a package's modules: `style.css`, `charts.js`."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


@cache
def charts_script() -> str:
    """The script of the charts: its files, in a scope of their own, one after the other."""
    pieces = "\n".join(asset(f"{name}.js") for name in _CHART_PIECES)
    return f'"use strict";\n{{\n{pieces}}}\n'


@cache
def plotly_script(extra: str = "report") -> str:
    """Plotly's script: the part of it that draws such charts where `scripts/charts` has fetched it, 1.2 MB, as into a wheel.

    Else it is all of it as its package ships it, 4.8 MB. Raises TressiError where plotly is not installed either.
    """
    part = files("tressi.page").joinpath(PLOTLY_PART)
    if part.is_file():
        return part.read_text(encoding="utf-8")
    try:
        return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    except ImportError:
        raise _missing("plotly", extra) from None


@cache
def stand_ins(extra: str = "report") -> tuple[str, ...]:
    """Ids under which elements must be in the page before plotly's script, in place of styles that the policy forbids."""
    return tuple(dict.fromkeys(_STAND_IN.findall(plotly_script(extra))))


@lru_cache(maxsize=16)
def source_hash(text: str) -> str:
    """A script or style as a source of a Content-Security-Policy (CSP 3, section 6.7.3.3): its text between the tags."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def policy(*, scripts: str, styles: str, connect: str = "'none'") -> str:
    """A Content-Security-Policy for a page with charts; each argument is a list of sources, with spaces between.

    Images are those that a chart makes of itself. What only a header may say, `frame-ancestors`, is left to the caller.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            f"style-src {styles} {source_hash('')}",
            f"connect-src {connect}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def one_file(
    templates: jinja2.Environment,
    name: str,
    *,
    style: str,
    scripts: Sequence[str],
    data: Any,  # noqa: ANN401 - any JSON value
    later: Sequence[Any] = (),
    **shown: Any,  # noqa: ANN401 - whatever a template shows
) -> bytes:
    """A page that works offline: the template `name` with its style, its scripts and what they draw, under a policy of hashes.

    Each value of `later` is packed by itself: what is drawn only when a reader asks for it need not be unpacked before.
    Plotly's script must be among the scripts. Raises TressiError where plotly is not installed.
    """
    text = templates.get_template(name).render(
        policy=policy(scripts=" ".join(map(source_hash, scripts)), styles=source_hash(style)),
        style=style,
        scripts=scripts,
        stand_ins=stand_ins(),
        data="\n".join(map(packed, (data, *later))),
        **shown,
    )
    return text.encode()


def packed(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A JSON value as deflated base64: a quarter of its length, and nothing in it that HTML could read."""
    return b64encode(zlib.compress(orjson.dumps(value), 9)).decode()


def _missing(library: str, extra: str) -> TressiError:
    return TressiError(f"pages for a browser need {library}, which is not installed: it comes with the extra tressi[{extra}]")
