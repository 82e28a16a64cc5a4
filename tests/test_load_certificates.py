"""Whom a handshake names, and which certificates are accepted: the same over both transports, whatever Python has."""

import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from engines import ONCE, attempt, endpoint, only
from servers import answering, raw_server, response
from tls_ways import EVERY_TLS

from tressi.load.connection import client_context
from tressi.load.tls import make_context, named_in_tls
from tressi.model import TlsConfig

pytestmark = pytest.mark.timed

TRANSPORTS = ["wire", "urllib3"]
NOW = datetime.now(UTC)
AUTHORITY, PLAIN = x509.BasicConstraints(ca=True, path_length=None), x509.BasicConstraints(ca=False, path_length=None)
SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Certificate:
    """A certificate for `name` with its key, signed by another or by itself."""

    def __init__(self, name, issuer=None, constraints=PLAIN, *extensions, days=1, identifies=True):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = issuer or self
        builder = (
            x509.CertificateBuilder(issuer.name, self.name, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=9))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        for extension in (*([constraints] if constraints else []), *extensions):
            builder = builder.add_extension(extension, critical=True)
        if identifies:
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
            builder = builder.add_extension(known, critical=False)
        self.pem = builder.sign(issuer.key, SHA256()).public_bytes(Encoding.PEM)

    def key_pem(self):
        """Its key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


ROOT = Certificate("root", None, AUTHORITY, SIGNS)
BETWEEN = Certificate("between", ROOT, AUTHORITY, SIGNS)
LEAF = Certificate("localhost", BETWEEN)
OLD_FASHIONED = Certificate("old-fashioned", None, AUTHORITY, identifies=False)
ALONE = Certificate("localhost")

# What the server shows, what is trusted, and why it is not accepted.
CHAINS = {
    "to a trusted root": ([LEAF, BETWEEN], [ROOT], None),
    "to a trusted authority between": ([LEAF, BETWEEN], [BETWEEN], None),
    "to a trusted authority between, which is not shown": ([LEAF], [BETWEEN], None),
    "of the server's own certificate, which is trusted": ([LEAF], [LEAF], None),
    "of a certificate signed by itself, which is trusted": ([ALONE], [ALONE], None),
    "to an authority that says neither what its key is for nor which it is": (
        [Certificate("localhost", OLD_FASHIONED, identifies=False)],
        [OLD_FASHIONED],
        None,
    ),
    "to a root that is not trusted": ([LEAF, BETWEEN], [OLD_FASHIONED], "unable to get local issuer certificate"),
    "with a part missing": ([LEAF], [ROOT], "unable to get local issuer certificate"),
    "of a certificate signed by itself, which is not trusted": ([ALONE], [ROOT], "self-signed certificate"),
    "of a certificate that is over": ([Certificate("localhost", ROOT, days=-1)], [ROOT], "certificate has expired"),
    "for another name": ([Certificate("other.example", ROOT)], [ROOT], "Hostname mismatch"),
    "signed by a plain certificate": ([Certificate("localhost", LEAF), LEAF, BETWEEN], [ROOT], "invalid CA certificate"),
}


@EVERY_TLS
def test_one_policy_decides_which_certificates_are_accepted(tmp_path, transport):
    """A chain may end at any certificate that is trusted, and need not be as strict as RFC 5280 asks for."""
    shown, trusted = tmp_path / "shown.pem", tmp_path / "trusted.pem"
    for name, (chain, anchors, refusal) in CHAINS.items():
        shown.write_bytes(chain[0].key_pem() + b"".join(one.pem for one in chain))
        trusted.write_bytes(b"".join(one.pem for one in anchors))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown)
        with raw_server(inside(context)) as server:
            one = endpoint(f"https://localhost:{server.port}/", ONCE)
            found = only(attempt(one, tls=TlsConfig(ca=str(trusted)), transport=transport))
        reasons = [reason.text for reason in found.reasons]
        if refusal is None:
            assert (found.succeeded, reasons) == (1, []), f"a chain {name}"
        else:
            assert found.errors == {"tls": 1}, f"a chain {name}"
            assert reasons[0].startswith(f"certificate not accepted: {refusal}"), f"a chain {name}"


def test_both_transports_have_the_same_context():
    """In what they accept and in what they offer."""
    for config in (TlsConfig(), TlsConfig(verify=False)):
        one, other = make_context(config), client_context(config)
        for name in ("verify_flags", "verify_mode", "check_hostname", "options", "minimum_version", "maximum_version"):
            assert getattr(one, name) == getattr(other, name), name
        assert [each["name"] for each in one.get_ciphers()] == [each["name"] for each in other.get_ciphers()]


def inside(context):
    """A script that answers every request inside TLS."""

    def script(conversation):
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        answering(response())(conversation)

    return script


NAMES = {
    "example.test": "example.test",
    "example.test.": "example.test",
    "127.0.0.1": "127.0.0.1",
    "127.0.0.1.": "127.0.0.1",
    "127.1": "127.0.0.1",
    "0x7f.0.0.1": "127.0.0.1",
    "2130706433": "127.0.0.1",
    "::1": "::1",
    "fe80::1%eth0": "fe80::1",
    "1.example": "1.example",
}


def test_what_a_certificate_is_checked_for():
    """Neither the final dot of a full name (RFC 6066 3) nor the zone of an address; an address as one, however written."""
    assert {host: named_in_tls(host) for host in NAMES} == NAMES


HEARD = {
    "example.test": ("example.test", None),
    "example.test.": ("example.test", None),
    "EXAMPLE.test.": ("example.test", None),
    "127.1": (None, None),
    "127.0.0.1": (None, None),
    "127.0.0.1 by name": ("example.test", "example.test."),
    "[::1]": (None, None),
}


@EVERY_TLS
@pytest.mark.parametrize("host", HEARD)
def test_the_server_hears_a_name_without_its_final_dot_and_no_address(monkeypatch, tmp_path, host, transport):
    """The name as it may stand in a certificate, which is accepted, while Host has the dot (RFC 9110 7.2)."""
    name, server_name = HEARD[host]
    shown = Certificate("example.test", ROOT)
    (tmp_path / "shown.pem").write_bytes(shown.key_pem() + shown.pem)
    (tmp_path / "trusted.pem").write_bytes(ROOT.pem)
    context, heard = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(tmp_path / "shown.pem")
    context.sni_callback = lambda _, name, __: heard.append(name)
    host = host.partition(" ")[0]
    family = socket.AF_INET6 if host == "[::1]" else socket.AF_INET
    with raw_server(inside(context), family) as server:
        if "test" in host:
            where = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))]
            monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: where)
        tls = TlsConfig(ca=str(tmp_path / "trusted.pem"), verify=name is not None, server_name=server_name)
        found = only(attempt(endpoint(f"https://{host}:{server.port}/", ONCE), tls=tls, transport=transport))
    assert (found.succeeded, [reason.text for reason in found.reasons]) == (1, [])
    assert heard == [name]
    assert server.requests[0].fields["host"] == f"{host}:{server.port}"
