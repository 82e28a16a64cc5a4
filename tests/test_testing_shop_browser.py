"""The page of the target's shop in Chromium: it walks through the shop, and its recording becomes a flow that can be traced."""

import json
import os
import shutil

import pytest
from browsers import chromium
from commands import tressi

from tressi.testing.target import Target

pytestmark = [pytest.mark.timed, pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")]


def test_a_recording_of_the_shop_becomes_a_flow(tmp_path):
    """The token of the recording is taken from the response of each user's own login, so the walk is completed."""
    recording, config = tmp_path / "shop.har", tmp_path / "shop.json"
    with Target() as url, chromium() as browser:
        context = browser.new_context(record_har_path=recording, record_har_content="embed")
        page = context.new_page()
        page.goto(f"{url}/shop")
        page.wait_for_function("document.getElementById('cart').textContent !== ''")
        shown = page.inner_text("body")
        context.close()
        imported = tressi("import", "har", recording, "-o", config)
        traced = tressi("trace", config, "--json", env={**os.environ, "PASSWORD": "a"})  # which the import leaves to the user
    assert "user 1" in shown
    assert "scarf 1: 107" in shown
    assert shown.rstrip().endswith("in the cart: 1")
    assert imported.returncode == 0, imported.stderr
    events = [json.loads(line) for line in traced.stdout.splitlines()]
    assert traced.returncode == 0, traced.stdout + traced.stderr
    assert [event["name"] for event in events if event["event"] == "extracted"] != []
    targets = [event["requestLine"].split()[1] for event in events if event["event"] == "sent"]
    assert [target for target in targets if target != "/shop"] == [
        *("/login", "/items", "/items/1", "/items/2", "/items/3", "/cart", "/cart"),
    ]
