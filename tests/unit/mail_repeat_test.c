/* mail_repeat_test.c: messages that are brought again, by marks, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/mail/mail_repeat.h"

static const uint8_t key[MAIL_MARK_KEY_OCTETS] = {1, 2, 3};

static const char message[] = "Received: by a\r\nmessage-ID: <1@example.com>\r\n\r\nText.\r\n";

/* In pieces of so many octets; the first one has the head. */
static struct mail_digest digest_of(const char *text, size_t piece)
{
    struct mail_digest digest;
    struct mail_digester *digester = mail_digester_new();
    for (size_t at = 0, left = strlen(text); left > 0;) {
        size_t length = left < piece ? left : piece;
        mail_digester_add(digester, text + at, length);
        at += length;
        left -= length;
    }
    mail_digester_end(digester, &digest);
    return digest;
}

static void digests_are_of_messages_with_an_id(void **state)
{
    static const char *const none[] = {
        "",
        "\r\nMessage-ID: <1@example.com>\r\n",
        "From: a\r\n\r\nMessage-ID: <1@example.com>\r\n",
        "X-Message-ID: <1@example.com>\r\n\r\n",
        "From: a\n\nMessage-ID: x\n",
        "Message-I",
    };
    (void)state;
    struct mail_digest whole = digest_of(message, sizeof message),
                       halves = digest_of(message, sizeof message - 9);
    if (!whole.usable || !halves.usable)
        return; /* an allocation failed */
    assert_memory_equal(whole.octets, halves.octets, sizeof whole.octets);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(digest_of(none[i], 1000).usable);
    struct mail_digester *digester = mail_digester_new();
    mail_digester_end(digester, &whole);
    assert_false(whole.usable);
    mail_digester_add(NULL, "x", 1);
    mail_digester_end(NULL, &whole);
    assert_false(whole.usable);
}

/* One thing of it is another: so is the mark. */
static void marks_differ_with_all_that_counts(void **state)
{
    struct mail_recipient recipients[] = {{.address = "+498912@fax.example", .number = "+498912"},
                                          {.address = "+498913@fax.example", .number = "+498913"}};
    struct mail_envelope envelope = {.from = "anna@example.com",
                                     .principal = "clerk",
                                     .peer = "192.0.2.7",
                                     .recipient_count = 2,
                                     .recipients = recipients};
    const struct mail_envelope usual = envelope;
    const struct mail_recipient first = recipients[0];
    struct mail_digest digest = digest_of(message, sizeof message);
    struct mail_mark marks[10], again;
    uint8_t other_key[MAIL_MARK_KEY_OCTETS] = {9};
    size_t count = 0;
    (void)state;
    if (!digest.usable || mail_mark_make(key, &envelope, &digest, &marks[count++]) < 0)
        return;
    snprintf(envelope.peer, sizeof envelope.peer, "192.0.2.8"); /* another line, the same client */
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &again), 0);
    assert_memory_equal(&again, &marks[0], sizeof again);
    assert_int_equal(mail_mark_make(other_key, &envelope, &digest, &marks[count++]), 0);
    snprintf(envelope.principal, sizeof envelope.principal, "other");
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    envelope = usual;
    envelope.trusted_relay = true;
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    envelope = usual;
    envelope.from[0] = 'h';
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    envelope = usual;
    envelope.recipient_count = 1;
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    envelope = usual;
    recipients[0].notify = MAIL_NOTIFY_SUCCESS;
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    recipients[0] = first;
    snprintf(recipients[0].address, sizeof recipients[0].address, "+498912/fine@fax.example");
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    recipients[0] = first;
    digest.octets[31] ^= 1;
    assert_int_equal(mail_mark_make(key, &envelope, &digest, &marks[count++]), 0);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(&marks[i], &marks[k], sizeof marks[0]);
    digest.usable = false;
    assert_true(mail_mark_make(key, &envelope, &digest, &again) < 0);
}

