"""curl's command lines as requests."""

import json

import pytest
from each import each

from tests.imported_samples import of_curl, sample
from tressi.errors import ConfigError
from tressi.imports.curl_options import BY_NAME, OPTIONS
from tressi.imports.formats import imported
from tressi.imports.options import Options
from tressi.imports.shell import commands_of

pytestmark = pytest.mark.pure


def curl(text, **options):
    """What an import makes of commands."""
    return imported("curl", text, "commands", Options(**options))


@each(
    ("text", "words"),
    [
        ("curl a 'b c' \"d e\"", [["curl", "a", "b c", "d e"]]),
        ("curl \\\n  a \\\r\n b", [["curl", "a", "b"]]),
        (r"curl $'it\'s \u00e4 \x41 \101 \n'", [["curl", "it's ä A A \n"]]),
        (r'curl "a \"b\" \$c \d"', [["curl", 'a "b" $c \\d']]),
        ("curl a'b'\"c\"", [["curl", "abc"]]),
        ("curl '' a", [["curl", "", "a"]]),
        ("# curl x\ncurl a # b\ncurl c; curl d && curl e", [["curl", "a"], ["curl", "c"], ["curl", "d"], ["curl", "e"]]),
        ("curl a | jq . > x\ncurl b", [["curl", "a"], ["curl", "b"]]),
        ("curl a#b", [["curl", "a#b"]]),
    ],
)
def test_words_are_read_as_a_shell_reads_them(text, words):
    """Quotes of all kinds, lines that go on, comments, and what parts commands."""
    assert commands_of(text) == words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("curl 'a", "line 1 has a single quote that is never closed"),
        ('\ncurl "a', "line 2 has a double quote that is never closed"),
        ("curl $'a", "line 1 has a quote $' that is never closed"),
        ("curl $(date)", "something that the shell would compute first"),
        ("curl `date`", "a command in backquotes"),
        ("curl a < b", "a redirection of the shell's"),
    ],
)
def test_what_only_a_shell_can_know_is_an_error(text, said):
    """With the line."""
    with pytest.raises(ConfigError, match="line") as caught:
        commands_of(text)
    assert said in str(caught.value)


@each(
    ("text", "expected"),
    [
        ("curl h/a", {"url": "/a", "headers": {"Accept": "*/*"}}),
        ("curl -XPUT http://h/", {"method": "PUT"}),
        (
            "curl h -d a=1 -d b",
            {
                "method": "POST",
                "body": "a=1&b",
                "headers": {"Accept": "*/*", "Content-Type": "application/x-www-form-urlencoded"},
            },
        ),
        ("curl h -d a=1 -d 'b=x%20y'", {"method": "POST", "form": {"a": "1", "b": "x y"}}),
        ("curl h -G -d a=1 --data-urlencode 'b=x y'", {"url": "/?a=1&b=x+y"}),
        ("curl 'h/?z=0' -G -d a=1 --url-query c=2", {"url": "/?z=0&c=2&a=1"}),
        ("curl h --json '{\"a\":1}'", {"payload": {"a": 1}, "headers": {"Accept": "application/json"}}),
        ("curl h -H 'Content-Type: application/json' -d '{\"a\":1,\"a\":2}'", {"body": '{"a":1,"a":2}'}),
        ("curl h -I", {"method": "HEAD"}),
        (
            "curl h -A me -e http://r/ -r 0-9 -H 'Accept:'",
            {"headers": {"User-Agent": "me", "Referer": "http://r/", "Range": "bytes=0-9"}},
        ),
        ("curl h -H 'A: 1' -H 'a: 2' -H 'E;'", {"headers": {"A": ["1", "2"], "E": "", "Accept": "*/*"}}),
        ("curl h -H 'Host: h' -H 'Connection: close' -H 'Content-Length: 3' -H ':path: /'", {"headers": {"Accept": "*/*"}}),
        ("curl h -H 'Host: other'", {"headers": {"Host": "other", "Accept": "*/*"}}),
        ("curl h --compressed", {"headers": {"Accept": "*/*", "Accept-Encoding": "gzip, deflate"}}),
        ("curl h -m 2.5 --connect-timeout 1", {"timeout": 2.5, "connectTimeout": 1}),
        (
            "curl h -F a=b -F 'c=\"d;e\";type=x/y'",
            {"multipart": [{"name": "a", "value": "b"}, {"name": "c", "value": "d;e", "contentType": "x/y"}]},
        ),
        ("curl 'h/ä b{c}?q=<>'", {"url": "/ä%20b%7Bc%7D?q=%3C%3E"}),
        ("curl -sSLvo /dev/null h", {"url": "/"}),
    ],
)
def test_options_become_a_request(text, expected):
    """As curl would send it."""
    request = of_curl(text)
    assert {name: request.get(name) for name in expected} == expected


