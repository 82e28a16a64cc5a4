"""Which `Host` a server answers to, as values."""

from socket import gethostname

import pytest
from each import each

from tressi.site.host_header import host_name, is_no_site, is_of_this_machine

pytestmark = pytest.mark.pure


@each(
    ("header", "name"),
    [
        ("Host", "host"),
        ("host:80", "host"),
        ("host:", "host"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("::1", ""),
        ("", ""),
        (":80", ""),
        ("[", ""),
        ("host:80:90", ""),
        ("127.0.0.1@evil.example", ""),
        ("evil.example@127.0.0.1", ""),
        ("127.0.0.1/evil", ""),
        ("127.0.0.1,evil.example", "127.0.0.1,evil.example"),
        ("host\xa0", ""),
    ],
)
def test_the_name_without_its_port(header, name):
    """A text that is not a host and a port is refused."""
    assert host_name(header) == name


LOOPBACK = ["localhost", "127.0.0.1:9", "127.9.9.9", "[::1]:9"]
ADDRESSES = ["192.0.2.1:9464", "[2001:db8::1]:9464", "10.0.0.1"]
LOCAL = ["prometheus", "ci-runner:9464", gethostname()]
SITES = ["evil.example", "prometheus.evil.example", "localhost.", "127.0.0.1.evil.example", "", "[", "127.0.0.1,evil.example"]


@pytest.mark.parametrize(
    ("listens_at", "answered"),
    [
        ("127.0.0.1", LOOPBACK),
        ("::1", LOOPBACK),
        ("127.0.0.5", [*LOOPBACK, "127.0.0.5:9464"]),
        ("0.0.0.0", LOOPBACK + ADDRESSES + LOCAL),
        ("::", LOOPBACK + ADDRESSES + LOCAL),
        ("192.0.2.1", LOOPBACK + ADDRESSES + LOCAL),
    ],
)
def test_no_name_that_a_site_may_have_is_answered(listens_at, answered):
    """On loopback those of loopback; elsewhere also addresses and names that only a network of one's own gives."""
    for header in LOOPBACK + ADDRESSES + LOCAL + SITES:
        assert is_no_site(header, listens_at) is (header in answered), header


def test_the_machine_is_named_by_loopback_and_by_the_address_it_was_told():
    """And by nothing else."""
    assert is_of_this_machine("192.0.2.1:80", "192.0.2.1")
    assert not is_of_this_machine("192.0.2.2:80", "192.0.2.1")
    assert not is_of_this_machine("", "")
