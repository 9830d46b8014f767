#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/checkpoint.h"
#include "policy/policy_error.h"
#include "policy/text_code.h"

/* The example key and note of golang.org/x/mod/sumdb/note, from which C2SP signed-note comes. */
static const char example_text[] = "If you think cryptography is the answer to your problem,\n"
                                   "then you don't know what your problem is.\n";
static const char example_seed[] = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char example_verifier[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char example_signature[] =
    "\xE2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n";

static const uint8_t private_key[CHECKPOINT_KEY_OCTETS] = {42, 1};

static void example_note(void **state)
{
    (void)state;
    uint8_t typed[33], public_key[32], signature[64];
    struct checkpoint_key key;
    char note[CHECKPOINT_TEXT], text[CHECKPOINT_KEY_TEXT], expected[CHECKPOINT_TEXT];
    assert_int_equal(checkpoint_key_parse(example_verifier, &key), 0);
    assert_string_equal(key.name, "PeterNeumann");
    assert_int_equal(base64_decode(example_seed, strlen(example_seed), typed, 33), 0);
    assert_int_equal(checkpoint_public_key(typed + 1, public_key), 0);
    assert_memory_equal(public_key, key.public_key, 32);
    assert_int_equal(checkpoint_key_write(&key, text), 0);
    assert_string_equal(text, example_verifier);
    assert_int_equal(checkpoint_sign(example_text, strlen(example_text), typed + 1, signature), 0);
    assert_int_equal(checkpoint_attach(example_text, &key, signature, note), 0);
    snprintf(expected, sizeof expected, "%s\n%s", example_text, example_signature);
    assert_string_equal(note, expected);
}

static void bad_verifier_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {NULL, FAX_EP_FORMAT},
        {"", FAX_EP_FORMAT},
        {"PeterNeumann", FAX_EP_FORMAT},
        {"PeterNeumann+c74f20a3", FAX_EP_FORMAT},
        {"PeterNeumann+c74f20a3+", FAX_EP_FORMAT},
        {"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", FAX_EP_FORMAT},
        {"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", FAX_EP_MISMATCH},
        {"PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", FAX_EP_MISMATCH},
        {"PeterNeumann+c74f20a3+Arpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", FAX_EP_VERSION},
        {"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", FAX_EP_FORMAT},
        {"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", FAX_EP_FORMAT},
    };
    struct checkpoint_key key;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(checkpoint_key_parse(cases[i].text, &key), cases[i].error);
}

static void make_key(const char *name, const uint8_t *secret, struct checkpoint_key *key)
{
    uint8_t public_key[CHECKPOINT_KEY_OCTETS];
    assert_int_equal(checkpoint_public_key(secret, public_key), 0);
    assert_int_equal(checkpoint_key_make(name, public_key, key), 0);
}

static void make_note(const char *text, const struct checkpoint_key *key, const uint8_t *secret,
                      char *note)
{
    uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS];
    assert_int_equal(checkpoint_sign(text, strlen(text), secret, signature), 0);
    assert_int_equal(checkpoint_attach(text, key, signature, note), 0);
}

