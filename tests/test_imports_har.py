"""HAR files as flows."""

import json
from base64 import b64encode

import pytest
from each import each

from tests.imported_samples import sample
from tressi.errors import ConfigError
from tressi.imports.answers import answers_of
from tressi.imports.formats import imported
from tressi.imports.options import Options

pytestmark = pytest.mark.pure


def entry(url="http://h/", method="GET", second=0.0, **more):
    """One entry: `sent`, `got` and `text` are the headers and the body of the two halves."""
    body = {"postData": {"mimeType": more.get("mime", ""), "text": more["body"]}} if "body" in more else {}
    content = {"mimeType": more.get("kind", "application/json"), "text": more.get("text", "")}
    return {
        "startedDateTime": f"2026-03-01T10:00:{second:06.3f}Z",
        "time": more.get("ms", 0),
        "request": {"method": method, "url": url, "headers": rows(more.get("sent", {})), **body, **more.get("request", {})},
        "response": {
            "status": more.get("status", 200),
            "headers": rows(more.get("got", {})),
            "content": {**content, **more.get("content", {})},
        },
        **more.get("entry", {}),
    }


def rows(headers):
    """Headers as a HAR has them."""
    return [{"name": name, "value": value} for name, value in headers.items()]


def har(*entries, **options):
    """What an import makes of entries."""
    return imported("har", json.dumps({"log": {"version": "1.2", "entries": entries}}), "x.har", Options(**options))


def steps(result):
    """The steps of the one flow."""
    [flow] = result.document["flows"]
    assert flow["cookies"] is True
    return flow["steps"]


def requests(result):
    """The requests by their names."""
    return {request["name"]: request for request in result.document["requests"]}


def test_a_recording_of_chromium_becomes_its_user():
    """A real recording: the page, the form with its hidden field, the redirect's target, ids as rows, a draft by its name."""
    result = sample("chromium-recorded.har")
    found = requests(result)
    assert list(found) == [
        "GET /",
        "GET /style.css",
        "POST /session",
        "GET /home",
        "GET /api/notes",
        "GET /api/notes/{note}",
        "PUT /api/notes/{draft}/text",
    ]
    assert found["POST /session"]["form"] == {"_csrf": "{{csrf}}", "user": "ada", "password": "${PASSWORD}"}
    assert found["GET /api/notes/{note}"]["url"] == "/api/notes/{{note}}"
    assert result.document["data"]["note"] == {"values": ["31", "32"]}
    page, *_ = steps(result)
    assert page == {
        "request": "GET /",
        "extract": {"csrf": {"between": ['<input type=hidden name=_csrf value="', '"']}},
    }
    assert {"repeat": {"times": 2, "steps": [{"request": "GET /api/notes/{note}"}]}} in steps(result)


def test_a_recording_of_chrome_is_correlated():
    """Tokens of pages and answers, also a number, go where they were used; the password is a variable."""
    result = sample("chrome-shop.har")
    found = requests(result)
    login = found["POST /api/login"]
    assert login["headers"]["x-csrf-token"] == "{{csrf-token}}"
    assert login["payload"] == {
        "email": "ada@shop.localhost",
        "password": "${PASSWORD}",
        "authenticity_token": "{{authenticity_token}}",
    }
    cart = found["GET /api/users/{user_id}/cart"]
    assert (cart["url"], cart["headers"]) == ("/api/users/{{user_id}}/cart", {"authorization": "Bearer {{access_token}}"})
    assert found["POST /api/carts/{cart}/lines"]["payload"] == {
        "sku": "{{{item}}}",
        "note": "{{brace}}{gift}} for $${name}",
        "quantity": 1,
    }
    extracts = {slot: how for step in steps(result) for slot, how in step.get("extract", {}).items()}
    assert extracts["access_token"] == {"json": "$.access_token"}
    assert extracts["user_id"] == {"json": "$.user.id"}


def test_what_was_no_request_of_the_user_is_left_out_with_a_sentence():
    """A cache's answer, a socket, what was blocked, and what went to others."""
    notes = sample("chrome-shop.har").notes
    assert notes[:4] == (
        "left out: 1 request that a cache of the browser answered",
        "left out: 1 request that became WebSockets",
        "left out: 1 request without a response (blocked, or broken off)",
        "left out: 1 request to stats.tracker.example (not of shop.localhost; --hosts takes it)",
    )
    assert any("consent, tid" in note for note in notes)


