"""Documents as other programs export them, and what an import makes of them."""

import json
import re
from pathlib import Path

from tressi.config.load import load_config
from tressi.imports.formats import imported
from tressi.imports.options import Options

FOLDER = Path(__file__).parent / "imported"
# Every sample with its format.
SAMPLES = {
    "chrome-shop.har": "har",
    "chromium-recorded.har": "har",
    "firefox-sanitized.har": "har",
    "chrome.curl.sh": "curl",
    "firefox.curl.sh": "curl",
    "written.curl.sh": "curl",
    "pets.yaml": "openapi",
    "pay-31.json": "openapi",
    "swagger-2.json": "openapi",
    "postman-v21.json": "postman",
    "postman-v20.json": "postman",
    "insomnia-v4.json": "insomnia",
    "insomnia-v5.yaml": "insomnia",
}
# What of the samples must be in no config and in no sentence.
SECRETS = (
    "correct horse battery", "engine-no-1842", "4be1d02f77c94d0e", "9f1c-not-a-token-77aa", "long-secret-words", "0a1b2c3d4e5f",
    "s3cr3t-pa55", "not-a-real-one-9", "pa:ss word", "5f4dcc3b5aa765d61d8327deb882cf99", "k-55aa66bb77", "wk_live_91f2c3d4e5",
    "stormy-weather-1", "abc-def-ghi-jkl", "wk_test_0123456789", "eyJhbGciOiJIUzI1NiJ9", "f3a9c1d27be84405",
)  # fmt: skip


def text_of(name):
    """The text of a sample."""
    return (FOLDER / name).read_text(encoding="utf-8")


def sample(name, **options):
    """What an import makes of a sample."""
    return imported(SAMPLES[name], text_of(name), name, Options(**options))


def of_curl(text, **options):
    """The one request that a command line of curl's becomes."""
    document = imported("curl", text, "commands", Options(**options)).document
    assert len(document["requests"]) == 1
    return document["requests"][0]


def loaded(result, monkeypatch):
    """The resolved config of an import, with a value for every variable that it lists, and for no other."""
    for variable in result.variables:
        # One of a collection stands for a server.
        value = "http://127.0.0.1:8080" if variable.name == "STATS_URL" else "set-by-the-test"
        monkeypatch.setenv(variable.name, value)
    return load_config(json.loads(json.dumps(result.document)))


def references(document):
    """The variables that a config names."""
    return set(re.findall(r"(?<!\$)\$\{([A-Za-z_]\w*)\}", json.dumps(document)))
