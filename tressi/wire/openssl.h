/* The OpenSSL that Python's ssl module has loaded, found at run time by name.

   Nothing is compiled or linked against OpenSSL: a wheel runs with whichever shared libssl its Python has, and a Python without
   one loses nothing. So the prototypes are written here, as they have stood since OpenSSL 3.0, whose ABI is kept through 3.x
   (OpenSSL's policy on releases); `_tls.pyx` refuses any other version, and a library that lacks one of these names. No struct
   of OpenSSL's, nor of Python's ssl module, is looked into. */
#ifndef TRESSI_OPENSSL_H
#define TRESSI_OPENSSL_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_method_st;
struct ssl_session_st;
struct bio_st;
struct bio_method_st;
struct x509_store_ctx_st;
struct X509_VERIFY_PARAM_st;

typedef int (*tressi_new_session)(struct ssl_st *, struct ssl_session_st *);
typedef void (*tressi_keylog)(const struct ssl_st *, const char *);
typedef int (*tressi_password)(char *, int, int, void *);
typedef int (*tressi_bio_write)(struct bio_st *, const char *, int);
typedef int (*tressi_bio_read)(struct bio_st *, char *, int);
typedef long (*tressi_bio_ctrl)(struct bio_st *, int, long, void *);

#define TRESSI_OPENSSL(NAME) \
    NAME(unsigned long, OpenSSL_version_num, (void)) \
    NAME(const char *, OpenSSL_version, (int)) \
    NAME(const struct ssl_method_st *, TLS_client_method, (void)) \
    NAME(struct ssl_ctx_st *, SSL_CTX_new, (const struct ssl_method_st *)) \
    NAME(void, SSL_CTX_free, (struct ssl_ctx_st *)) \
    NAME(uint64_t, SSL_CTX_set_options, (struct ssl_ctx_st *, uint64_t)) \
    NAME(long, SSL_CTX_ctrl, (struct ssl_ctx_st *, int, long, void *)) \
    NAME(int, SSL_CTX_set_cipher_list, (struct ssl_ctx_st *, const char *)) \
    NAME(void, SSL_CTX_set_security_level, (struct ssl_ctx_st *, int)) \
    NAME(int, SSL_CTX_set_alpn_protos, (struct ssl_ctx_st *, const unsigned char *, unsigned)) \
    NAME(int, SSL_CTX_set_default_verify_paths, (struct ssl_ctx_st *)) \
    NAME(int, SSL_CTX_load_verify_locations, (struct ssl_ctx_st *, const char *, const char *)) \
    NAME(int, SSL_CTX_use_certificate_chain_file, (struct ssl_ctx_st *, const char *)) \
    NAME(int, SSL_CTX_use_PrivateKey_file, (struct ssl_ctx_st *, const char *, int)) \
    NAME(int, SSL_CTX_check_private_key, (const struct ssl_ctx_st *)) \
    NAME(void, SSL_CTX_set_default_passwd_cb, (struct ssl_ctx_st *, tressi_password)) \
    NAME(void, SSL_CTX_set_keylog_callback, (struct ssl_ctx_st *, tressi_keylog)) \
    NAME(void, SSL_CTX_set_verify, (struct ssl_ctx_st *, int, int (*)(int, struct x509_store_ctx_st *))) \
    NAME(struct X509_VERIFY_PARAM_st *, SSL_CTX_get0_param, (struct ssl_ctx_st *)) \
    NAME(void, SSL_CTX_sess_set_new_cb, (struct ssl_ctx_st *, tressi_new_session)) \
    NAME(int, X509_VERIFY_PARAM_set_flags, (struct X509_VERIFY_PARAM_st *, unsigned long)) \
    NAME(unsigned long, X509_VERIFY_PARAM_get_flags, (const struct X509_VERIFY_PARAM_st *)) \
    NAME(int, X509_VERIFY_PARAM_clear_flags, (struct X509_VERIFY_PARAM_st *, unsigned long)) \
    NAME(void, X509_VERIFY_PARAM_set_hostflags, (struct X509_VERIFY_PARAM_st *, unsigned)) \
    NAME(int, X509_VERIFY_PARAM_set1_host, (struct X509_VERIFY_PARAM_st *, const char *, size_t)) \
    NAME(int, X509_VERIFY_PARAM_set1_ip_asc, (struct X509_VERIFY_PARAM_st *, const char *)) \
    NAME(const char *, X509_verify_cert_error_string, (long)) \
    NAME(struct ssl_st *, SSL_new, (struct ssl_ctx_st *)) \
    NAME(void, SSL_free, (struct ssl_st *)) \
    NAME(void, SSL_set_connect_state, (struct ssl_st *)) \
    NAME(void, SSL_set_bio, (struct ssl_st *, struct bio_st *, struct bio_st *)) \
    NAME(long, SSL_ctrl, (struct ssl_st *, int, long, void *)) \
    NAME(struct X509_VERIFY_PARAM_st *, SSL_get0_param, (struct ssl_st *)) \
    NAME(int, SSL_set_ex_data, (struct ssl_st *, int, void *)) \
    NAME(void *, SSL_get_ex_data, (const struct ssl_st *, int)) \
    NAME(int, SSL_set_session, (struct ssl_st *, struct ssl_session_st *)) \
    NAME(void, SSL_SESSION_free, (struct ssl_session_st *)) \
    NAME(int, SSL_SESSION_is_resumable, (const struct ssl_session_st *)) \
    NAME(int, SSL_session_reused, (const struct ssl_st *)) \
    NAME(int, SSL_do_handshake, (struct ssl_st *)) \
    NAME(int, SSL_read, (struct ssl_st *, void *, int)) \
    NAME(int, SSL_write, (struct ssl_st *, const void *, int)) \
    NAME(int, SSL_pending, (const struct ssl_st *)) \
    NAME(int, SSL_get_error, (const struct ssl_st *, int)) \
    NAME(int, SSL_shutdown, (struct ssl_st *)) \
    NAME(void, SSL_set_shutdown, (struct ssl_st *, int)) \
    NAME(long, SSL_get_verify_result, (const struct ssl_st *)) \
    NAME(void, SSL_get0_alpn_selected, (const struct ssl_st *, const unsigned char **, unsigned *)) \
    NAME(int, BIO_get_new_index, (void)) \
    NAME(struct bio_method_st *, BIO_meth_new, (int, const char *)) \
    NAME(int, BIO_meth_set_write, (struct bio_method_st *, tressi_bio_write)) \
    NAME(int, BIO_meth_set_read, (struct bio_method_st *, tressi_bio_read)) \
    NAME(int, BIO_meth_set_ctrl, (struct bio_method_st *, tressi_bio_ctrl)) \
    NAME(struct bio_st *, BIO_new, (const struct bio_method_st *)) \
    NAME(void, BIO_set_data, (struct bio_st *, void *)) \
    NAME(void *, BIO_get_data, (struct bio_st *)) \
    NAME(void, BIO_set_init, (struct bio_st *, int)) \
    NAME(void, BIO_set_flags, (struct bio_st *, int)) \
    NAME(void, BIO_clear_flags, (struct bio_st *, int)) \
    NAME(void, ERR_clear_error, (void)) \
    NAME(unsigned long, ERR_peek_error, (void)) \
    NAME(unsigned long, ERR_peek_last_error, (void)) \
    NAME(const char *, ERR_reason_error_string, (unsigned long))

