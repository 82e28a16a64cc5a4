"""The examples of docs/checks.md: each answer, sent to its request, is the success or the failure that the page says."""

import json
import re
from pathlib import Path

import pytest
from engines import attempt, only
from servers import raw_server

from tressi.config.load import load_config

pytestmark = pytest.mark.timed

PAGE = Path(__file__).parent.parent / "docs" / "checks.md"
BLOCK = re.compile(r"```(json|http)\n(.*?)```\n", re.DOTALL)
VERDICT = re.compile(r"\s*is a (?:success|failure: `(.*)`$)", re.MULTILINE)


def examples():
    """Each answer with the request before it, and the reason that follows; None: it is a success."""
    text, request, found = PAGE.read_text(encoding="utf-8"), None, []
    for block in BLOCK.finditer(text):
        if block[1] == "json":
            request = json.loads(block[2])
        else:
            verdict = VERDICT.match(text, block.end())
            assert verdict, f"nothing is said of {block[2]!r}"
            found.append((request, block[2], verdict[1]))
    return found


EXAMPLES = examples()


def test_the_page_has_examples_of_every_condition():
    """Each has one at least."""
    shown = {name for request, _, _ in EXAMPLES for name in request["expect"]}
    assert shown == {"status", "headers", "maxBodyBytes", "bodyContains", "bodyMatches", "json"}


@pytest.mark.parametrize(("request_", "answer", "reason"), EXAMPLES)
def test_an_answer_is_what_the_page_says(request_, answer, reason):
    """As a config has it, over a real connection."""
    head, _, body = answer.partition("\n\n")
    data = f"{head}\n\n".replace("\n", "\r\n").encode() + body.removesuffix("\n").encode()

    def script(conversation):
        conversation.request()
        conversation.send(data)

    with raw_server(script) as server:
        url = request_["url"].replace("http://127.0.0.1:8080/", server.url)
        section = {"enabled": True, "targetRps": 1, "maxWorkers": 1}
        config = load_config({"requests": [{**request_, "url": url}], "autoscale": section})
        found = only(attempt(config.endpoints[0]))

    assert [one.text for one in found.reasons] == ([] if reason is None else [reason])
    assert found.succeeded == (reason is None)
