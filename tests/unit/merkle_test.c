#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/merkle.h"
#include "policy/policy_error.h"
#include "policy/text_code.h"

enum { LEAVES = 70 };

/* The leaves of the test vectors that certificate-transparency implementations share. */
static const struct {
    const char *bytes;
    size_t length;
    const char *root; /* of the tree that ends with this leaf */
} vectors[] = {
    {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
     "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static struct merkle_hash leaves[LEAVES];
static struct merkle_hash roots[LEAVES + 1];

static int leaf_cb(void *context, uint64_t index, struct merkle_hash *hash)
{
    assert_null(context);
    assert_true(index < LEAVES);
    *hash = leaves[index];
    return 0;
}

static int failing_leaf_cb(void *context, uint64_t index, struct merkle_hash *hash)
{
    (void)context;
    (void)index;
    (void)hash;
    return FAX_EP_TRUNCATED;
}

/* The definition of RFC 6962 §2.1, recursive, as the other implementation. */
static void defined_root(size_t start, size_t count, struct merkle_hash *root)
{
    if (count == 1) {
        *root = leaves[start];
        return;
    }
    size_t split = 1;
    while (split * 2 < count)
        split *= 2;
    struct merkle_hash left, right;
    defined_root(start, split, &left);
    defined_root(start + split, count - split, &right);
    assert_int_equal(merkle_node_hash(&left, &right, root), 0);
}

static int make_leaves(void **state)
{
    (void)state;
    struct merkle_tree tree;
    merkle_tree_init(&tree);
    if (merkle_tree_root(&tree, &roots[0]))
        return -1;
    for (size_t i = 0; i < LEAVES; i++) {
        const char text[2] = {(char)i, 'x'};
        if (merkle_leaf_hash(text, sizeof text, &leaves[i]) ||
            merkle_tree_append(&tree, &leaves[i]) || merkle_tree_root(&tree, &roots[i + 1]))
            return -1;
    }
    return 0;
}

static void known_roots(void **state)
{
    (void)state;
    struct merkle_tree tree;
    struct merkle_hash leaf, root, expected;
    merkle_tree_init(&tree);
    assert_int_equal(merkle_tree_root(&tree, &root), 0);
    assert_int_equal(hex_decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                expected.octets, 32),
                     0);
    assert_memory_equal(&root, &expected, sizeof root);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_int_equal(merkle_leaf_hash(vectors[i].bytes, vectors[i].length, &leaf), 0);
        assert_int_equal(merkle_tree_append(&tree, &leaf), 0);
        assert_int_equal(merkle_tree_root(&tree, &root), 0);
        assert_int_equal(hex_decode(vectors[i].root, expected.octets, 32), 0);
        assert_memory_equal(&root, &expected, sizeof root);
    }
}

static void frontier_fits_the_definition(void **state)
{
    (void)state;
    struct merkle_hash root;
    for (size_t n = 1; n <= LEAVES; n++) {
        defined_root(0, n, &root);
        assert_memory_equal(&root, &roots[n], sizeof root);
    }
}

static void inclusion(void **state)
{
    (void)state;
    struct merkle_proof proof;
    for (uint64_t n = 1; n <= LEAVES; n++)
        for (uint64_t i = 0; i < n; i++) {
            assert_int_equal(merkle_prove_inclusion(leaf_cb, NULL, i, n, &proof), 0);
            assert_int_equal(merkle_check_inclusion(&leaves[i], i, n, &proof, &roots[n]), 0);
            /* Another leaf, place, size or proof is refused. */
            if (n > 1) {
                uint64_t other = (i + 1) % n;
                assert_int_equal(merkle_check_inclusion(&leaves[other], i, n, &proof, &roots[n]),
                                 FAX_EP_MISMATCH);
                assert_int_equal(merkle_check_inclusion(&leaves[i], other, n, &proof, &roots[n]),
                                 FAX_EP_MISMATCH);
                proof.hashes[proof.count - 1].octets[31] ^= 1;
                assert_int_equal(merkle_check_inclusion(&leaves[i], i, n, &proof, &roots[n]),
                                 FAX_EP_MISMATCH);
                proof.hashes[proof.count - 1].octets[31] ^= 1;
                proof.count--;
                assert_int_equal(merkle_check_inclusion(&leaves[i], i, n, &proof, &roots[n]),
                                 FAX_EP_MISMATCH);
                proof.count++;
            }
            proof.hashes[proof.count++] = leaves[0];
            assert_int_equal(merkle_check_inclusion(&leaves[i], i, n, &proof, &roots[n]),
                             FAX_EP_MISMATCH);
        }
    assert_int_equal(merkle_prove_inclusion(leaf_cb, NULL, 3, 3, &proof), FAX_EP_INVAL);
    assert_int_equal(merkle_check_inclusion(&leaves[0], 3, 3, &proof, &roots[3]), FAX_EP_INVAL);
    assert_int_equal(merkle_prove_inclusion(failing_leaf_cb, NULL, 0, 3, &proof), FAX_EP_TRUNCATED);
}

