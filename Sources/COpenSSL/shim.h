#pragma once
/* The same as in CLinux: modules must see the C library in one shape. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/opensslv.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Macros of OpenSSL as functions: Swift does not see those that cast. Nothing here has a will of its own. */

static inline const char *apus_openssl_built_with(void) { return OPENSSL_VERSION_TEXT; }

/* Options and modes whose macros cast. */
enum {
    APUS_NO_SSL3 = (int) SSL_OP_NO_SSLv3,
    APUS_NO_TLS1 = (int) SSL_OP_NO_TLSv1,
    APUS_NO_TLS1_1 = (int) SSL_OP_NO_TLSv1_1,
    APUS_NO_TLS1_2 = (int) SSL_OP_NO_TLSv1_2,
    APUS_NO_TLS1_3 = (int) SSL_OP_NO_TLSv1_3,
    APUS_NO_TICKET = (int) SSL_OP_NO_TICKET,
    APUS_NO_RENEGOTIATION = (int) SSL_OP_NO_RENEGOTIATION,
    APUS_NO_COMPRESSION = (int) SSL_OP_NO_COMPRESSION,
    APUS_NO_ANTI_REPLAY = (int) SSL_OP_NO_ANTI_REPLAY,
    APUS_IGNORE_UNEXPECTED_EOF = (int) SSL_OP_IGNORE_UNEXPECTED_EOF,
    APUS_SERVER_PREFERENCE = (int) SSL_OP_CIPHER_SERVER_PREFERENCE,
    APUS_RELEASE_BUFFERS = (int) SSL_MODE_RELEASE_BUFFERS,
    APUS_NO_AUTO_CHAIN = (int) SSL_MODE_NO_AUTO_CHAIN,
    APUS_NAME_RFC2253 = (int) (XN_FLAG_RFC2253),
};

/* BIOs */
/* What OpenSSL tells the BIO that it writes to, in its own headers only in comments: the keys for a kernel, and the type of the
 * record that is written next. */
enum { APUS_BIO_SET_KTLS = 72, APUS_BIO_SET_KTLS_RECORD_TYPE = 74 };
/* A flag of a BIO: the kernel seals. It is the one that OpenSSL's own socket BIO has for it. */
enum { APUS_BIO_IS_SEALED = 0x4000 };
static inline void apus_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void apus_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long apus_bio_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }
static inline long apus_bio_reset(BIO *bio) { return BIO_reset(bio); }

/* Errors */
static inline int apus_err_library(unsigned long code) { return ERR_GET_LIB(code); }
static inline int apus_err_reason(unsigned long code) { return ERR_GET_REASON(code); }

/* Contexts */
static inline long apus_ctx_set_min_version(SSL_CTX *ctx, int version)
{
    return SSL_CTX_set_min_proto_version(ctx, version);
}
static inline long apus_ctx_set_max_version(SSL_CTX *ctx, int version)
{
    return SSL_CTX_set_max_proto_version(ctx, version);
}
static inline long apus_ctx_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline int apus_ctx_set_chain(SSL_CTX *ctx, STACK_OF(X509) *chain)
{
    return (int) SSL_CTX_set0_chain(ctx, chain);
}
static inline int apus_ssl_set_chain(SSL *ssl, STACK_OF(X509) *chain) { return (int) SSL_set0_chain(ssl, chain); }
static inline int apus_ctx_set_groups(SSL_CTX *ctx, const char *list)
{
    return (int) SSL_CTX_set1_groups_list(ctx, list);
}
static inline long apus_ctx_set_session_mode(SSL_CTX *ctx, long mode)
{
    return SSL_CTX_set_session_cache_mode(ctx, mode);
}
static inline long apus_ctx_set_session_count(SSL_CTX *ctx, long count)
{
    return SSL_CTX_sess_set_cache_size(ctx, count);
}
/* Tickets are sealed by OpenSSL's older interface: it takes a digest that was looked up once. The newer one takes its name, and looks
 * it up, and the way to make codes of it, for every ticket (2 % of a resumed handshake). */
