"""Secrets: known by their names, and found in whatever a target makes of them."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.masking import MASK, Masks, Secrets, is_secret_header, is_secret_parameter, mask_url, secrets_of

pytestmark = pytest.mark.pure

# A secret that a test can find again: a run of letters that is in no form's own words, between what is written in many ways.
SECRETS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), min_size=4, max_size=40
).map(lambda text: f"QZ{text.strip()}ZQ9x")


def forms_of(value):
    """How servers and their frameworks write a text that they were sent."""
    latin, utf8 = value.encode("latin-1"), value.encode()
    yield from (value, json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(value).replace("/", "\\/"))
    yield from (html.escape(value), html.escape(value, quote=False), json.dumps(html.escape(value)))
    yield from (
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        re.sub("%..", lambda escape: escape[0].lower(), quote(value)),
        quote(latin),
    )
    for before in (b"", b"a", b"ab"):
        for encoded in (latin, utf8):
            yield b64encode(before + encoded + b"after").decode()
            yield urlsafe_b64encode(before + encoded + b":").decode()


@settings(max_examples=100, deadline=None)
@given(SECRETS, st.sampled_from(["", "before ", '{"a": "']))
def test_a_secret_is_hidden_in_every_form(value, before):
    """Of any form nothing is left that has four characters of it in a row; what stands around it stays."""
    secrets = Secrets([value])
    for form in forms_of(value):
        text = f"{before}{form}| end"
        hidden = secrets.hide(text)
        assert MASK in hidden, text
        assert hidden.startswith(before)
        assert hidden.endswith("| end")
        left = hidden.removeprefix(before).removesuffix("| end").replace(MASK, "\0")
        # Of base64 the characters at the edges are of the neighbours as well; "after" is one of them.
        assert len(left.strip('"\0')) <= 14, (text, hidden)


@pytest.mark.parametrize("length", [4, 10, 19])
def test_a_secret_that_the_end_cuts_off_is_hidden(length):
    """A sample ends where it is full, which may be within a secret, or within its base64."""
    secrets = Secrets(["hush-hush-hush-hush-hush"])
    for form in ("hush-hush-hush-hush-hush", b64encode(b"hush-hush-hush-hush-hush").decode()):
        assert secrets.hide(f"the key is {form[:length]}", is_cut=True) == f"the key is {MASK}"
        assert secrets.hide(f"the key is {form[:length]}") == f"the key is {form[:length]}"


def test_what_a_run_sends_is_known():
    """The values of headers with secret names and what is a secret in them, and of URLs the user info and parameters."""
    headers = [
        ("Authorization", "Basic " + b64encode("käthe:pä:ß".encode()).decode()),
        ("X-Session", "Bearer tok-1"),
        ("cookie", "a=1; sid=s3ss10n"),
        ("X-Mine", "mine"),
        ("Accept", "text/html"),
    ]
    secrets = secrets_of(headers, ["http://us%40er:w%2Frd@h/?api_key=k%20k&page=seven", "http://["], ["x-mine"])
    for secret in ("pä:ß", "käthe", "tok-1", "s3ss10n", "mine", "us@er", "us%40er", "w/rd", "w%2Frd", "k k", "k%20k"):
        assert secrets.hide(f"<{secret}>") == f"<{MASK}>", secret
    for word in ("text/html", "seven", "1", "a", "Basic", "Bearer"):
        assert secrets.hide(f"<{word}>") == f"<{word}>", word


def test_what_cannot_be_a_secret_is_left():
    """Half of a JSON body would be hidden; a short one is hidden where it stands alone."""
    secrets = secrets_of([("X-Auth", "true"), ("X-Key", "ab")], ["http://user:x@h/"])
    assert (
        secrets.hide('{"ok": true, "cab": "ab", "username": "user"}')
        == f'{{"ok": true, "cab": "{MASK}", "username": "{MASK}"}}'
    )


@each(
    ("name", "secret"),
    [
        *(
            (name, True)
            for name in ("api_key", "apikey", "token", "accessToken", "X-Amz-Signature", "sig", "user%5Bpassword%5D")
        ),
        *((name, False) for name in ("keyword", "author", "page", "monkey", "sessions", "design", "q")),
    ],
)
def test_parameters_are_told_by_whole_words(name, secret):
    """Their names are shorter than those of headers, and a `keyword` is no key."""
    assert is_secret_parameter(name) is secret
    assert (
        mask_url(f"GET http://h/?{name}=v&x=1#{name}=v")
        == f"GET http://h/?{name}={'***' if secret else 'v'}&x=1#{name}={'***' if secret else 'v'}"
    )


def test_headers_are_told_by_a_part_of_the_name():
    """Whatever else it says."""
    assert all(
        map(is_secret_header, ["X-Auth-Token", "MY-API-KEY", "x-csrf-token", "Client-Secret", "X-Session-Id", "DB-Password"])
    )
    assert not any(map(is_secret_header, ["Accept", "User-Agent", "X-Request-Id", "Content-Type"]))


def test_a_pointer_hides_a_member_of_a_form_too():
    """As it stands in a request's body, at its beginning or behind another one."""
    masks = Masks(pointers=("/password",))
    assert masks.hide("password=a%20b&name=ada") == "password=***&name=ada"
    assert masks.hide("name=ada&password=a%20b") == "name=ada&password=***"
    assert masks.hide("my_password=a") == "my_password=a"