static struct mail_mark mark_of(uint32_t n)
{
    struct mail_mark mark = {{0}};
    n %= 7777; /* some fall together */
    memcpy(mark.octets, &(uint32_t){n * 2654435761u}, sizeof n);
    memcpy(mark.octets + 8, &n, sizeof n);
    return mark;
}

static struct fax_id id_of(uint32_t n)
{
    struct fax_id id = {{0}};
    memcpy(id.octets, &n, sizeof n);
    return id;
}

static void texts_are_read_back(void **state)
{
    char text[MAIL_MARK_TEXT];
    struct mail_mark mark = mark_of(5), again;
    (void)state;
    mail_mark_text(&mark, text);
    assert_int_equal(mail_mark_parse(text, &again), 0);
    assert_memory_equal(&mark, &again, sizeof mark);
    assert_true(mail_mark_parse("", &again) < 0);
    text[3] = 'g';
    assert_true(mail_mark_parse(text, &again) < 0);
}

/* A client that hears no answer for four hours, with others in between. */
static void what_was_taken_is_known_for_a_while(void **state)
{
    enum { HOUR = 3600 * 1000, WINDOW = 4 * HOUR };
    struct mail_repeats *repeats = NULL;
    struct mail_mark mark = mark_of(1), other = mark_of(2);
    struct fax_id first = id_of(1), second = id_of(2);
    (void)state;
    if (mail_repeats_new(100, &repeats) < 0)
        return;
    assert_null(mail_repeats_find(repeats, &mark, 0));
    mail_repeats_put(repeats, &mark, &first, 1000);
    mail_repeats_put(repeats, &other, &second, 2000);
    for (int64_t now_ms = 1000; now_ms <= 1000 + WINDOW; now_ms += 10 * 60 * 1000) {
        const struct fax_id *found = mail_repeats_find(repeats, &mark, now_ms - WINDOW);
        assert_non_null(found);
        assert_true(fax_id_equal(found, &first));
    }
    assert_null(mail_repeats_find(repeats, &mark, 1001));
    /* Taken as a new one, it is that one from then on. */
    second = id_of(3);
    mail_repeats_put(repeats, &mark, &second, 5 * HOUR);
    assert_true(fax_id_equal(mail_repeats_find(repeats, &mark, 0), &second));
    /* Nothing came of it. */
    mail_repeats_forget(repeats, &second);
    mail_repeats_forget(repeats, &first);
    mail_repeats_forget(repeats, &first);
    assert_null(mail_repeats_find(repeats, &mark, 0));
    assert_non_null(mail_repeats_find(repeats, &other, 0));
    mail_repeats_free(repeats);
}

/* Against a plain list: the latest 500 of ten thousand, some of them forgotten. */
static void the_oldest_go_when_there_are_many(void **state)
{
    enum { MOST = 500, PUTS = 10000 };
    struct mail_repeats *repeats = NULL;
    static bool forgotten[PUTS];
    (void)state;
    if (mail_repeats_new(MOST, &repeats) < 0)
        return;
    memset(forgotten, 0, sizeof forgotten);
    for (uint32_t i = 0; i < PUTS; i++) {
        struct mail_mark mark = mark_of(i), old;
        struct fax_id id = id_of(i);
        mail_repeats_put(repeats, &mark, &id, i);
        if (i % 3 == 0 && i >= 100) {
            id = id_of(i - 100);
            mail_repeats_forget(repeats, &id);
            forgotten[i - 100] = true;
        }
        for (uint32_t back = 0; back < 2 * MOST && back <= i; back += 37) {
            old = mark_of(i - back);
            const struct fax_id *found = mail_repeats_find(repeats, &old, 0);
            bool there = back < MOST && !forgotten[i - back];
            assert_int_equal(found != NULL, there);
            id = id_of(i - back);
            assert_true(!found || fax_id_equal(found, &id));
        }
    }
    mail_repeats_free(repeats);
    mail_repeats_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_of_messages_with_an_id),
        cmocka_unit_test(marks_differ_with_all_that_counts),
        cmocka_unit_test(texts_are_read_back),
        cmocka_unit_test(what_was_taken_is_known_for_a_while),
        cmocka_unit_test(the_oldest_go_when_there_are_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