def test_a_sanitized_recording_is_recognised():
    """No cookie and no credential in any request: what needs a login will be refused."""
    result = sample("firefox-sanitized.har")
    assert any("sanitized export (Firefox)" in note for note in result.notes)
    assert not any("sanitized" in note for note in sample("chrome-shop.har").notes)
    assert any("it sends a file" in note for note in result.notes)
    second = requests(result)["GET /fast (2)"]
    assert second["url"] == "/fast?cursor={{next}}"
    assert second["headers"] == {"X-Ticket": "{{X-Request-Ticket}}"}


def test_hosts_and_paths_choose():
    """`--hosts` takes others than those of the first page, `--only` some paths; the first page is HTML's."""
    entries = [
        entry("http://cdn.other/first"),
        entry("http://www.shop.example/", kind="text/html"),
        entry("http://api.shop.example/a"),
        entry("http://api.shop.example:81/b"),
    ]
    assert [one["url"] for one in har(*entries).document["requests"]] == [
        "http://www.shop.example/",
        "http://api.shop.example/a",
        "http://api.shop.example:81/b",
    ]
    assert [one["url"] for one in har(*entries, hosts=("*.other",)).document["requests"]] == ["/first"]
    chosen = har(*entries, only=("/a*",))
    assert [one["url"] for one in chosen.document["requests"]] == ["/a"]
    assert "left out: 2 requests whose paths --only does not name" in chosen.notes


@pytest.mark.parametrize(
    ("host", "others"),
    [("shop.co.uk", "evil.co.uk"), ("127.0.0.1:8080", "10.0.0.1"), ("localhost:3000", "h"), ("[::1]:80", "[::2]")],
)
def test_no_load_goes_to_another_site(host, others):
    """Two shops under .co.uk are two sites, and addresses have no common part."""
    result = har(entry(f"http://{host}/", kind="text/html"), entry(f"http://{others}/"))
    assert [one["url"] for one in result.document["requests"]] == ["/"]


def test_headers_that_the_transport_makes_are_dropped():
    """Pseudo headers, hop by hop, the host, lengths, cookies; codings that not everybody decodes; conditions of a cache."""
    sent = {
        ":authority": "h", "Host": "h", "Connection": "keep-alive", "TE": "trailers", "Content-Length": "0", "Cookie": "a=b",
        "Accept-Encoding": "gzip, deflate, br;q=0.5, zstd", "If-None-Match": '"x"', "X-Kept": "yes",
    }  # fmt: skip
    result = har(entry(sent=sent))
    assert result.document["requests"][0]["headers"] == {"Accept-Encoding": "gzip, deflate", "X-Kept": "yes"}
    assert any("If-None-Match" in note for note in result.notes)


def test_as_requests_the_cookies_are_a_variable():
    """Endpoints have no jar; a request that came twice has twice the weight."""
    result = har(entry(sent={"Cookie": "sid=0123456789"}), entry("http://h/b"), entry("http://h/b"), wanted="requests")
    assert "flows" not in result.document
    first, second = result.document["requests"]
    assert first["headers"] == {"Cookie": "${COOKIE}"}
    assert (first["autoscale"]["weight"], second["autoscale"]["weight"]) == (0.5, 1.0)


def test_rests_are_those_of_a_person():
    """From the end of all before to the begin: nothing below half a second, tenths above, a minute at most."""
    result = har(
        entry("http://h/a", second=0, ms=1000),
        entry("http://h/b", second=0.2, ms=10),
        entry("http://h/c", second=1.3),
        entry("http://h/d", second=4.04),
        entry("http://h/e", second=4.04, entry={"startedDateTime": "2026-03-01T11:00:00+00:00"}),
    )
    assert [step for step in steps(result) if "think" in step] == [{"think": 2.7}, {"think": 60.0}]
    assert [name for step in steps(result) for name in step.values()][2] == "GET /c"
    assert "1 rests of more than 60 s were cut to that" in result.notes


def test_entries_are_in_the_order_in_which_they_began():
    """Some exporters write them as they ended."""
    result = har(entry("http://h/late", second=5), entry("http://h/early", second=1))
    assert [request["url"] for request in result.document["requests"]] == ["/early", "/late"]


TOKEN = "tok_4f9a81c2"


