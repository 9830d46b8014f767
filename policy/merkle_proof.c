#include "policy/merkle.h"

#include <stdbool.h>
#include <string.h>

#include "policy/policy_error.h"

/* The largest power of two below size; size is at least 2. */
static uint64_t split_of(uint64_t size)
{
    uint64_t split = 1;
    while (split < size - split)
        split *= 2;
    return split;
}

/* Adds the hash of the leaves from start on, count of them, to the proof. */
static int push_range(merkle_leaf_cb *leaf_cb, void *context, uint64_t start, uint64_t count,
                      struct merkle_proof *proof)
{
    struct merkle_tree tree;
    struct merkle_hash leaf;
    if (proof->count == MERKLE_PROOF_MAX)
        return FAX_EP_LIMIT;
    merkle_tree_init(&tree);
    for (uint64_t i = 0; i < count; i++) {
        int rc = leaf_cb(context, start + i, &leaf);
        if (rc == 0)
            rc = merkle_tree_append(&tree, &leaf);
        if (rc)
            return rc;
    }
    return merkle_tree_root(&tree, &proof->hashes[proof->count++]);
}

/* The proofs are found from the root down, but stand from the leaf up. */
static void reverse(struct merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct merkle_hash held = proof->hashes[i];
        proof->hashes[i] = proof->hashes[proof->count - 1 - i];
        proof->hashes[proof->count - 1 - i] = held;
    }
}

int merkle_prove_inclusion(merkle_leaf_cb *leaf_cb, void *context, uint64_t index, uint64_t size,
                           struct merkle_proof *proof)
{
    uint64_t start = 0;
    proof->count = 0;
    if (index >= size || size >> (MERKLE_LEVELS_MAX - 1))
        return FAX_EP_INVAL;
    while (size > 1) {
        uint64_t split = split_of(size);
        bool left = index - start < split;
        int rc = left ? push_range(leaf_cb, context, start + split, size - split, proof)
                      : push_range(leaf_cb, context, start, split, proof);
        if (rc)
            return rc;
        start = left ? start : start + split;
        size = left ? split : size - split;
    }
    reverse(proof);
    return 0;
}

int merkle_prove_consistency(merkle_leaf_cb *leaf_cb, void *context, uint64_t old_size,
                             uint64_t size, struct merkle_proof *proof)
{
    uint64_t start = 0;
    bool whole = true; /* the old tree is a subtree of the new one, whose root is known */
    proof->count = 0;
    if (old_size == 0 || old_size > size || size >> (MERKLE_LEVELS_MAX - 1))
        return FAX_EP_INVAL;
    while (old_size != size) {
        uint64_t split = split_of(size);
        bool left = old_size <= split;
        int rc = left ? push_range(leaf_cb, context, start + split, size - split, proof)
                      : push_range(leaf_cb, context, start, split, proof);
        if (rc)
            return rc;
        if (left) {
            size = split;
            continue;
        }
        start += split;
        old_size -= split;
        size -= split;
        whole = false;
    }
    int rc = whole ? 0 : push_range(leaf_cb, context, start, size, proof);
    reverse(proof);
    return rc;
}

static int compare(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->octets, b->octets, MERKLE_HASH_OCTETS) == 0 ? 0 : FAX_EP_MISMATCH;
}

int merkle_check_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                           const struct merkle_proof *proof, const struct merkle_hash *root)
{
    struct merkle_hash hash = *leaf;
    if (index >= size || proof->count > MERKLE_PROOF_MAX)
        return FAX_EP_INVAL;
    uint64_t node = index, last = size - 1;
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return FAX_EP_MISMATCH;
        bool right = (node & 1) || node == last;
        int rc = right ? merkle_node_hash(&proof->hashes[i], &hash, &hash)
                       : merkle_node_hash(&hash, &proof->hashes[i], &hash);
        if (rc)
            return rc;
        while (right && !(node & 1) && node != 0) {
            node >>= 1;
            last >>= 1;
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 ? compare(&hash, root) : FAX_EP_MISMATCH;
}

/* The walk of RFC 9162 §2.1.4.2 over the hashes from position on. */
static int check_walk(uint64_t node, uint64_t last, const struct merkle_proof *proof,
                      size_t position, const struct merkle_hash *first,
                      const struct merkle_hash *old_root, const struct merkle_hash *root)
{
    struct merkle_hash old_hash = *first, hash = *first;
    for (size_t i = position; i < proof->count; i++) {
        const struct merkle_hash *sibling = &proof->hashes[i];
        int rc = 0;
        if (last == 0)
            return FAX_EP_MISMATCH;
        bool right = (node & 1) || node == last;
        if (right)
            rc = merkle_node_hash(sibling, &old_hash, &old_hash);
        if (rc == 0)
            rc = right ? merkle_node_hash(sibling, &hash, &hash)
                       : merkle_node_hash(&hash, sibling, &hash);
        if (rc)
            return rc;
        while (right && !(node & 1) && node != 0) {
            node >>= 1;
            last >>= 1;
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0 || compare(&old_hash, old_root))
        return FAX_EP_MISMATCH;
    return compare(&hash, root);
}

int merkle_check_consistency(uint64_t old_size, uint64_t size, const struct merkle_proof *proof,
                             const struct merkle_hash *old_root, const struct merkle_hash *root)
{
    if (old_size == 0 || old_size > size || proof->count > MERKLE_PROOF_MAX)
        return FAX_EP_INVAL;
    if (old_size == size)
        return proof->count == 0 ? compare(old_root, root) : FAX_EP_MISMATCH;
    uint64_t node = old_size - 1, last = size - 1;
    while (node & 1) {
        node >>= 1;
        last >>= 1;
    }
    /* An old tree that is a full subtree of the new one stands first without being sent. */
    bool implied = (old_size & (old_size - 1)) == 0;
    if (!implied && proof->count == 0)
        return FAX_EP_MISMATCH;
    return check_walk(node, last, proof, implied ? 0 : 1, implied ? old_root : &proof->hashes[0],
                      old_root, root);
}