static inline int apus_ctx_set_ticket_callback(
    SSL_CTX *ctx, int (*callback)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *, HMAC_CTX *, int))
{
    return (int) SSL_CTX_set_tlsext_ticket_key_cb(ctx, callback);
}
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline HMAC_CTX *apus_hmac_new(void) { return HMAC_CTX_new(); }
static inline void apus_hmac_free(HMAC_CTX *hmac) { HMAC_CTX_free(hmac); }
static inline int apus_hmac_begin(HMAC_CTX *hmac, const void *key, size_t count, const EVP_MD *digest)
{
    return HMAC_Init_ex(hmac, key, (int) count, digest, NULL);
}
static inline int apus_hmac_copy(HMAC_CTX *hmac, HMAC_CTX *begun) { return HMAC_CTX_copy(hmac, begun); }
#pragma clang diagnostic pop
static inline int apus_ctx_set_name_callback(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *))
{
    return (int) SSL_CTX_set_tlsext_servername_callback(ctx, callback);
}
static inline long apus_ctx_set_status_callback(SSL_CTX *ctx, int (*callback)(SSL *, void *))
{
    return SSL_CTX_set_tlsext_status_cb(ctx, callback);
}

/* Connections */
static inline void *apus_ssl_app_data(const SSL *ssl) { return SSL_get_ex_data(ssl, 0); }
static inline int apus_ssl_set_app_data(SSL *ssl, void *data) { return SSL_set_ex_data(ssl, 0, data); }
static inline int apus_ssl_set_max_version(SSL *ssl, int version)
{
    return (int) SSL_set_max_proto_version(ssl, version);
}
static inline int apus_ssl_set_host_name(SSL *ssl, const char *name)
{
    return (int) SSL_set_tlsext_host_name(ssl, name);
}
static inline long apus_ssl_set_fragment(SSL *ssl, long size) { return SSL_set_max_send_fragment(ssl, size); }
static inline long apus_ssl_set_status_response(SSL *ssl, unsigned char *response, long length)
{
    return SSL_set_tlsext_status_ocsp_resp(ssl, response, length);
}
static inline long apus_ssl_group(SSL *ssl) { return SSL_get_negotiated_group(ssl); }
static inline long apus_ssl_groups(SSL *ssl, int *groups) { return SSL_get1_groups(ssl, groups); }
static inline size_t apus_ssl_ciphers(SSL *ssl, const unsigned char **list)
{
    return (size_t) SSL_get0_raw_cipherlist(ssl, list);
}
static inline size_t apus_ssl_cipher_width(SSL *ssl)
{
    return (size_t) SSL_get0_raw_cipherlist(ssl, NULL);
}
static inline long apus_ssl_early_limit(SSL_CTX *ctx) { return (long) SSL_CTX_get_max_early_data(ctx); }

/* Stacks: typed macros over one untyped type */
static inline STACK_OF(X509) *apus_certificates_new(void) { return sk_X509_new_null(); }
static inline int apus_certificates_push(STACK_OF(X509) *stack, X509 *value) { return sk_X509_push(stack, value); }
static inline int apus_certificates_count(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }
static inline X509 *apus_certificates_at(const STACK_OF(X509) *stack, int index)
{
    return sk_X509_value(stack, index);
}
static inline void apus_certificates_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }
static inline STACK_OF(X509_NAME) *apus_names_new(void) { return sk_X509_NAME_new_null(); }
static inline int apus_names_push(STACK_OF(X509_NAME) *stack, X509_NAME *value)
{
    return sk_X509_NAME_push(stack, value);
}
static inline int apus_names_count(const STACK_OF(X509_NAME) *stack) { return sk_X509_NAME_num(stack); }
static inline X509_NAME *apus_names_at(const STACK_OF(X509_NAME) *stack, int index)
{
    return sk_X509_NAME_value(stack, index);
}
static inline void apus_names_free(STACK_OF(X509_NAME) *stack) { sk_X509_NAME_pop_free(stack, X509_NAME_free); }

/* OCSP */
static inline STACK_OF(OPENSSL_STRING) *apus_ocsp_responders(X509 *certificate) { return X509_get1_ocsp(certificate); }
static inline const char *apus_text_at(const STACK_OF(OPENSSL_STRING) *texts, int index)
{
    return sk_OPENSSL_STRING_value(texts, index);
}
static inline void apus_texts_free(STACK_OF(OPENSSL_STRING) *texts) { X509_email_free(texts); }
static inline int apus_ocsp_successful(void) { return OCSP_RESPONSE_STATUS_SUCCESSFUL; }
static inline int apus_write_response(OCSP_RESPONSE *response, unsigned char **out)
{
    return i2d_OCSP_RESPONSE(response, out);
}