@each(
    ("first", "second", "how", "place"),
    [
        ({"text": f'{{"a":[{{"t":"{TOKEN}"}}]}}'}, {"url": f"http://h/{TOKEN}/x"}, {"json": "$.a[0].t"}, ("url", "/{{t}}/x")),
        (
            {"text": f'{{"a b":"{TOKEN}"}}'},
            {"url": f"http://h/?q={TOKEN}&z=1"},
            {"json": "$['a b']"},
            ("url", "/?q={{a_b}}&z=1"),
        ),
        (
            {"got": {"X-Tok": TOKEN}},
            {"sent": {"X-Back": f"v1;{TOKEN}"}},
            {"header": "x-tok"},
            ("headers", {"X-Back": "v1;{{X-Tok}}"}),
        ),
        (
            {"got": {"Set-Cookie": f"xs={TOKEN}; Path=/"}},
            {"sent": {"X-Xsrf": TOKEN}},
            {"cookie": "xs"},
            ("headers", {"X-Xsrf": "{{xs}}"}),
        ),
        (
            {"text": '{"n": 1234567890}'},
            {"method": "POST", "body": '{"n":1234567890}', "mime": "application/json"},
            {"json": "$.n"},
            ("payload", {"n": "{{{n}}}"}),
        ),
        (
            {"text": f'["{TOKEN}"]'},
            {"method": "POST", "body": f"a=1&b={TOKEN}", "mime": "application/x-www-form-urlencoded"},
            {"json": "$[0]"},
            ("form", {"a": "1", "b": "{{value}}"}),
        ),
        (
            {"text": f'{{"t":"{TOKEN}"}}'},
            {"method": "POST", "body": f"<x>{TOKEN}</x>", "mime": "text/xml"},
            {"json": "$.t"},
            ("body", "<x>{{t}}</x>"),
        ),
        (
            {"text": "", "content": {"text": b64encode(f'{{"t":"{TOKEN}"}}'.encode()).decode(), "encoding": "base64"}},
            {"url": f"http://h/{TOKEN}"},
            {"json": "$.t"},
            ("url", "/{{t}}"),
        ),
    ],
    ids=["segment", "parameter", "header", "cookie", "number", "form", "text", "base64"],
)
def test_a_value_of_a_response_becomes_an_extract(first, second, how, place):
    """From wherever it comes and wherever it goes."""
    result = har(entry("http://h/first", **first), entry(**{"url": "http://h/second", "second": 0.1, **second}))
    extract = steps(result)[0]["extract"]
    [slot] = extract
    assert extract[slot] == how
    key, value = place
    assert result.document["requests"][1][key] == value


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"text": '{"t": "short12"}'}, {"url": "http://h/short12"}),
        ({"text": '{"t": "electronics"}', "url": "http://h/?c=electronics"}, {"url": "http://h/x?c=electronics"}),
        ({"got": {"Content-Type": "application/json"}}, {"sent": {"Accept": "application/json"}}),
        ({"text": '{"t": "tok_4f9a81c2"}'}, {"url": "http://h/tok_4f9a81c2x"}),
        ({"text": '{"language": "en-GB-oxendict"}'}, {"sent": {"Accept-Language": "en-GB-oxendict"}}),
    ],
    ids=["seven characters", "known before", "of the message", "a part of a word", "of the browser"],
)
def test_what_is_no_answer_is_left_as_it_was(first, second):
    """Short values, what the browser knew already or says by itself, and words that only begin alike."""
    result = har(entry(**{"url": "http://h/first", **first}), entry(**{"second": 0.1, **second}))
    assert not any("extract" in step for step in steps(result))
    assert "{{" not in json.dumps(result.document["requests"])


def test_a_value_that_is_used_nowhere_is_not_extracted():
    """What is not found abandons a flow, so nothing is looked for without need."""
    result = har(entry("http://h/a", text='{"t":"tok_4f9a81c2"}'), entry("http://h/b"))
    assert not any("extract" in step for step in steps(result))


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ('<input type="hidden" name="t" value="{}">', '<input type="hidden" name="t" value="'),
        ("<INPUT VALUE='{}' TYPE='hidden' NAME=t />", "<INPUT VALUE='"),
        ('<meta content="{}" name="t">', '<meta content="'),
        ('<meta name="t" content="other-value"><meta name="t" content="{}" >', None),
        ('<input name="t" value="{}">', None),
    ],
)
def test_a_hidden_field_is_found_between_two_texts(page, left):
    """The left one stands first in front of the value, so that a search finds the same."""
    content = "<html>" + page.format(TOKEN)
    found = [answer for answer in answers_of([], content) if answer.value == TOKEN]
    assert len(found) == (left is not None)
    for answer in found:
        before, after = answer.how["between"]
        assert before == left
        start = content.find(before) + len(before)
        assert content[start : content.find(after, start)] == TOKEN


