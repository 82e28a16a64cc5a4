"""The OpenSSL that Python's ssl module has loaded: its functions, in a table that is filled at run time."""

from libc.stdint cimport uint64_t

cdef extern from "wire/openssl.h":
    ctypedef struct SSL "struct ssl_st":
        pass
    ctypedef struct SSL_CTX "struct ssl_ctx_st":
        pass
    ctypedef struct SSL_METHOD "const struct ssl_method_st":
        pass
    ctypedef struct SSL_SESSION "struct ssl_session_st":
        pass
    ctypedef struct BIO "struct bio_st":
        pass
    ctypedef struct BIO_METHOD "struct bio_method_st":
        pass
    ctypedef struct VERIFY_PARAM "struct X509_VERIFY_PARAM_st":
        pass

    ctypedef int (*NewSession "tressi_new_session")(SSL* ssl, SSL_SESSION* session) noexcept nogil
    ctypedef void (*KeyLog "tressi_keylog")(const SSL* ssl, const char* line) noexcept nogil
    ctypedef int (*Password "tressi_password")(char* room, int size, int writes, void* data) noexcept nogil
    ctypedef int (*BioWrite "tressi_bio_write")(BIO* bio, const char* bytes, int size) noexcept nogil
    ctypedef int (*BioRead "tressi_bio_read")(BIO* bio, char* bytes, int size) noexcept nogil
    ctypedef long (*BioControl "tressi_bio_ctrl")(BIO* bio, int command, long number, void* data) noexcept nogil

    ctypedef struct Openssl "struct tressi_openssl":
        BIO_METHOD* between            # of the BIOs between OpenSSL and our buffers
        unsigned long (*OpenSSL_version_num)() noexcept nogil
        const char* (*OpenSSL_version)(int what) noexcept nogil
        SSL_METHOD* (*TLS_client_method)() noexcept nogil
        SSL_CTX* (*SSL_CTX_new)(SSL_METHOD* method) noexcept nogil
        void (*SSL_CTX_free)(SSL_CTX* context) noexcept nogil
        uint64_t (*SSL_CTX_set_options)(SSL_CTX* context, uint64_t options) noexcept nogil
        long (*SSL_CTX_ctrl)(SSL_CTX* context, int command, long number, void* data) noexcept nogil
        int (*SSL_CTX_set_cipher_list)(SSL_CTX* context, const char* names) noexcept nogil
        void (*SSL_CTX_set_security_level)(SSL_CTX* context, int level) noexcept nogil
        int (*SSL_CTX_set_alpn_protos)(SSL_CTX* context, const unsigned char* names, unsigned size) noexcept nogil
        int (*SSL_CTX_set_default_verify_paths)(SSL_CTX* context) noexcept nogil
        int (*SSL_CTX_load_verify_locations)(SSL_CTX* context, const char* file, const char* folder) noexcept nogil
        int (*SSL_CTX_use_certificate_chain_file)(SSL_CTX* context, const char* file) noexcept nogil
        int (*SSL_CTX_use_PrivateKey_file)(SSL_CTX* context, const char* file, int form) noexcept nogil
        int (*SSL_CTX_check_private_key)(const SSL_CTX* context) noexcept nogil
        void (*SSL_CTX_set_default_passwd_cb)(SSL_CTX* context, Password password) noexcept nogil
        void (*SSL_CTX_set_keylog_callback)(SSL_CTX* context, KeyLog log) noexcept nogil
        void (*SSL_CTX_set_verify)(SSL_CTX* context, int mode, void* callback) noexcept nogil
        VERIFY_PARAM* (*SSL_CTX_get0_param)(SSL_CTX* context) noexcept nogil
        void (*SSL_CTX_sess_set_new_cb)(SSL_CTX* context, NewSession callback) noexcept nogil
        int (*X509_VERIFY_PARAM_set_flags)(VERIFY_PARAM* param, unsigned long flags) noexcept nogil
        unsigned long (*X509_VERIFY_PARAM_get_flags)(const VERIFY_PARAM* param) noexcept nogil
        int (*X509_VERIFY_PARAM_clear_flags)(VERIFY_PARAM* param, unsigned long flags) noexcept nogil
        void (*X509_VERIFY_PARAM_set_hostflags)(VERIFY_PARAM* param, unsigned flags) noexcept nogil
        int (*X509_VERIFY_PARAM_set1_host)(VERIFY_PARAM* param, const char* name, size_t size) noexcept nogil
        int (*X509_VERIFY_PARAM_set1_ip_asc)(VERIFY_PARAM* param, const char* address) noexcept nogil
        const char* (*X509_verify_cert_error_string)(long error) noexcept nogil
        SSL* (*SSL_new)(SSL_CTX* context) noexcept nogil
        void (*SSL_free)(SSL* ssl) noexcept nogil
        void (*SSL_set_connect_state)(SSL* ssl) noexcept nogil
        void (*SSL_set_bio)(SSL* ssl, BIO* reading, BIO* writing) noexcept nogil
        long (*SSL_ctrl)(SSL* ssl, int command, long number, void* data) noexcept nogil
        VERIFY_PARAM* (*SSL_get0_param)(SSL* ssl) noexcept nogil
        int (*SSL_set_ex_data)(SSL* ssl, int place, void* data) noexcept nogil
        void* (*SSL_get_ex_data)(const SSL* ssl, int place) noexcept nogil
        int (*SSL_set_session)(SSL* ssl, SSL_SESSION* session) noexcept nogil
        void (*SSL_SESSION_free)(SSL_SESSION* session) noexcept nogil
        int (*SSL_SESSION_is_resumable)(const SSL_SESSION* session) noexcept nogil
        int (*SSL_session_reused)(const SSL* ssl) noexcept nogil
        int (*SSL_do_handshake)(SSL* ssl) noexcept nogil
        int (*SSL_read)(SSL* ssl, void* bytes, int size) noexcept nogil
        int (*SSL_write)(SSL* ssl, const void* bytes, int size) noexcept nogil
        int (*SSL_pending)(const SSL* ssl) noexcept nogil
        int (*SSL_get_error)(const SSL* ssl, int result) noexcept nogil
        int (*SSL_shutdown)(SSL* ssl) noexcept nogil
        void (*SSL_set_shutdown)(SSL* ssl, int state) noexcept nogil
        long (*SSL_get_verify_result)(const SSL* ssl) noexcept nogil
        void (*SSL_get0_alpn_selected)(const SSL* ssl, const unsigned char** name, unsigned* size) noexcept nogil
        int (*BIO_get_new_index)() noexcept nogil
        BIO_METHOD* (*BIO_meth_new)(int kind, const char* name) noexcept nogil
        int (*BIO_meth_set_write)(BIO_METHOD* method, BioWrite write) noexcept nogil
        int (*BIO_meth_set_read)(BIO_METHOD* method, BioRead read) noexcept nogil
        int (*BIO_meth_set_ctrl)(BIO_METHOD* method, BioControl control) noexcept nogil
        BIO* (*BIO_new)(const BIO_METHOD* method) noexcept nogil
        void (*BIO_set_data)(BIO* bio, void* data) noexcept nogil
        void* (*BIO_get_data)(BIO* bio) noexcept nogil
        void (*BIO_set_init)(BIO* bio, int value) noexcept nogil
        void (*BIO_set_flags)(BIO* bio, int flags) noexcept nogil
        void (*BIO_clear_flags)(BIO* bio, int flags) noexcept nogil
        void (*ERR_clear_error)() noexcept nogil
        unsigned long (*ERR_peek_error)() noexcept nogil
        unsigned long (*ERR_peek_last_error)() noexcept nogil
        const char* (*ERR_reason_error_string)(unsigned long error) noexcept nogil

    const char* openssl_find "tressi_openssl_find" (const char* path, Openssl* found) noexcept
    bint is_unverified "tressi_is_unverified" (unsigned long error) noexcept nogil

    enum:
        CTRL_MODE "TRESSI_CTRL_MODE"
        CTRL_SESSION_CACHE "TRESSI_CTRL_SESSION_CACHE"
        CTRL_SERVER_NAME "TRESSI_CTRL_SERVER_NAME"
        CTRL_LOWEST_VERSION "TRESSI_CTRL_LOWEST_VERSION"
        CTRL_HIGHEST_VERSION "TRESSI_CTRL_HIGHEST_VERSION"
        CACHE_BY_US "TRESSI_CACHE_BY_US"
        MODES "TRESSI_MODES"
        VERIFY_PEER "TRESSI_VERIFY_PEER"
        PEM "TRESSI_PEM"
        ERROR_WANT_READ "TRESSI_ERROR_WANT_READ"
        ERROR_ZERO_RETURN "TRESSI_ERROR_ZERO_RETURN"
        BOTH_SHUT "TRESSI_BOTH_SHUT"
        BIO_SOURCE_SINK "TRESSI_BIO_SOURCE_SINK"
        BIO_FLUSH "TRESSI_BIO_FLUSH"
        BIO_RETRY_READ "TRESSI_BIO_RETRY_READ"
        BIO_RETRIES "TRESSI_BIO_RETRIES"
        HOST_MISMATCH "TRESSI_HOST_MISMATCH"
        ADDRESS_MISMATCH "TRESSI_ADDRESS_MISMATCH"
