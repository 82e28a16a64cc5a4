"""The TLS of one connection as the reactor drives it: what it calls on each read and send, looked up once."""


cdef class TlsSession:
    """An `ssl.SSLObject` between two memory BIOs, behind its handshake; see `wire/tls.pxd`.

    `describe` makes words of an exception of its.
    """

    def __init__(self, tls not None, incoming not None, outgoing not None, describe not None):
        self.incoming = incoming
        self.outgoing = outgoing
        self.write_sealed = incoming.write
        self.read_sealed = outgoing.read
        self.read = tls.read
        self.write = tls.write
        self.pending = tls.pending
        self.unwrap = tls.unwrap
        self.describe = describe