static void round_trip(void **state)
{
    (void)state;
    struct checkpoint in = {.size = 20852163, .time_us = 1790000000123456}, out;
    struct checkpoint_key key, other;
    char text[CHECKPOINT_TEXT], note[CHECKPOINT_TEXT];
    in.root.octets[0] = 0xAB;
    assert_int_equal(checkpoint_origin_make("node-1", in.origin), 0);
    assert_int_equal(checkpoint_write(&in, text), 0);
    assert_string_equal(text, "sealfax/node-1\n20852163\n"
                              "qwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                              "time 1790000000123456\n");
    make_key("sealfax/node-1", private_key, &key);
    make_note(text, &key, private_key, note);
    size_t length = strlen(note);
    assert_int_equal(checkpoint_verify(note, length, &key, 1, &out), 0);
    assert_string_equal(out.origin, in.origin);
    assert_true(out.size == in.size && out.time_us == in.time_us);
    assert_memory_equal(&out.root, &in.root, sizeof in.root);
    assert_int_equal(checkpoint_parse(note, length, &out), 0);
    /* Any flipped bit is found. */
    for (size_t bit = 0; bit < length * 8; bit++) {
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
        assert_int_not_equal(checkpoint_verify(note, length, &key, 1, &out), 0);
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < length; n++)
        assert_int_equal(checkpoint_verify(note, n, &key, 1, &out), FAX_EP_FORMAT);
    make_key("sealfax/node-1", (const uint8_t[32]){1}, &other);
    assert_int_equal(checkpoint_verify(note, length, &other, 1, &out), FAX_EP_AUTH);
    assert_int_equal(checkpoint_verify(note, length, NULL, 0, &out), FAX_EP_AUTH);
    memset(in.origin, 0, sizeof in.origin);
    assert_int_equal(checkpoint_write(&in, text), FAX_EP_INVAL);
    assert_int_equal(checkpoint_origin_make("no de", in.origin), FAX_EP_INVAL);
    assert_int_equal(checkpoint_origin_make("", in.origin), FAX_EP_INVAL);
}

static void several_signatures(void **state)
{
    (void)state;
    static const char text[] =
        "sealfax/n\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nany extension\n";
    const uint8_t witness_secret[32] = {3};
    struct checkpoint_key keys[2];
    struct checkpoint out;
    char own[CHECKPOINT_TEXT], both[2 * CHECKPOINT_TEXT];
    char witness[CHECKPOINT_TEXT];
    make_key("sealfax/n", private_key, &keys[0]);
    make_key("witness", witness_secret, &keys[1]);
    make_note(text, &keys[0], private_key, own);
    make_note(text, &keys[1], witness_secret, witness);
    const char *line = strstr(witness, "\n\n") + 2;
    snprintf(both, sizeof both, "%s%s", own, line);
    assert_int_equal(checkpoint_verify(both, strlen(both), keys, 2, &out), 0);
    assert_true(out.time_us == 0 && out.size == 5);
    assert_int_equal(checkpoint_verify(both, strlen(both), keys, 1, &out), 0);
    assert_int_equal(checkpoint_verify(both, strlen(both), keys + 1, 1, &out), FAX_EP_MISMATCH);
    /* A bad signature by a known key is fatal, by an unknown one it is passed over. */
    char *last = both + strlen(both) - 6;
    *last = *last == 'A' ? 'B' : 'A';
    assert_int_equal(checkpoint_verify(both, strlen(both), keys, 2, &out), FAX_EP_AUTH);
    assert_int_equal(checkpoint_verify(both, strlen(both), keys, 1, &out), 0);
}

static void strict_form(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "\n",
                                      "a\n",
                                      "a\n1\n",
                                      "a\n01\n@\n\n#",
                                      "a\n-1\n@\n\n#",
                                      "a\n+1\n@\n\n#",
                                      "a\n\n@\n\n#",
                                      "\n1\n@\n\n#",
                                      "a\n18446744073709551616\n@\n\n#",
                                      "a\n1\n@",
                                      "a\n1\n@\n",
                                      "a\n1\n@\n\n",
                                      "a\n1\n@ \n\n#",
                                      "a\r\n1\n@\n\n#",
                                      "a\n1\n@\ntime x\n\n#",
                                      "a\n1\n@\ntime 1\ntime 2\n\n#",
                                      "a\n1\n@\ntime 9223372036854775808\n\n#",
                                      "a\n1\n@\n\n#\n",
                                      "a\n1\n@\n\n\n#",
                                      "a\n1\n@\n\nx\n",
                                      "a\n1\n@\n\n- n AAAAAAAA\n",
                                      "a\n1\n@\n\n\xE2\x80\x94 n\n",
                                      "a\n1\n@\n\n\xE2\x80\x94 n AAAA\n",
                                      "a\n1\n@\n\n\xE2\x80\x94 n AAAAAAA\n",
                                      "a\n1\n@\n\n\xE2\x80\x94 n+ AAAAAAAA\n",
                                      "a\n1\n@\n\n\xE2\x80\x94  AAAAAAAA\n",
                                      "a\xFF\n1\n@\n\n#"};
    struct checkpoint out;
    char note[CHECKPOINT_TEXT];
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        const char *from = i < sizeof bad / sizeof *bad ? bad[i] : "a\n1\n@\n\n#";
        size_t at = 0;
        for (; *from; from++)
            at += (size_t)snprintf(note + at, sizeof note - at, "%s",
                                   *from == '@'   ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
                                   : *from == '#' ? "\xE2\x80\x94 n AAAAAAAA\n"
                                                  : (char[2]){*from, 0});
        int expected = i < sizeof bad / sizeof *bad ? FAX_EP_FORMAT : 0;
        if (checkpoint_parse(note, at, &out) != expected)
            print_message("case %zu\n", i);
        assert_int_equal(checkpoint_parse(note, at, &out), expected);
    }
    assert_int_equal(checkpoint_parse(note, CHECKPOINT_TEXT, &out), FAX_EP_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_note), cmocka_unit_test(bad_verifier_keys),
        cmocka_unit_test(round_trip),   cmocka_unit_test(several_signatures),
        cmocka_unit_test(strict_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
