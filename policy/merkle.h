/* merkle.h: Merkle tree of RFC 6962 §2.1 over SHA-256, kept as a frontier of O(log n) hashes. */
#ifndef POLICY_MERKLE_H
#define POLICY_MERKLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    MERKLE_HASH_OCTETS = 32,
    MERKLE_LEVELS_MAX = 63,
    MERKLE_PROOF_MAX = 2 * MERKLE_LEVELS_MAX, /* hashes of a proof at most */
    MERKLE_STATE_MAX = 8 + 8 + MERKLE_LEVELS_MAX * MERKLE_HASH_OCTETS
};

struct merkle_hash {
    uint8_t octets[MERKLE_HASH_OCTETS];
};

/* level[i] is the hash of a full subtree of 2^i leaves where bit i of size is set. */
struct merkle_tree {
    uint64_t size;
    struct merkle_hash level[MERKLE_LEVELS_MAX];
};

/* SHA-256(0x00 || bytes). Errors: FAX_EP_CRYPTO. */
int merkle_leaf_hash(const void *bytes, size_t length, struct merkle_hash *hash)
    __attribute__((warn_unused_result));

/* The hash of an inner node: SHA-256(0x01 || left || right); hash may be one of them.
 * Errors: FAX_EP_CRYPTO. */
int merkle_node_hash(const struct merkle_hash *left, const struct merkle_hash *right,
                     struct merkle_hash *hash) __attribute__((warn_unused_result));

/* Starts with the empty tree. */
void merkle_tree_init(struct merkle_tree *tree);

/* Appends a leaf hash. The tree is unchanged on failure. Errors: FAX_EP_CRYPTO, FAX_EP_LIMIT. */
int merkle_tree_append(struct merkle_tree *tree, const struct merkle_hash *leaf)
    __attribute__((warn_unused_result));

/* The root at the present size (SHA-256 of nothing for the empty tree). Errors: FAX_EP_CRYPTO. */
int merkle_tree_root(const struct merkle_tree *tree, struct merkle_hash *root)
    __attribute__((warn_unused_result));

/* Writes the state (version byte 1, size, hashes). Errors: FAX_EP_LIMIT (capacity;
 * MERKLE_STATE_MAX suffices). */
int merkle_tree_encode(const struct merkle_tree *tree, uint8_t *out, size_t capacity,
                       size_t *length) __attribute__((warn_unused_result));

/* Reads a state; all of bytes must be used. Errors: FAX_EP_VERSION, FAX_EP_FORMAT,
 * FAX_EP_TRUNCATED. */
int merkle_tree_decode(const uint8_t *bytes, size_t length, struct merkle_tree *tree)
    __attribute__((warn_unused_result));

/* Gives the leaf hash at index; 0 or an error, which ends the caller's work and is returned. */
typedef int merkle_leaf_cb(void *context, uint64_t index, struct merkle_hash *hash);

struct merkle_proof {
    size_t count;
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
};

/* Proof that leaf index is in the tree of size leaves (RFC 6962 §2.1.1). Asks for every leaf but
 * leaf index once. Errors: FAX_EP_INVAL (index >= size), the callback's. */
int merkle_prove_inclusion(merkle_leaf_cb *leaf_cb, void *context, uint64_t index, uint64_t size,
                           struct merkle_proof *proof) __attribute__((warn_unused_result));

/* Proof that the tree of old_size leaves is a prefix of that of size (RFC 6962 §2.1.2).
 * Errors: FAX_EP_INVAL (old_size 0 or over size), the callback's. */
int merkle_prove_consistency(merkle_leaf_cb *leaf_cb, void *context, uint64_t old_size,
                             uint64_t size, struct merkle_proof *proof)
    __attribute__((warn_unused_result));

/* Checks an inclusion proof (RFC 9162 §2.1.3.2). Errors: FAX_EP_MISMATCH, FAX_EP_INVAL,
 * FAX_EP_CRYPTO. */
int merkle_check_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                           const struct merkle_proof *proof, const struct merkle_hash *root)
    __attribute__((warn_unused_result));

/* Checks a consistency proof (RFC 9162 §2.1.4.2). Errors as merkle_check_inclusion. */
int merkle_check_consistency(uint64_t old_size, uint64_t size, const struct merkle_proof *proof,
                             const struct merkle_hash *old_root, const struct merkle_hash *root)
    __attribute__((warn_unused_result));

#endif
