"""A search for a capacity as one page that needs nothing else: the answer, the picture, the trials. Without scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from tressi.capacity.document import verdict_line
from tressi.page.assets import asset, source_hash
from tressi.report.capacity_svg import svg
from tressi.report.capacity_text import closing_lines, label_of, rows, sureness
from tressi.report.page.cards import SIGNS
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLE = """
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; }
h1 { font-size: 1.6rem; }
svg { width: 100%; height: auto; }
.verdict h1 { margin: 0; }
.verdict p { margin: 0.5rem 0 0; max-width: none; }
td, th { padding: 0.2rem 0.8rem; text-align: right; }
td { white-space: nowrap; overflow-wrap: normal; }
td:last-child, th:last-child { text-align: left; }
tr:is(.good, .bad) { color: inherit; }
tr.good td:last-child { color: var(--good); }
tr.bad td:last-child { color: var(--bad); }
tr:is(.good, .bad) td:last-child { font-weight: 600; }
@media (max-width: 45rem) {
  table { font-size: 0.75rem; }
  td, th { padding: 0.2rem; white-space: normal; }
  tbody td { min-width: 0 !important; }
}
"""
_TONES = {"held": "good", "broke": "bad"}
_HEADS = ("RPS", "seconds", "bad starts", "may be bad", "p99", "verdict")


def page(document: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The page of a search."""
    style = asset("style.css") + _STYLE
    tone, sure = sureness(document)
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
<section class="verdict {tone}" aria-label="The answer">
<h1><span aria-hidden="true">{SIGNS[tone]}</span> {answer}</h1>
<p>{_shown(sure)}</p>
</section>
{svg(document)}
<ul>
{notes}
</ul>
<h2>Trials</h2>
{_trials(document)}
</main>
</body>
</html>
"""


def _trials(document: Mapping[str, Any]) -> str:
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    body = "\n".join(
        f'<tr class="{_TONES.get(one["verdict"], "none")}">' + "".join(f"<td>{_shown(cell)}</td>" for cell in row) + "</tr>"
        for one, row in zip(document["trials"], rows(document), strict=True)
    )
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _shown(text: str) -> str:
    return escape(plain(text))
