"""The shop of the embedded target: tokens that expire, a cart by cookie, a form, bounded memory; and its journeys run."""

import gzip
import http.client
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import warm

from tressi.testing import shop as shops
from tressi.testing.shop import Asked, Shop, is_of_the_shop
from tressi.testing.target import Target

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent


def ask(shop, method, path, body=b"", now_s=0.0, **fields):
    """One request; names of fields are written with a low line."""
    return shop.answer(Asked(method, path, {name.replace("_", "-"): value for name, value in fields.items()}, body), now_s)


def logged_in(shop, now_s=0.0):
    """A token, and the cookies that came with it."""
    answer = ask(shop, "POST", "/login", b'{"user": "ann", "password": "a"}', now_s)
    assert answer.status == 200
    return json.loads(answer.body), dict(answer.fields)["Set-Cookie"].partition(";")[0]


def reason(answer):
    """Why a request was refused."""
    return answer.status, json.loads(answer.body)["error"]


def test_a_login_gives_a_token_an_id_and_a_cookie():
    """Each login others; a login without a password is none."""
    shop = Shop(token_s=60)
    (one, cookie), (other, another) = logged_in(shop), logged_in(shop)
    assert one.keys() == {"access_token", "expires_in", "user"}
    assert (one["expires_in"], one["user"]["id"], other["user"]["id"]) == (60, 1, 2)
    assert one["access_token"] != other["access_token"]
    assert cookie != another
    assert reason(ask(shop, "POST", "/login", b'{"user": "ann", "password": ""}')) == (
        401,
        "a login needs a user and a password",
    )
    assert reason(ask(shop, "POST", "/login", b"[" * 50_000)) == (400, "the body is no JSON object")


def test_a_token_is_good_for_so_many_requests_and_seconds():
    """Without one, with one that is not known, and once it is used up or too old, the reason says which."""
    shop = Shop(token_requests=2, token_s=10)
    bearer = f"Bearer {logged_in(shop)[0]['access_token']}"
    assert reason(ask(shop, "GET", "/items/7")) == (401, "a token is missing")
    assert reason(ask(shop, "GET", "/items/7", authorization="Bearer x")) == (401, "the token is not known")
    assert json.loads(ask(shop, "GET", "/items/7?a=1", authorization=bearer).body)["id"] == 7
    assert ask(shop, "GET", "/items/101", authorization=bearer).status == 404
    assert reason(ask(shop, "GET", "/items/7", authorization=bearer)) == (401, "the token has expired after 2 requests")
    old = f"Bearer {logged_in(shop)[0]['access_token']}"
    assert reason(ask(shop, "GET", "/items/7", now_s=10, authorization=old)) == (401, "the token has expired after 10 s")


def test_items_are_packed_where_that_is_accepted():
    """The same list in both forms."""
    shop = Shop()
    plain, packed = ask(shop, "GET", "/items"), ask(shop, "GET", "/items", accept_encoding="br, GZIP;q=0.5")
    assert ("Content-Encoding", "gzip") in packed.fields
    assert gzip.decompress(packed.body) == plain.body
    assert [item["id"] for item in json.loads(plain.body)["items"]] == list(range(1, 101))


def test_what_is_bought_is_in_the_cart_of_the_cookie():
    """Until the user logs out, which ends token and cookie."""
    shop = Shop()
    said, cookie = logged_in(shop)
    bearer = f"Bearer {said['access_token']}"
    bought = ask(shop, "POST", "/cart", b'{"item": 7}', authorization=bearer)
    assert (bought.status, dict(bought.fields)["Location"]) == (201, "/cart")
    assert ask(shop, "POST", "/cart", b'{"item": 0}', authorization=bearer).status == 422
    assert [item["id"] for item in json.loads(ask(shop, "GET", "/cart", cookie=f"a=b; {cookie}").body)["items"]] == [7]
    assert ask(shop, "GET", "/cart").status == 401
    left = ask(shop, "POST", "/logout", cookie=cookie)
    assert (left.status, dict(left.fields)["Set-Cookie"]) == (204, "sid=; Path=/; Max-Age=0")
    assert ask(shop, "GET", "/cart", cookie=cookie).status == 401
    assert ask(shop, "GET", "/items/7", authorization=bearer).status == 401


