"""A search for a capacity as one page that needs nothing else: the answer, the picture, the trials. Without scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from tressi.capacity.document import verdict_line
from tressi.page.assets import asset, source_hash
from tressi.report.capacity_svg import svg
from tressi.report.capacity_text import closing_lines, label_of, rows
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; }
h1 { font-size: 1.6rem; } svg { width: 100%; height: auto; } td, th { padding: 0.2rem 0.8rem; text-align: right; }
td:last-child, th:last-child { text-align: left; }
"""
_HEADS = ("RPS", "seconds", "bad starts", "may be bad", "p99", "verdict")


def page(document: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The page of a search."""
    style = asset("style.css") + _STYLE
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    body = "\n".join("<tr>" + "".join(f"<td>{_shown(cell)}</td>" for cell in row) + "</tr>" for row in rows(document))
    notes = "\n".join(f"<li>{_shown(line)}</li>" for line in closing_lines(document, labels)[:-1])
    answer = _shown(verdict_line(document, label_of(document, labels)))
    policy = f"default-src 'none'; style-src {source_hash(style)}; base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{answer}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{answer}</h1>
{svg(document)}
<ul>
{notes}
</ul>
<h2>Trials</h2>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</main>
</body>
</html>
"""


def _shown(text: str) -> str:
    return escape(plain(text))
