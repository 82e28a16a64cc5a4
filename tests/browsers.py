"""A real Chromium for tests of pages, and a witness of what a page does that it must not."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
BOUND_MS = 120_000  # reading plotly's script takes a second of a core, which a busy machine may not have for long
TELL_OF_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
    (event) => console.error(`violation of ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`))"""


@contextmanager
def chromium():
    """One browser, for as many pages as a module's tests want."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*QUIET, "--no-first-run"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page that was opened, with every request it made and everything that its console complained of."""

    def __init__(self, browser, path, **context):
        self.requests, self.complaints = [], []
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(BOUND_MS)
        self.page.add_init_script(TELL_OF_VIOLATIONS)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.address = path.as_uri()
        self.page.goto(self.address)

    def check(self):
        """Find that nothing was asked of anybody else, and nothing was forbidden or went wrong."""
        self.page.title()  # answers come in order: what was said before has arrived
        assert self.requests == [self.address]
        assert "\n".join(self.complaints)[:2000] == ""


@contextmanager
def visit(browser, path, **context):
    """Open a file; that it behaves is part of every test."""
    opened = Visit(browser, path, **context)
    try:
        yield opened.page
        opened.check()
    finally:
        opened.context.close()
