/* key_wrap.h: the master key wraps key-encryption keys (KEKs), a KEK wraps the data keys of faxes.
 * AES-256-GCM with a random 96-bit nonce; the additional data is the clear part of the record, so
 * a record cannot be given to another fax, class or KEK. The bytes are described in
 * policy/README.md. The keeper is the only process that calls this. */
#ifndef POLICY_KEY_WRAP_H
#define POLICY_KEY_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "policy/kek_id.h"

enum {
    KEY_OCTETS = 32,
    KEY_FAX_ID_OCTETS = 16,
    KEY_MASTER_ID_OCTETS = 8,
    KEY_RECORD_MAX = 256 /* octets that any encoded record takes at most */
};

/* The clear part of a data-key record, one small file per fax in the key store. */
struct key_data_record {
    uint8_t fax_id[KEY_FAX_ID_OCTETS];
    char class_name[KEK_CLASS_TEXT];
    char kek_id[KEK_ID_TEXT];
};

/* The clear part of a KEK record. Class and month are part of the id. */
struct key_kek_record {
    char kek_id[KEK_ID_TEXT];
    int64_t created_us; /* microseconds since 1970 UTC */
    uint8_t master_id[KEY_MASTER_ID_OCTETS];
};

/* Wraps data_key under kek. The class of the KEK's id must be record->class_name.
 * Errors: FAX_EP_INVAL (bad names), FAX_EP_MISMATCH (classes differ), FAX_EP_LIMIT (capacity),
 * FAX_EP_CRYPTO. */
int key_wrap_data(const uint8_t kek[KEY_OCTETS], const struct key_data_record *record,
                  const uint8_t data_key[KEY_OCTETS], uint8_t *out, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* Reads the clear part of a data-key record, to learn which KEK is needed. It is not authenticated
 * until key_unwrap_data. Errors: FAX_EP_TRUNCATED, FAX_EP_FORMAT, FAX_EP_VERSION. */
int key_data_record_decode(const uint8_t *bytes, size_t length, struct key_data_record *record)
    __attribute__((warn_unused_result));

/* Unwraps the data key of fax_id. data_key is the caller's to wipe; zeroed on failure.
 * Errors: as decode; FAX_EP_MISMATCH (the record of another fax), FAX_EP_AUTH (altered, or not this
 * KEK), FAX_EP_CRYPTO. */
int key_unwrap_data(const uint8_t kek[KEY_OCTETS], const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                    const uint8_t *bytes, size_t length, uint8_t data_key[KEY_OCTETS])
    __attribute__((warn_unused_result));

/* Wraps kek under the master key. record->master_id is computed, not read.
 * Errors: FAX_EP_INVAL, FAX_EP_LIMIT, FAX_EP_CRYPTO. */
int key_wrap_kek(const uint8_t master[KEY_OCTETS], const struct key_kek_record *record,
                 const uint8_t kek[KEY_OCTETS], uint8_t *out, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* Reads the clear part of a KEK record. Errors: FAX_EP_TRUNCATED, FAX_EP_FORMAT, FAX_EP_VERSION. */
int key_kek_record_decode(const uint8_t *bytes, size_t length, struct key_kek_record *record)
    __attribute__((warn_unused_result));

/* Unwraps the KEK named kek_id. kek is the caller's to wipe; zeroed on failure.
 * Errors: as decode; FAX_EP_MISMATCH (the record of another KEK), FAX_EP_AUTH (altered, or the
 * wrong master key), FAX_EP_CRYPTO. */
int key_unwrap_kek(const uint8_t master[KEY_OCTETS], const char *kek_id, const uint8_t *bytes,
                   size_t length, uint8_t kek[KEY_OCTETS]) __attribute__((warn_unused_result));

/* A short name of a master key that tells nothing of it: which master key wraps a KEK.
 * Errors: FAX_EP_CRYPTO. */
int key_master_id(const uint8_t master[KEY_OCTETS], uint8_t id[KEY_MASTER_ID_OCTETS])
    __attribute__((warn_unused_result));

/* The record that seals the checkpoint-signing key (32 octets, Ed25519) of a node under the master
 * key; node is bound. Errors as for KEKs. */
int key_wrap_signing(const uint8_t master[KEY_OCTETS], const char *node,
                     const uint8_t signing_key[KEY_OCTETS], uint8_t *out, size_t capacity,
                     size_t *length) __attribute__((warn_unused_result));
int key_unwrap_signing(const uint8_t master[KEY_OCTETS], const char *node, const uint8_t *bytes,
                       size_t length, uint8_t signing_key[KEY_OCTETS])
    __attribute__((warn_unused_result));

#endif