struct tressi_openssl {
#define NAME(result, name, arguments) result (*name) arguments;
    TRESSI_OPENSSL(NAME)
#undef NAME
    struct bio_method_st *between; /* of the BIOs between OpenSSL and our buffers */
};

/* Find every name in what `file` is linked to (NULL: in the program itself); returns NULL, or which is missing. The library stays
   loaded for good: Python has it too, and never lets go of an extension module. */
static inline const char *tressi_openssl_find(const char *file, struct tressi_openssl *found) {
    /* A handle's symbols are those of the file, and then of its dependencies in their order (dlsym(3)): never those of another
       library that the program may have loaded as well. */
    void *handle = dlopen(file, RTLD_LAZY | RTLD_LOCAL), *address;
    if (!handle) return "the module itself";
#define NAME(result, name, arguments) \
    if (!(address = dlsym(handle, #name))) return #name; \
    found->name = (result (*) arguments) address;
    TRESSI_OPENSSL(NAME)
#undef NAME
    return NULL;
}

/* What the macros of OpenSSL's headers stand for. */
enum {
    TRESSI_CTRL_MODE = 33,
    TRESSI_CTRL_SESSION_CACHE = 44,
    TRESSI_CTRL_SERVER_NAME = 55,
    TRESSI_CTRL_LOWEST_VERSION = 123,
    TRESSI_CTRL_HIGHEST_VERSION = 124,
    TRESSI_CACHE_BY_US = 0x1 | 0x80 | 0x200,  /* SSL_SESS_CACHE_CLIENT, _NO_AUTO_CLEAR, _NO_INTERNAL_STORE */
    /* SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, SSL_MODE_AUTO_RETRY, SSL_MODE_RELEASE_BUFFERS: OpenSSL's two buffers of 17 KB for a
       connection are given back between records. That spares 34 KB each, and memory that was just used is in the cache. */
    TRESSI_MODES = 0x2 | 0x4 | 0x10,
    TRESSI_VERIFY_PEER = 1,
    TRESSI_PEM = 1,
    TRESSI_ERROR_WANT_READ = 2,
    TRESSI_ERROR_ZERO_RETURN = 6,
    TRESSI_BOTH_SHUT = 1 | 2,
    TRESSI_BIO_SOURCE_SINK = 0x400,
    TRESSI_BIO_FLUSH = 11,
    TRESSI_BIO_RETRY_READ = 0x1 | 0x8,
    TRESSI_BIO_RETRIES = 0x1 | 0x2 | 0x4 | 0x8,
    TRESSI_HOST_MISMATCH = 62,
    TRESSI_ADDRESS_MISMATCH = 64,
};

/* Whether an error is that a certificate was not accepted (library 20 is SSL, its reason 134; ERR_GET_LIB, ERR_GET_REASON). */
static inline int tressi_is_unverified(unsigned long error) {
    return ((error >> 23) & 0xff) == 20 && (error & 0x7fffff) == 134;
}
#endif