static void consistency(void **state)
{
    (void)state;
    struct merkle_proof proof;
    for (uint64_t n = 1; n <= LEAVES; n++)
        for (uint64_t m = 1; m <= n; m++) {
            assert_int_equal(merkle_prove_consistency(leaf_cb, NULL, m, n, &proof), 0);
            assert_int_equal(merkle_check_consistency(m, n, &proof, &roots[m], &roots[n]), 0);
            assert_int_equal(merkle_check_consistency(m, n, &proof, &roots[m - 1], &roots[n]),
                             FAX_EP_MISMATCH);
            assert_int_equal(merkle_check_consistency(m, n, &proof, &roots[m], &roots[n - 1]),
                             FAX_EP_MISMATCH);
            if (proof.count > 0) {
                proof.count--;
                assert_int_equal(merkle_check_consistency(m, n, &proof, &roots[m], &roots[n]),
                                 FAX_EP_MISMATCH);
                proof.count++;
            }
            proof.hashes[proof.count++] = leaves[0];
            assert_int_equal(merkle_check_consistency(m, n, &proof, &roots[m], &roots[n]),
                             FAX_EP_MISMATCH);
        }
    assert_int_equal(merkle_prove_consistency(leaf_cb, NULL, 0, 3, &proof), FAX_EP_INVAL);
    assert_int_equal(merkle_prove_consistency(leaf_cb, NULL, 4, 3, &proof), FAX_EP_INVAL);
}

static void state_round_trip(void **state)
{
    (void)state;
    struct merkle_tree tree, back;
    struct merkle_hash root;
    uint8_t bytes[MERKLE_STATE_MAX];
    size_t length;
    merkle_tree_init(&tree);
    for (size_t i = 0; i < LEAVES; i++) {
        assert_int_equal(merkle_tree_encode(&tree, bytes, sizeof bytes, &length), 0);
        assert_int_equal(merkle_tree_decode(bytes, length, &back), 0);
        assert_int_equal(merkle_tree_root(&back, &root), 0);
        assert_memory_equal(&root, &roots[i], sizeof root);
        assert_int_equal(merkle_tree_append(&back, &leaves[i]), 0);
        tree = back;
        assert_int_equal(merkle_tree_decode(bytes, length - 1, &back), FAX_EP_TRUNCATED);
    }
    assert_int_equal(merkle_tree_encode(&tree, bytes, 40, &length), FAX_EP_LIMIT);
    assert_int_equal(merkle_tree_encode(&tree, bytes, sizeof bytes, &length), 0);
    assert_int_equal(merkle_tree_decode(bytes, length + 1, &back), FAX_EP_FORMAT);
    bytes[0] = 2;
    assert_int_equal(merkle_tree_decode(bytes, length, &back), FAX_EP_VERSION);
    memset(bytes, 0xFF, sizeof bytes);
    bytes[0] = 1;
    assert_int_equal(merkle_tree_decode(bytes, sizeof bytes, &back), FAX_EP_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),      cmocka_unit_test(frontier_fits_the_definition),
        cmocka_unit_test(inclusion),        cmocka_unit_test(consistency),
        cmocka_unit_test(state_round_trip),
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
