"""The TLS of connections as the reactor drives it: by the OpenSSL that Python has loaded, or by Python's own objects."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, strlen
from posix.fcntl cimport O_APPEND, O_CLOEXEC, O_CREAT, O_WRONLY
from posix.fcntl cimport open as open_file
from posix.unistd cimport write as write_file

from tressi.wire.openssl cimport (
    BIO_FLUSH, BIO_RETRIES, BIO_RETRY_READ, BIO_SOURCE_SINK, CACHE_BY_US, CTRL_HIGHEST_VERSION, CTRL_LOWEST_VERSION, CTRL_MODE,
    CTRL_SESSION_CACHE, ERROR_WANT_READ, MODES, PEM, VERIFY_PEER, BIO, SSL, SSL_SESSION, VERIFY_PARAM, Openssl, openssl_find,
)
from tressi.wire.secure cimport (
    NO_DATA, SHAKEN, SHAKING, TLS_FAILED, Shaken, Tls, TlsTarget, tls_bottom, tls_free, tls_new, tls_open, tls_shake, tls_write,
)
from tressi.wire.text cimport WHY_BYTES, Text, text_add, text_free

cdef Openssl found
cdef bint is_found = False
cdef int keys_file = -1            # where the keys of connections are written, to decrypt a capture of them by; -1: nowhere

OLDEST = 0x30000000                # OpenSSL 3.0.0, as OPENSSL_VERSION_NUMBER counts
NEXT = 0x40000000                  # whose ABI is another


def drive_openssl(file, version not None):
    """Find the OpenSSL that an extension module is linked to (its path; None: the program), which calls itself `version`.

    Returns why the reactor cannot drive it, or None: it can.
    """
    global found, is_found
    cdef Openssl looked
    path = None if file is None else file.encode()
    missing = openssl_find(<const char*> NULL if path is None else <const char*> path, &looked)
    if missing != NULL:
        return f"{missing.decode()} is not to be found in a shared library"
    says = looked.OpenSSL_version(0).decode()
    if says != version or not OLDEST <= looked.OpenSSL_version_num() < NEXT:
        return f"{says} is not what is needed: OpenSSL 3, and the one that Python has"
    if is_found:
        return None
    found = looked
    found.between = found.BIO_meth_new(found.BIO_get_new_index() | BIO_SOURCE_SINK, b"tressi")
    if found.between == NULL:
        raise MemoryError
    found.BIO_meth_set_write(found.between, bio_write)
    found.BIO_meth_set_read(found.between, bio_read)
    found.BIO_meth_set_ctrl(found.between, bio_control)
    is_found = True
    return None


# ----------------------------------------------------------------------------------------------- what OpenSSL calls, anywhere

cdef int bio_write(BIO* bio, const char* bytes, int size) noexcept nogil:
    """Records that OpenSSL has made."""
    cdef Tls* tls = <Tls*> found.BIO_get_data(bio)
    found.BIO_clear_flags(bio, BIO_RETRIES)
    if tls.outer != NULL:
        return found.SSL_write(tls.outer.ssl, bytes, size)
    return size if text_add(tls.records, bytes, size) else -1


cdef int bio_read(BIO* bio, char* bytes, int size) noexcept nogil:
    """Records that OpenSSL asks for; it does so twice for each, for its five bytes of head and for the rest."""
    cdef Tls* tls = <Tls*> found.BIO_get_data(bio)
    cdef int part, got
    found.BIO_clear_flags(bio, BIO_RETRIES)
    if tls.outer != NULL:
        got = found.SSL_read(tls.outer.ssl, bytes, size)
        if got <= 0 and found.SSL_get_error(tls.outer.ssl, got) == ERROR_WANT_READ:
            found.BIO_set_flags(bio, BIO_RETRY_READ)
        return got
    if tls.came == 0:
        found.BIO_set_flags(bio, BIO_RETRY_READ)
        return -1
    part = <int> min(<int64_t> size, tls.came)
    memcpy(bytes, tls.came_at, part)
    tls.came_at += part
    tls.came -= part
    return part


cdef long bio_control(BIO* bio, int command, long number, void* data) noexcept nogil:
    return command == BIO_FLUSH


cdef int session_came(SSL* ssl, SSL_SESSION* session) noexcept nogil:
    """The server lets its connection be resumed: with TLS 1.3 behind the handshake, by a ticket (RFC 8446 4.6.1)."""
    cdef Tls* tls = <Tls*> found.SSL_get_ex_data(ssl, 0)
    if tls.target.resumable != NULL:
        found.SSL_SESSION_free(tls.target.resumable)
    tls.target.resumable = session
    return 1


cdef void keys_came(const SSL* ssl, const char* line) noexcept nogil:
    """Write the keys of a connection down (SSLKEYLOGFILE), a line in one piece: other processes may write there too."""
    cdef char whole[512]
    cdef size_t size = strlen(line)
    if size < sizeof(whole):
        memcpy(whole, line, size)
        whole[size] = c"\n"
        write_file(keys_file, whole, size + 1)


cdef int nobody_is_asked(char* room, int size, int writes, void* data) noexcept nogil:
    """There is no password."""
    return -1


cdef failure(const char* what):
    """What OpenSSL says of `what`, which failed."""
    cdef unsigned long error = found.ERR_peek_last_error()
    cdef const char* words = found.ERR_reason_error_string(error) if error != 0 else NULL
    found.ERR_clear_error()
    return OSError(f"{what.decode()}: {words.decode() if words != NULL else 'unknown'}")


# ------------------------------------------------------------------------------------------------------------- the classes

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


cdef class TlsContext:
    """How a client speaks TLS: what an `ssl.SSLContext` is, made by OpenSSL's own functions.

    `ciphers` are those below TLS 1.3, `versions` the lowest and the highest as numbers of the protocol (0: whichever there is),
    `protocols` as ALPN has them (RFC 7301), each behind its length. Raises OSError for what OpenSSL refuses.
    """

    def __cinit__(self, *, uint64_t options, versions, bytes ciphers, int level, bytes protocols):
        if not is_found:
            raise RuntimeError("OpenSSL was not found: call drive_openssl first")
        found.ERR_clear_error()
        self.context = found.SSL_CTX_new(found.TLS_client_method())
        if self.context == NULL:
            raise failure(b"a TLS context")
        found.SSL_CTX_set_options(self.context, options)
        found.SSL_CTX_ctrl(self.context, CTRL_MODE, MODES, NULL)
        found.SSL_CTX_set_security_level(self.context, level)
        found.SSL_CTX_ctrl(self.context, CTRL_SESSION_CACHE, CACHE_BY_US, NULL)
        found.SSL_CTX_sess_set_new_cb(self.context, session_came)
        found.SSL_CTX_set_default_passwd_cb(self.context, nobody_is_asked)
        if not found.SSL_CTX_ctrl(self.context, CTRL_LOWEST_VERSION, versions[0], NULL):
            raise failure(b"the lowest version")
        if not found.SSL_CTX_ctrl(self.context, CTRL_HIGHEST_VERSION, versions[1], NULL):
            raise failure(b"the highest version")
        if not found.SSL_CTX_set_cipher_list(self.context, ciphers):
            raise failure(b"the ciphers")
        if found.SSL_CTX_set_alpn_protos(self.context, protocols, <unsigned> len(protocols)):
            raise failure(b"the protocols")

    def __dealloc__(self):
        if self.context != NULL:
            found.SSL_CTX_free(self.context)

    def verify(self, *, unsigned long flags, unsigned host_flags, bytes authorities):
        """Accept certificates alone that lead to those of the system, or to those in the file `authorities`."""
        cdef VERIFY_PARAM* param = found.SSL_CTX_get0_param(self.context)
        found.X509_VERIFY_PARAM_clear_flags(param, found.X509_VERIFY_PARAM_get_flags(param) & ~flags)
        found.X509_VERIFY_PARAM_set_flags(param, flags)
        found.X509_VERIFY_PARAM_set_hostflags(param, host_flags)
        found.SSL_CTX_set_verify(self.context, VERIFY_PEER, NULL)
        found.SSL_CTX_set_default_verify_paths(self.context)
        if authorities is not None and not found.SSL_CTX_load_verify_locations(self.context, authorities, NULL):
            raise failure(b"the authorities")
        # Of certificates of the system's that it passes over, as Python's module does.
        found.ERR_clear_error()

    def show(self, bytes certificate not None, bytes key not None):
        """Answer a server that asks for it by the certificate and the key in these files."""
        if not (
            found.SSL_CTX_use_certificate_chain_file(self.context, certificate)
            and found.SSL_CTX_use_PrivateKey_file(self.context, key, PEM)
            and found.SSL_CTX_check_private_key(self.context)
        ):
            raise failure(b"the certificate")

    def write_keys(self, bytes file not None):
        """Append the keys of all connections to this file, which is then that of every context."""
        global keys_file
        if keys_file < 0:
            keys_file = open_file(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        if keys_file < 0:
            raise OSError(f"{file.decode()} cannot be written")
        found.SSL_CTX_set_keylog_callback(self.context, keys_came)


cdef class TlsPeer:
    """Whom connections speak TLS with: by `context`, under a name or an address (`is_address`) that a certificate is for.

    The certificate must be for it where it `is_checked`. Connections resume each other's sessions.
    """

    def __cinit__(self, TlsContext context not None, bytes name not None, *, bint is_address, bint is_checked):
        self.context = context
        self.name = name
        self.target = TlsTarget(&found, context.context, self.name, is_address, is_checked, NULL)

    def __dealloc__(self):
        if self.target.resumable != NULL:
            found.SSL_SESSION_free(self.target.resumable)


cdef class TlsStream:
    """The TLS of a connection while a greenlet has it, inside of `outer` where there is one; `Reactor.attach` takes it.

    It knows no socket: what came is given to the outermost (`take`), and what is to be sent is asked of it (`sealed`).
    """

    def __cinit__(self, TlsPeer peer not None, TlsStream outer=None):
        self.peer = peer
        self.outer = outer
        self.tls = tls_new(&peer.target, NULL if outer is None else outer.tls, &self.records)
        if self.tls == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.tls != NULL:
            # The outer one is its own stream's.
            self.tls.outer = NULL
            tls_free(self.tls)
        text_free(&self.records)

    cdef Tls* mine(self) except NULL:
        if self.tls == NULL:
            raise RuntimeError("the reactor has it")
        return self.tls

    cdef set peers(self):
        """Whom it speaks with, and whom the outer one does: they must live as long as the connection."""
        return {self.peer} if self.outer is None else {self.peer, self.outer.peer}

    cdef Tls* handed(self, Text* records) except NULL:
        """The reactor takes it: its records are put there from now on."""
        cdef Tls* tls = self.mine()
        tls.records = tls_bottom(tls).records = records
        self.tls = NULL
        if self.outer is not None:
            self.outer.tls = NULL
        return tls

    @property
    def protocol(self):
        """What the handshake has chosen (RFC 7301), or None."""
        cdef const unsigned char* name = NULL
        cdef unsigned size = 0
        found.SSL_get0_alpn_selected(self.mine().ssl, &name, &size)
        return (<const char*> name)[:size].decode() if size else None

    def take(self, bytes came not None):
        """These records came over the socket."""
        cdef Tls* tls = self.mine()
        # What is not opened at once must stay: it is copied, behind what was left of before.
        if not text_add(&tls.unread, <const char*> came, len(came)):
            raise MemoryError
        tls.came_at = tls.unread.bytes
        tls.came = tls.unread.size

    def sealed(self):
        """Records to be sent over the socket."""
        said = PyBytes_FromStringAndSize(self.records.bytes, self.records.size)
        self.records.size = 0
        return said

    def shake(self):
        """Go on with the handshake; returns whether it is done. Raises OSError, whose words are OpenSSL's."""
        cdef char why[WHY_BYTES]
        cdef Shaken state = tls_shake(self.mine(), why)
        if state != SHAKEN and state != SHAKING:
            raise OSError(why.decode(errors="replace"))
        return state == SHAKEN

    def write(self, bytes data not None):
        """Seal all of it. Raises OSError."""
        cdef char why[WHY_BYTES]
        cdef Tls* tls = self.mine()
        if tls_write(tls, data, len(data), why) != len(data):
            raise OSError(why.decode(errors="replace"))

    def read(self, int most):
        """Some of what is said inside: empty at the end of TLS, None before more has come. Raises OSError."""
        cdef char why[WHY_BYTES]
        cdef bint ended = False
        room = PyBytes_FromStringAndSize(NULL, most)
        cdef int64_t size = tls_open(self.mine(), PyBytes_AS_STRING(room), most, &ended, why)
        if size == TLS_FAILED:
            raise OSError(why.decode(errors="replace"))
        return None if size == NO_DATA else room[:size]