def test_a_form_must_give_its_hidden_field_back():
    """Once; another value and none are refused."""
    shop = Shop()
    (csrf,) = re.findall(rb'name="csrf" value="(\w+)"', ask(shop, "GET", "/form").body)
    given = b"csrf=" + csrf + b"&user=ann&password=a"
    entered = ask(shop, "POST", "/form", given)
    assert (entered.status, dict(entered.fields)["Location"]) == (303, "/cart")
    assert [ask(shop, "POST", "/form", body).status for body in (given, b"user=ann&password=a")] == [403, 403]


def test_other_methods_and_long_bodies_are_refused():
    """With the methods that a path takes."""
    shop = Shop()
    assert ("Allow", "GET, POST") in ask(shop, "DELETE", "/cart").fields
    assert ask(shop, "GET", "/login").status == 405
    assert ask(shop, "POST", "/login", b" " * (shops.BODY_LIMIT + 1)).status == 413
    assert ask(shop, "HEAD", "/items").status == 200


def test_what_is_remembered_has_bounds(monkeypatch):
    """The oldest users and forms go."""
    monkeypatch.setattr(shops, "_USERS", 3)
    shop = Shop()
    tokens = [logged_in(shop)[0]["access_token"] for _ in range(5)]
    statuses = [ask(shop, "GET", "/items/1", authorization=f"Bearer {token}").status for token in tokens]
    assert statuses == [401, 401, 200, 200, 200]
    for _ in range(5):
        ask(shop, "GET", "/form")
    assert len(shop._forms) == len(shop._by_sid) == len(shop._by_token) == 3


def test_the_paths_of_the_target_are_none_of_the_shop():
    """What was answered before is answered as before."""
    assert not any(map(is_of_the_shop, ("/", "/fast", "/slow", "/flaky", "/tide", "/nothing", "/carts", "/item")))
    assert all(map(is_of_the_shop, ("/login?x=1", "/items", "/items/7", "/cart", "/logout", "/form", "/shop")))


@pytest.mark.timed
def test_the_shop_is_served_beside_the_known_paths():
    """Over one connection: bodies that are kept and bodies that are skipped, answers without content, and those of before."""
    with Target() as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)

        def said(method, path, body=None):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Length"), answer.read()

        assert said("POST", "/fast", b"x" * 100_000) == (200, "16", b'{"status": 200}\n')
        assert said("GET", "/nothing") == (404, "16", b'{"status": 404}\n')
        status, _, body = said("POST", "/login", b'{"user": "ann", "password": "a"}')
        assert (status, json.loads(body)["user"]["name"]) == (200, "ann")
        assert said("POST", "/login", b" " * 200_000)[0] == 413
        assert said("HEAD", "/shop")[0] == 200
        assert said("GET", "/shop")[2].startswith(b"<!doctype html>")
        token = json.loads(body)["access_token"]
        connection.request("POST", "/logout", headers={"Authorization": f"Bearer {token}"})
        assert (answer := connection.getresponse()).status == 204
        assert (answer.getheader("Content-Length"), answer.read()) == (None, b"")
        assert said("GET", "/fast")[0] == 200
        connection.close()


@pytest.mark.timed
@pytest.mark.parametrize("name", ["journey.json", "shop.json"])
def test_the_journeys_of_the_examples_are_completed(name, target):
    """Against the embedded target no step fails, and the test passes."""
    done = warm.run("run", ROOT / "examples" / name, "--base-url", target, "--duration", "2", "--quiet", "--json", "-")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    made = [one["requestsMade"] for one in summary["endpoints"]]
    assert made == [one["requestsSucceeded"] for one in summary["endpoints"]]
    assert min(made[:2]) > 0
