"""A TLS server that sends records of TLS itself when a script says so, which Python's ssl module cannot be asked to do."""

import socket
import warnings
from contextlib import suppress

import trustme
from servers import raw_server

with warnings.catch_warnings():
    # It still imports asyncore where Python has it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tlslite.api import HandshakeSettings, TLSConnection, TLSRemoteAlert, X509CertChain, parsePEMKey
from tlslite.constants import KeyUpdateMessageType
from tlslite.errors import TLSClosedConnectionError
from tlslite.messages import HelloRequest

_ISSUED = trustme.CA().issue_cert("localhost")
_KEY = parsePEMKey(_ISSUED.private_key_pem.bytes().decode(), private=True)


class _Dripping:
    """A socket that sends byte by byte."""

    def __init__(self, inner):
        self._inner = inner

    def send(self, data):
        for place in range(len(data)):
            self._inner.sendall(data[place : place + 1])
        return len(data)

    def __getattr__(self, name):
        return getattr(self._inner, name)


class Records:
    """What a script sends inside its conversation's TLS beside data."""

    def __init__(self, conversation, *, drips, version):
        self.plain = conversation.socket
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = TLSConnection(_Dripping(self.plain) if drips else self.plain)
        self.tls.ignoreAbruptClose = True
        self._settings = HandshakeSettings()
        self._settings.minVersion = self._settings.maxVersion = version
        self._settings.ticketKeys = [bytearray(range(32))]
        chain = X509CertChain()
        chain.parsePemList("".join(pem.bytes().decode() for pem in _ISSUED.cert_chain_pems))
        self._settings.ticket_count = 0
        self.tls.handshakeServer(certChain=chain, privateKey=_KEY, settings=self._settings, alpn=[bytearray(b"http/1.1")])
        self._settings.ticket_count = 1

    def new_keys(self):
        """Use new keys from now on."""
        self._update(KeyUpdateMessageType.update_not_requested)

    def new_keys_of_both(self):
        """Use new keys, and ask the client for new ones of its own."""
        self._update(KeyUpdateMessageType.update_requested)

    def new_handshake(self):
        """Ask the client for another handshake."""
        for _ in self.tls._sendMsg(HelloRequest().create()):
            pass

    def ticket(self):
        """Send a session ticket."""
        for _ in self.tls._serverSendTickets(self._settings):
            pass

    def sealed(self, size):
        """So much of what comes, as it comes, opened by nothing."""
        taken = b""
        while len(taken) < size and (piece := bytes(self.tls.sock.recv(size - len(taken)))):
            taken += piece
        return taken

    def corked(self, *acts):
        """Have what the acts send arrive in one segment; the last may close the connection."""
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for act in acts:
            act()
        with suppress(OSError):
            self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def _update(self, message_type):
        for _ in self.tls.send_keyupdate_request(message_type):
            pass


def records_server(script, *, drips=False, version=(3, 4)):
    """A raw server whose script is called with a conversation inside TLS 1.3, or another version, and with its Records."""

    def inside(conversation):
        records = Records(conversation, drips=drips, version=version)
        conversation.socket = records.tls
        try:
            script(conversation, records)
        except (TLSRemoteAlert, TLSClosedConnectionError):
            pass  # a client may leave early, at the end of a test
        except AssertionError:
            # So may one while a record is made: tlslite asserts that its connection is open.
            if not records.tls.closed:
                raise

    return raw_server(inside)
