/* secret_record.h: a short secret, as of digest authentication (HA1), sealed for storage outside
 * the keeper: AES-256-GCM with a random 96-bit nonce under a KEK of its own. The additional data is
 * the clear part of the record and the owner of the secret, so a record cannot be given to another
 * principal, realm or user. The owner does not stand in the record. The octets are described in
 * policy/README.md. The keeper is the only process that calls this. */
#ifndef POLICY_SECRET_RECORD_H
#define POLICY_SECRET_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "policy/kek_id.h"
#include "policy/key_wrap.h"

/* The class of the KEKs that wrap secrets; no fax may have it. */
#define SECRET_KEK_CLASS "sealfax-secrets"

enum {
    SECRET_OCTETS_MAX = 128, /* of a secret */
    SECRET_OWNER_TEXT = 256, /* capacity of each text of an owner */
    SECRET_RECORD_MAX = 256  /* octets that any record takes at most */
};

/* Whose secret it is. Texts of up to 255 octets; principal and user are not empty. */
struct secret_owner {
    const char *principal; /* "trunk:NAME", "device:NAME" */
    const char *realm;     /* of digest authentication */
    const char *user;      /* user name there */
};

/* Seals length octets at secret under kek, whose id is kek_id and of SECRET_KEK_CLASS. Errors:
 * FAX_EP_INVAL (a text, an empty or long secret, another class), FAX_EP_NOMEM, FAX_EP_CRYPTO. */
int secret_record_wrap(const uint8_t kek[KEY_OCTETS], const char *kek_id,
                       const struct secret_owner *owner, const uint8_t *secret, size_t length,
                       uint8_t out[SECRET_RECORD_MAX], size_t *out_length)
    __attribute__((warn_unused_result));

/* Reads the clear part, to learn which KEK is needed; not authenticated until unwrapped. Errors:
 * FAX_EP_TRUNCATED, FAX_EP_FORMAT, FAX_EP_VERSION. */
int secret_record_decode(const uint8_t *bytes, size_t length, char kek_id[KEK_ID_TEXT])
    __attribute__((warn_unused_result));

/* Opens a record of that owner. secret is the caller's to wipe; zeroed on failure. Errors: as
 * decode; FAX_EP_INVAL (a text of owner), FAX_EP_AUTH (altered, of another owner, or not this KEK),
 * FAX_EP_NOMEM, FAX_EP_CRYPTO. */
int secret_record_unwrap(const uint8_t kek[KEY_OCTETS], const struct secret_owner *owner,
                         const uint8_t *bytes, size_t length, uint8_t secret[SECRET_OCTETS_MAX],
                         size_t *secret_length) __attribute__((warn_unused_result));

#endif