def test_ids_of_paths_are_rows_and_stay_consistent():
    """Numbers, UUIDs and hexadecimal ids; below an id too, and in a body. One that is alone, or was not found, stays."""
    result = har(
        entry("http://h/users/7"),
        entry("http://h/items/1001/reviews"),
        entry("http://h/items/1002"),
        entry("http://h/items/1003", status=404),
        entry("http://h/buy", method="POST", mime="application/json", body='{"item":1002,"count":2}'),
    )
    assert result.document["data"] == {"item": {"values": ["1001", "1002"]}}
    assert [one["url"] for one in result.document["requests"]] == [
        "/users/7",
        "/items/{{item}}/reviews",
        "/items/{{item}}",
        "/items/1003",
        "/buy",
    ]
    assert result.document["requests"][3]["expect"] == {"status": 404}
    assert result.document["requests"][4]["payload"] == {"item": "{{{item}}}", "count": 2}


@pytest.mark.parametrize(
    ("body", "mime", "expected"),
    [
        ('{"a": 1}', "application/json;charset=utf-8", {"payload": {"a": 1}}),
        ('{"a": 1, "a": 2}', "application/json", {"body": '{"a": 1, "a": 2}'}),
        ("a=1&b=2&a=3", "application/x-www-form-urlencoded", {"body": "a=1&b=2&a=3"}),
        ("plain {{x}} ${y}", "text/plain", {"body": "plain {{brace}}{x}} $${y}"}),
    ],
)
def test_a_body_is_sent_as_it_was(body, mime, expected):
    """As JSON or a form where that loses nothing, else as its text."""
    request = har(entry(method="POST", body=body, mime=mime, sent={"Content-Type": mime})).document["requests"][0]
    assert {key: request.get(key) for key in expected} == expected


def test_a_body_that_is_no_text_is_left_out_with_a_sentence():
    """A recording does not keep other bytes."""
    bad = entry("http://h/up", method="POST", body="\ufffdPNG", mime="image/png")
    assert any("POST /up was left out: its body is no text" in note for note in har(entry(), bad).notes)


def test_a_request_that_needs_one_that_was_left_out_is_left_out_too():
    """Its value would never be there; each has its sentence."""
    bad = entry("http://a..b/login", text=f'{{"t":"{TOKEN}"}}')
    result = har(bad, entry(f"http://h/{TOKEN}", second=1), entry("http://h/free", second=2), hosts=("*",))
    assert [one["url"] for one in result.document["requests"]] == ["/free"]
    assert any("has a host that cannot be" in note for note in result.notes)
    assert "GET /{t} was left out: it needs t of a response that was left out" in result.notes


def test_a_secret_where_no_variable_can_be_leaves_its_request_out():
    """Such as the name of a member; the sentence does not repeat it."""
    secret = "0123-hidden-4567"
    sent = {"Authorization": f"Bearer {secret}"}
    bad = entry("http://h/bad", method="POST", mime="application/json", body=f'{{"{secret}": 1}}')
    result = har(entry(sent=sent), bad)
    assert [one["url"] for one in result.document["requests"]] == ["/"]
    assert "POST /bad was left out: a secret stands where a config can have no variable" in result.notes
    assert secret not in json.dumps([result.document, result.notes])


@pytest.mark.parametrize(("size", "slot_bytes"), [(4000, None), (5000, 10_000), (60_000, 65_536)])
def test_a_long_token_has_room(size, slot_bytes):
    """A flow keeps 4,096 bytes of a value unless it is told otherwise; a longer one than 65,536 is no token."""
    token = "t" * size
    result = har(entry("http://h/a", text=f'{{"t":"{token}"}}'), entry("http://h/b", sent={"X-T": token}))
    assert result.document["flows"][0].get("slotBytes") == slot_bytes
    assert result.document["requests"][1]["headers"] == {"X-T": "{{t}}"}


def test_rates_of_a_flow_are_starts():
    """A total of requests is divided by those of a start; the first starts find as many users as they need."""
    flow = har(entry(), entry("http://h/b", second=9), total_rps=30).document["flows"][0]
    assert flow["startsPerSecond"] == 15
    assert flow["autoscale"] == {"enabled": True, "initialWorkers": 150, "maxWorkers": 225}


def test_another_server_is_named_everywhere():
    """With --base-url the origin and the referer name it too."""
    sent = {"Origin": "http://h", "Referer": "http://h/x"}
    document = har(entry("http://h/a", sent=sent), base_url="http://stage:8080/").document
    assert document["baseUrl"] == "http://stage:8080"
    assert document["requests"][0]["headers"] == {"Origin": "http://stage:8080", "Referer": "http://stage:8080/x"}


@pytest.mark.parametrize("document", [{}, {"log": {}}, {"log": {"entries": []}}, {"log": {"entries": [{}]}}, [], 3])
def test_what_is_no_recording_is_a_sentence(document):
    """Or one without a request."""
    with pytest.raises(ConfigError, match=r"HAR|nothing"):
        imported("har", json.dumps(document), "x.har", Options())
