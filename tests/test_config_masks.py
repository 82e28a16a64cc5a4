"""`mask` and `--mask`: headers, parameters and members of JSON that are secrets beside those that are by their names."""

import json

import pytest
from configs import problems

from tressi.config.load import load_config
from tressi.config.overrides import Overrides
from tressi.errors import ConfigError
from tressi.masking import Masks
from tressi.run.discreet import Discreet

pytestmark = pytest.mark.pure

DOCUMENT = {
    "mask": ["query:Tenant", "header:X-Custom", "body:/user/pin"],
    "requests": [
        {
            "url": "http://h/?tenant=blue-7&page=2",
            "method": "POST",
            "headers": {"x-custom": "red-8", "Accept": "text/plain"},
            "payload": {"user": {"pin": "green-9", "name": "ada"}, "pin": "kept"},
        },
        {"url": "http://h/form", "method": "POST", "body": '{"user": {"pin": 123456}}'},
    ],
}
SECRETS = ("blue-7", "red-8", "green-9", "123456")


class Silent:
    """An engine that is never asked."""

    build = go = want = stop = read = None


def test_what_is_masked_is_shown_nowhere():
    """Not in an identity, nor in the record of the config, nor in what a target sends back."""
    config = load_config(DOCUMENT)
    text = json.dumps([[one.endpoint_key, one.masked_url] for one in config.endpoints] + [config.document])
    assert not [secret for secret in SECRETS if secret in text]
    assert config.endpoints[0].endpoint_key == "POST http://h/?tenant=***&page=2"
    assert config.document["requests"][0]["payload"] == {"user": {"pin": "***", "name": "ada"}, "pin": "kept"}
    assert config.document["requests"][0]["headers"] == {"x-custom": "***", "Accept": "text/plain"}
    discreet = Discreet(Silent(), config)
    assert discreet.hide("a blue-7 b red-8 c green-9 d 123456") == "a *** b *** c *** d ***"
    assert discreet.hide('see http://other/?tenant=new {"pin": "other"}') == 'see http://other/?tenant=*** {"pin": "***"}'


def test_what_is_sent_is_what_it_was():
    """A mask changes what is shown, and nothing else."""
    without = load_config({**DOCUMENT, "mask": []})
    sent = [(one.url, one.headers, one.body) for one in load_config(DOCUMENT).endpoints]
    assert sent == [(one.url, one.headers, one.body) for one in without.endpoints]


def test_a_flag_masks_too():
    """Beside those of the config."""
    config = load_config({"requests": [{"url": "http://h/?a=blue-7"}]}, Overrides(masks=("query:a",)))
    assert config.endpoints[0].endpoint_key == "GET http://h/?a=***"
    with pytest.raises(ConfigError, match='--mask: "a" is no mask; write query:NAME, header:NAME, or body:/path'):
        load_config({"requests": [{"url": "http://h/"}]}, Overrides(masks=("a",)))


@pytest.mark.parametrize("text", ["api_key", "query:", "body:password", "cookie:x"])
def test_a_mask_that_is_none_is_refused(text):
    """With the three that there are."""
    assert problems({"mask": [text], "requests": [{"url": "http://h/"}]}) == [
        f'mask[0]: "{text}" is no mask; write query:NAME, header:NAME, or body:/path of a value in JSON'
    ]


def test_an_error_does_not_show_it():
    """A message that quotes the value hides it."""
    document = {"mask": ["query:pin"], "requests": [{"url": "http://h/?pin=blue-7 x"}]}
    assert problems(document) == ['requests[0].url: "http://h/?pin=*** x" has a space, write it as %20']


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('{"pin":"a\\"b","x":1}', '{"pin":"***","x":1}'),
        ('{"pin": 12, "x": 1}', '{"pin": "***", "x": 1}'),
        ('{"pin": null}', '{"pin": "***"}'),
        ('{"pin": "cut of', '{"pin": "***"'),
        ('{"pin": {"a": 1}}', '{"pin": {"a": 1}}'),
        ('{"pinned": "x"}', '{"pinned": "x"}'),
    ],
)
def test_a_member_of_json_is_hidden_by_its_name(text, hidden):
    """Also where the text has been cut."""
    assert Masks(pointers=("/user/pin",)).hide(text) == hidden
