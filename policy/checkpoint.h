/* checkpoint.h: signed statements "the log of this node had size N and root R": C2SP
 * tlog-checkpoint in a C2SP signed-note with Ed25519 (c2sp.org/tlog-checkpoint,
 * c2sp.org/signed-note). */
#ifndef POLICY_CHECKPOINT_H
#define POLICY_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "policy/merkle.h"

enum {
    CHECKPOINT_ORIGIN_TEXT = 80, /* capacity of "sealfax/<node>" with its NUL */
    CHECKPOINT_TEXT = 2048,      /* capacity of a note with its NUL; longer ones are refused */
    CHECKPOINT_KEY_TEXT = 160,   /* capacity of a verifier key with its NUL */
    CHECKPOINT_KEY_ID_OCTETS = 4,
    CHECKPOINT_KEY_OCTETS = 32,
    CHECKPOINT_SIGNATURE_OCTETS = 64
};

struct checkpoint {
    char origin[CHECKPOINT_ORIGIN_TEXT];
    uint64_t size;
    struct merkle_hash root;
    int64_t time_us; /* extension line "time <microseconds since 1970>"; 0: none */
};

/* A public key by which notes are verified; name is the origin. */
struct checkpoint_key {
    char name[CHECKPOINT_ORIGIN_TEXT];
    uint8_t id[CHECKPOINT_KEY_ID_OCTETS];
    uint8_t public_key[CHECKPOINT_KEY_OCTETS];
};

/* "sealfax/<node>". Errors: FAX_EP_INVAL (not a node name). */
int checkpoint_origin_make(const char *node, char origin[CHECKPOINT_ORIGIN_TEXT])
    __attribute__((warn_unused_result));

/* Computes the key id: the first 4 octets of SHA-256(name || 0x0A || 0x01 || public key).
 * Errors: FAX_EP_INVAL (name empty, too long, with white space or '+'), FAX_EP_CRYPTO. */
int checkpoint_key_make(const char *name, const uint8_t public_key[CHECKPOINT_KEY_OCTETS],
                        struct checkpoint_key *key) __attribute__((warn_unused_result));

/* The public half of a raw Ed25519 private key. Errors: FAX_EP_CRYPTO. */
int checkpoint_public_key(const uint8_t private_key[CHECKPOINT_KEY_OCTETS],
                          uint8_t public_key[CHECKPOINT_KEY_OCTETS])
    __attribute__((warn_unused_result));

/* Writes and reads the verifier key "name+hash+base64". Reading is strict; the hash must fit.
 * Errors: FAX_EP_FORMAT, FAX_EP_MISMATCH (hash), FAX_EP_VERSION (not Ed25519), FAX_EP_CRYPTO. */
int checkpoint_key_write(const struct checkpoint_key *key, char text[CHECKPOINT_KEY_TEXT])
    __attribute__((warn_unused_result));
int checkpoint_key_parse(const char *text, struct checkpoint_key *key)
    __attribute__((warn_unused_result));

/* Writes the text that is signed (ends with a newline, then a NUL). Errors: FAX_EP_INVAL. */
int checkpoint_write(const struct checkpoint *checkpoint, char text[CHECKPOINT_TEXT])
    __attribute__((warn_unused_result));

/* Signs a text with a raw Ed25519 private key. Errors: FAX_EP_CRYPTO. The keeper calls this. */
int checkpoint_sign(const char *text, size_t length,
                    const uint8_t private_key[CHECKPOINT_KEY_OCTETS],
                    uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS])
    __attribute__((warn_unused_result));

/* Makes the note of a text and its signature. Errors: FAX_EP_INVAL, FAX_EP_LIMIT. */
int checkpoint_attach(const char *text, const struct checkpoint_key *key,
                      const uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS],
                      char note[CHECKPOINT_TEXT]) __attribute__((warn_unused_result));

/* Reads a note without looking at its signatures. Strict: UTF-8, no control characters but
 * newlines, no leading zeros, canonical base64. Errors: FAX_EP_FORMAT, FAX_EP_LIMIT. */
int checkpoint_parse(const char *note, size_t length, struct checkpoint *checkpoint)
    __attribute__((warn_unused_result));

/* Reads a note and verifies the signature of at least one of keys whose name is the note's origin;
 * a bad signature by a known key fails even if another is good. Signatures by unknown keys are
 * passed over. Errors: FAX_EP_FORMAT, FAX_EP_LIMIT, FAX_EP_AUTH (no known key signed, or a bad
 * signature), FAX_EP_MISMATCH (the origin is not the key's name), FAX_EP_CRYPTO. */
int checkpoint_verify(const char *note, size_t length, const struct checkpoint_key *keys,
                      size_t key_count, struct checkpoint *checkpoint)
    __attribute__((warn_unused_result));

#endif
