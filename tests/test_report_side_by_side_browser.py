"""The page of two runs in a real browser: offline, under its own policy, for eyes, keyboards and assistive technology."""

from pathlib import Path

import axe_playwright_python
import pytest
from browsers import chromium, visit
from test_report_side_by_side import AFTER, BEFORE

from tressi.report.side_by_side_html import render

pytestmark = pytest.mark.timed

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
