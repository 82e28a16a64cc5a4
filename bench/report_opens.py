"""How large the HTML report of a long run is, and how long a browser needs to open it.

python -m bench.report_opens [--endpoints 120] [--seconds 600] [--rounds 5]

The figure to hold: 120 endpoints and 600 s under 8 MB, and open within 2 s. A round is a page of its own in a Chromium that
runs already; times are from the start of its navigation, so they have whatever else the machine does in them, and CPU is
that of the page's main thread, until the last chart is drawn. It wants the part of plotly's script that wheels have, which
`scripts/charts` fetches.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from bench.long_run import long_summary
from bench.measure import machine, spread
from tressi.report.report_html import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What is looked for, and since when it is there.
WATCH = """
window.found = {};
const wanted = {"tables sort": "#endpoints th button", "first chart": ".chart .main-svg", "last chart": "html[data-drawn]"};
new MutationObserver(() => {
    for (const [what, selector] of Object.entries(wanted))
        if (!found[what] && document.querySelector(selector)) found[what] = performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true});
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, default=120)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(machine())
    summary = long_summary(arguments.endpoints, arguments.seconds)
    began = time.monotonic()
    document = render(summary)
    print(f"written in {time.monotonic() - began:.2f} s: {len(document) / 1e6:.2f} MB")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_bytes(document)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        rounds = [opened(browser, path.as_uri()) for _ in range(arguments.rounds)]
        browser.close()
    for figure in rounds[0]:
        print(f"{figure:14} {spread([one[figure] for one in rounds])} s")


def opened(browser: Browser, address: str) -> dict[str, float]:
    """Open the report once; returns seconds since the navigation began, and seconds of CPU."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address)
    page.locator("html[data-drawn]").wait_for(state="attached")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    figures = {"text shown": painted, **page.evaluate("found")}
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    context.close()
    return {**{what: ms / 1e3 for what, ms in figures.items()}, "CPU": metrics["TaskDuration"]}


if __name__ == "__main__":
    main()
