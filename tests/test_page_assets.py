"""What pages share: text is only text, the policy allows what it names, colours can be read."""

import re
import sys
import tomllib
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

import pytest
from each import each
from summaries import HOSTILE

from tressi.errors import TressiError
from tressi.page.assets import asset, charts_script, environment, plotly_script, policy, source_hash, stand_ins
from tressi.text import plain

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
AA_TEXT, AA_GRAPHIC = 4.5, 3.0  # WCAG 2.2, success criteria 1.4.3 and 1.4.11


@each("text", [*HOSTILE, "<img src=x onerror=alert(1)>", "\"'><script>", "{{ 7 * 7 }}"])
def test_any_text_in_a_template_is_only_text(text):
    """Without a filter's help: controls as code points, markup escaped, a template never taken for one."""
    shown = environment().from_string("<p title='{{ text }}'>{{ text }}</p>").render(text=text)
    inner = shown.removeprefix("<p title='").removesuffix("</p>")
    assert not re.search(r"[<\"]", inner.replace("'>", ""))
    assert inner.isprintable()


def test_lines_stay_lines():
    """The filter for bodies keeps line ends and tabs, and shows all else like any text."""
    shown = environment().from_string("{{ text|lines }}").render(text="one\n\ttwo\x1b[31m <b>\r\nthree")
    assert shown == "one\n\ttwo\\x1b[31m &lt;b&gt;\\x0d\nthree"


def test_markup_of_our_own_stays():
    """What a template says itself, or a macro of it, is not text from outside."""
    template = environment().from_string("{% import 'parts.html' as parts %}{{ parts.badge('good', '<ok>') }}")
    assert template.render() == '<span class="badge good">&lt;ok&gt;</span>'


def test_what_is_not_there_is_an_error():
    """A misspelt name is found, not shown as nothing."""
    with pytest.raises(Exception, match="'missing' is undefined"):
        environment().from_string("{{ missing }}").render()


def test_a_source_is_the_hash_of_its_text():
    """The example of CSP's own specification (CSP 3, section 8.4)."""
    assert source_hash("alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def test_a_policy_has_no_unsafe_word_and_no_wildcard():
    """Nothing but what is named may run, and nothing at all is fetched unless told."""
    directives = dict(one.split(" ", 1) for one in policy(scripts="'sha256-a'", styles="'sha256-b'").split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'sha256-a'"
    assert directives["connect-src"] == "'none'"
    assert not re.search(r"unsafe|\*|https?:", " ".join(directives.values()))


def test_scripts_can_stand_in_a_page():
    """None has a word that ends its element, or begins a comment that swallows the end (HTML, section 4.12.1.3)."""
    scripts = [plotly_script(), charts_script()]
    scripts += [asset(name, "tressi.report.page") for name in ("tables.js", "report.js")]
    for script in scripts:
        assert not re.search(r"</script|<!--|\r|\0", script, re.IGNORECASE)


def test_plotlys_maps_have_their_stand_in(monkeypatch):
    """The style that they would add has one id, which the whole script asks for; the part has no maps."""
    stand_ins.cache_clear()
    plotly_script.cache_clear()
    monkeypatch.setattr("tressi.page.assets.PLOTLY_PART", "missing.js")
    assert len(stand_ins()) == 1
    stand_ins.cache_clear()
    plotly_script.cache_clear()


def test_the_part_of_plotly_that_a_wheel_has_is_used(monkeypatch):
    """A file beside the styles, wherever it is there."""
    plotly_script.cache_clear()
    monkeypatch.setattr("tressi.page.assets.PLOTLY_PART", "charts.js")
    assert plotly_script() == asset("charts.js")
    plotly_script.cache_clear()


@pytest.mark.parametrize(("library", "use"), [("jinja2", environment), ("plotly", plotly_script.__wrapped__)])
def test_a_missing_library_is_told_with_what_brings_it(monkeypatch, library, use):
    """Without the extra installed, the error says how to install it, and is not a traceback."""
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("tressi.page.assets.PLOTLY_PART", "missing.js")
    with pytest.raises(TressiError, match=r"the extra tressi\[dashboard\]"):
        use(extra="dashboard")


def test_every_file_of_a_page_is_in_the_package():
    """A wheel has the styles, scripts and templates that a checkout has."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    for room in ("tressi/page", "tressi/report/page"):
        files = [path for path in (ROOT / room).rglob("*.*") if path.suffix not in {".py", ".pyc"}]
        assert len(files) > 2
        for path in files:
            inside = str(path.relative_to(ROOT / room))
            assert any(fnmatch(inside, pattern) for pattern in patterns[room.replace("/", ".")]), path


# --------------------------------------------------------------------------------------------------------------- contrast


def palettes():
    """The colours of light and dark by their names."""
    light, dark = re.findall(r":root(?::not\(\[data-paper\]\))? \{(.*?)\}", asset("style.css"), re.DOTALL)
    named = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})(?:[0-9a-f]{2})?;", block)) for block in (light, dark)]
    return {"light": named[0], "dark": {**named[0], **named[1]}}


def luminance(colour):
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """From 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(scheme):
    """Text has a contrast of 4.5 at least on whatever it stands on, lines of charts and borders of fields have 3."""
    colours = palettes()[scheme]
    pairs = [(text, ground) for text in ("text", "muted", "link", "good", "bad", "warn") for ground in ("surface", "raised")]
    pairs += [(text, f"{tone}-surface") for tone in ("good", "bad", "warn") for text in (tone, "text", "muted")]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= AA_TEXT, (text, ground)
    lines = ["asked", "achieved", "workers", "utilisation", "p50", "p95", "p99", "max", "service", "response", "errors"]
    lines += ["missed", *(name for name in colours if re.match(r"failure-|series-|heat-", name))]
    for line in [*lines, "focus", "line-strong"]:
        assert contrast(colours[line], colours["surface"]) >= AA_GRAPHIC, line


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_heat_map_shows_more_as_further_from_the_page(scheme):
    """Each step of its scale stands out more than the one before, by about as much: lightness alone tells the count."""
    colours = palettes()[scheme]
    heights = [contrast(colours[f"heat-{step}"], colours["surface"]) for step in range(1, 7)]
    assert all(1.15 < more / less < 1.8 for less, more in pairwise(heights)), heights


def test_plain_is_the_same_in_both_languages():
    """What the charts' script shows as code points is what `tressi.text` does, whatever kind of mark it is."""
    kinds = re.search(r"\[((?:\\p\{\w+\})+)\]/gu", charts_script())[1]
    assert set(re.findall(r"\\p\{(\w+)\}", kinds)) == {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert plain("\u2028\x1b") == "\\u2028\\x1b"