def test_settings_of_connections_go_to_the_top():
    """TLS, proxy, redirects and other addresses."""
    text = (
        "curl https://h/ -kL --max-redirs 4 -x http://u:pw-of-the-proxy@p:3128 --resolve h:443:10.0.0.1"
        " --connect-to h:80:i:8080 --tls-max 1.3 --tlsv1.2"
    )
    document = curl(text).document
    assert document["tls"] == {"verify": False, "maxVersion": "1.3", "minVersion": "1.2"}
    assert document["followRedirects"] == 4
    assert document["proxy"] == "http://${PROXY_CREDENTIALS}@p:3128"
    assert document["resolve"] == {"h:443": "10.0.0.1", "h:80": "i:8080"}


@each(
    ("text", "said"),
    [
        ("curl h --no-such=secret", "--no-such "),
        ("curl h --datta x", "--datta"),
        ("curl h -Q x", "-Q"),
        ("curl h -sQx", "-Q"),
        ("curl h -s: i", "-:"),
        ("curl h -X", "-X has no value"),
        ("curl h -b jar.txt", "-b names a file"),
        ("curl -s", "no URL"),
        ("curl 'h/[1-9]'", "range or a list"),
        ("curl ftp://h/", "neither http:// nor https://"),
        ("curl h -x socks5://p", "proxy"),
        ("curl h -m soon", "--max-time"),
        ("curl h -H 'no colon'", "colon"),
        ("curl h -d a -F b=c", "more than one"),
        ("curl h -d a -r 0-1", "Content-Range"),
        ('curl ^"http://h/^" ^', "Windows"),
        ("wget http://h/", "no command curl"),
    ],
)
def test_what_is_not_known_is_an_error_that_names_it(text, said):
    """An option that is passed over could make another request of it; no value of one is shown."""
    with pytest.raises(ConfigError) as caught:
        curl(text)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_is_left_out_is_said():
    """Options without a counterpart, other commands, and settings that are for all requests."""
    result = curl("export A=1\ncurl -k https://h/ --retry 3\ncurl https://h/b --http3")
    assert result.notes == (
        "a command that is not curl was left out: 'export'",
        "curl's option --retry was left out: what has failed is a failure, and is not sent again",
        "curl's option --http3 was left out: tressi speaks HTTP/1.1 and HTTP/2",
        "tls is for all requests of a config, although the commands differ in it",
    )


def test_what_is_spoken_is_kept():
    """The last of several options counts, as with curl; without one it is the usual protocol."""
    for options, protocols in (
        ("", (None, None)),
        ("--http2", ("auto", "auto")),
        ("--http2-prior-knowledge", ("h2c", "h2")),
        ("--http2 --http1.1", ("http/1.1", "http/1.1")),
    ):
        found = tuple(
            curl(f"curl {options} {url}").document["requests"][0].get("protocol") for url in ("http://h/", "https://h/")
        )
        assert found == protocols, options


def test_secrets_are_variables_wherever_they_stand():
    """In headers, cookies, parameters, bodies, and a password that is repeated elsewhere."""
    text = (
        "curl 'http://h/?api_key=0123456789ab&note=wordword-77' -u joe:wordword-77 -b 'sid=abcdef012345'"
        ' -H \'X-Session: s\' --json \'{"password": "pp", "again": "abcdef012345", "pin": {"secret": 12345}}\''
    )
    result = curl(text)
    request = result.document["requests"][0]
    assert request["url"] == "/?api_key=${API_KEY}&note=${PASSWORD_2}"
    assert request["headers"]["Authorization"] == "Basic ${BASIC_CREDENTIALS}"
    assert request["headers"]["Cookie"] == "${COOKIE}"
    assert request["headers"]["X-Session"] == "${X_SESSION}"
    assert request["payload"] == {"password": "${PASSWORD}", "again": "${COOKIE_SID}", "pin": {"secret": "${SECRET}"}}


def test_a_variable_of_the_shell_is_one_of_the_environment():
    """Also in front of a URL; a dollar that is none stays."""
    result = curl("curl $BASE/items/$ID -H \"X-Cost: 5$ or $'x\" -H 'X-Raw: $ID'")
    assert result.document["baseUrl"] == "${BASE}"
    request = result.document["requests"][0]
    assert request["url"] == "/items/${ID}"
    assert request["headers"] == {"X-Cost": "5$ or $'x", "X-Raw": "$ID", "Accept": "*/*"}
    assert {one.name for one in result.variables} == {"BASE", "ID"}


def test_what_a_browser_copies_is_what_it_sent():
    """The three commands of Chrome's sample: cookies and credentials are variables, a body in $'…' is read."""
    result = sample("chrome.curl.sh")
    first, second, third = result.document["requests"]
    assert first["headers"]["Cookie"] == "${COOKIE}"
    assert second["payload"]["name"] == "O'Brien & Co"
    assert second["payload"]["note"] == "a\nb {{brace}}{name}} $${HOME}"
    assert third["body"].count("\r\n") == 9
    assert result.document["data"] == {"brace": {"values": ["{"]}}


def test_files_are_named_as_from_the_config():
    """A config elsewhere finds the files of the command."""
    document = curl("curl h -T LICENSE\ncurl h -F a=@README.md -E LICENSE", folder="../..").document
    assert document["requests"][0]["bodyFile"] == "../../LICENSE"
    assert document["requests"][1]["multipart"][0]["file"] == "../../README.md"
    assert document["tls"]["cert"] == "../../LICENSE"


def test_a_file_that_is_not_there_is_said():
    """The one request that needs it is left out, the other stays."""
    result = curl("curl h/a -T no-such-file\ncurl h/b")
    assert [request["name"] for request in result.document["requests"]] == ["GET /b"]
    assert any("no-such-file" in note and "left out" in note for note in result.notes)


def test_commands_can_be_a_flow():
    """In their order."""
    document = curl("curl h/a\ncurl h/b\ncurl h/a", wanted="flow").document
    assert [step["request"] for step in document["flows"][0]["steps"]] == ["GET /a", "GET /b", "GET /a"]
    assert len(document["requests"]) == 2


@each("option", OPTIONS, ids=lambda option: option.names[0])
def test_every_option_is_read(option):
    """Each name with some value: a request or a sentence, whatever it means."""
    for name in option.names:
        flag = f"{'-' if len(name) == 1 else '--'}{name}{' 1' if option.takes else ''}"
        try:
            said = curl(f"curl h {flag}\ncurl h").document["requests"]
        except ConfigError as error:
            said = str(error)
        assert said


def test_every_option_is_in_the_table_once():
    """And those that have an effect say which; the names of long options are none of one letter."""
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names)) == len(BY_NAME)
    assert all(option.what for option in OPTIONS)
    assert json.dumps(sorted(names)).isascii()
