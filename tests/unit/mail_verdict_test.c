#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/mail_senders.h"
#include "gateway/mail/mail_verdict.h"

static void ends_are_put_in_one_sentence(void **state)
{
    static const struct {
        const char *state, *reason;
        uint32_t pages;
        bool ended, delivered;
        const char *sentence;
    } cases[] = {
        {"delivered", "", 1, true, true,
         "The fax was delivered: 1 page confirmed by the receiver."},
        {"partial", "the line was lost", 2, true, false,
         "Only the first 2 pages of the fax arrived: the line was lost."},
        {"failed", "", 0, true, false, "The fax could not be sent: no reason is known."},
        {"cancelled", "cancelled", 0, true, false, "The fax was cancelled."},
        {"uncertain", "no answer", 0, true, false,
         "It is not known whether the fax arrived, and it is not sent again by itself: no answer."},
        {"failed", "The number is not known; check it. (the other side: 404 Not Found)", 0, true,
         false,
         "The fax could not be sent: The number is not known; check it (the other side: 404 Not "
         "Found)."},
        {"failed", "The number is not known; check it.", 0, true, false,
         "The fax could not be sent: The number is not known; check it."},
        {"queued", "", 0, false, false, ""},
        {"sending", "", 0, false, false, ""},
        {"", "", 0, false, false, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mail_end_verdict v;
        assert_int_equal(mail_verdict_of_fax(cases[i].state, cases[i].reason, cases[i].pages, &v),
                         cases[i].ended);
        if (!cases[i].ended)
            continue;
        assert_int_equal(v.delivered, cases[i].delivered);
        assert_string_equal(v.state, cases[i].state);
        assert_string_equal(v.sentence, cases[i].sentence);
        assert_int_equal(v.status[0], cases[i].delivered ? '2' : '5');
    }
}

static void refusals_are_put_in_one_sentence(void **state)
{
    static const char *const cases[][2] = {
        {"attachments of the kind 'a/b' are not taken (c.exe)",
         "Attachments of the kind 'a/b' are not taken (c.exe)."},
        {"The message cannot be read.", "The message cannot be read."},
        {"\xC3\xA4 is no number", "\xC3\xA4 is no number."},
        {"why?", "Why?"},
        {"check it.. ", "Check it."},
        {"The message holds malware: X..", "The message holds malware: X."},
        {" . ", ""},
        {"", ""},
    };
    char longest[400];
    struct mail_end_verdict v;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ptr_equal(mail_verdict_refused("5.6.1", cases[i][0], &v), &v);
        assert_string_equal(v.state, "refused");
        assert_string_equal(v.status, "5.6.1");
        assert_string_equal(v.sentence, cases[i][1]);
        assert_false(v.delivered);
    }
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    mail_verdict_refused("5.6.1", longest, &v);
    assert_int_equal(strlen(v.sentence), sizeof v.sentence - 1);
    assert_int_equal(v.sentence[0], 'X');
}

static void reports_are_made_when_wanted(void **state)
{
    static const struct {
        const char *setting;
        uint8_t notify;
        bool delivered, wanted;
    } cases[] = {
        {"none", MAIL_NOTIFY_USUAL, false, false},
        {"none", MAIL_NOTIFY_SUCCESS | MAIL_NOTIFY_FAILURE, false, false},
        {"failures", MAIL_NOTIFY_USUAL, false, true},
        {"failures", MAIL_NOTIFY_USUAL, true, false},
        {"failures", MAIL_NOTIFY_SUCCESS, true, true},
        {"failures", MAIL_NOTIFY_SUCCESS, false, false},
        {"all", MAIL_NOTIFY_USUAL, true, true},
        {"all", MAIL_NOTIFY_USUAL, false, true},
        {"all", MAIL_NOTIFY_NEVER, false, false},
        {"all", MAIL_NOTIFY_FAILURE, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            mail_verdict_wants_report(cases[i].setting, cases[i].notify, cases[i].delivered),
            cases[i].wanted);
}

static void domains_of_signatures_must_be_aligned(void **state)
{
    static const struct {
        const char *domain, *author;
        bool aligned;
    } cases[] = {
        {"example.com", "anna@example.com", true},
        {"EXAMPLE.com", "anna@Example.Com", true},
        {"example.com", "anna@mail.example.com", true},
        {"mail.example.com", "anna@example.com", false},
        {"ample.com", "anna@example.com", false},
        {"com", "anna@example.com", false},
        {"", "anna@example.com", false},
        {"example.com", "example.com", false},
        {"example.com", "anna@example.com.evil.example", false},
        {"example.com", "\"@example.com\"@evil.example", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(mail_identity_is_aligned(cases[i].domain, cases[i].author),
                         cases[i].aligned);
}

static void a_signature_must_cover_its_recipients(void **state)
{
    static struct message_facts facts;
    (void)state;
    snprintf(facts.from, sizeof facts.from, "anna@example.com");
    facts.signature_count = 3;
    for (int i = 0; i < 3; i++)
        snprintf(facts.signatures[i].domain, sizeof facts.signatures[i].domain, "example.com");
    assert_int_equal(mail_identity_signature(&facts, ~0u, 1000), -1);
    facts.signatures[1].signs_to = facts.signatures[2].signs_to = 1;
    assert_int_equal(mail_identity_signature(&facts, ~0u, 1000), 1);
    assert_int_equal(mail_identity_signature(&facts, 1u << 0, 1000), -1);
    facts.signatures[1].expires = 1000;
    assert_int_equal(mail_identity_signature(&facts, ~0u, 1000), 2);
    snprintf(facts.signatures[2].domain, sizeof facts.signatures[2].domain, "evil.example");
    assert_int_equal(mail_identity_signature(&facts, ~0u, 1000), -1);
    /* More than can be there is read as what is there. */
    facts.signature_count = UINT32_MAX;
    assert_int_equal(mail_identity_signature(&facts, ~0u, 1000), -1);
}

static void a_message_names_its_numbers(void **state)
{
    static char numbers[MESSAGE_ADDRESSED_MAX][NUMBER_TEXT];
    struct mail_addressed addressed;
    int list = memfd_create("numbers", MFD_CLOEXEC);
    (void)state;
    for (int i = 0; i < MESSAGE_ADDRESSED_MAX; i++)
        snprintf(numbers[i], sizeof numbers[i], "+49305%d", (i * 7919) % MESSAGE_ADDRESSED_MAX);
    memset(numbers[3], '9', sizeof numbers[3]); /* the child sends what it likes */
    assert_int_equal(write(list, numbers, sizeof numbers), sizeof numbers);
    assert_int_equal(mail_addressed_read(list, MESSAGE_ADDRESSED_MAX, &addressed), 0);
    assert_int_equal(addressed.count, MESSAGE_ADDRESSED_MAX);
    assert_true(mail_identity_is_addressed(&addressed, "+493050"));
    assert_true(mail_identity_is_addressed(&addressed, "+49305999"));
    assert_false(mail_identity_is_addressed(&addressed, "+49305"));
    mail_addressed_free(&addressed);
    assert_false(mail_identity_is_addressed(&addressed, "+493050"));
    /* Some of them are not there, or none is. */
    assert_int_equal(mail_addressed_read(list, MESSAGE_ADDRESSED_MAX + 1, &addressed), 0);
    assert_false(mail_identity_is_addressed(&addressed, "+493050"));
    assert_int_equal(ftruncate(list, sizeof numbers - 1), 0);
    assert_true(mail_addressed_read(list, MESSAGE_ADDRESSED_MAX, &addressed) < 0);
    assert_int_equal(addressed.count, 0);
    assert_int_equal(mail_addressed_read(-1, 0, &addressed), 0);
    assert_false(mail_identity_is_addressed(&addressed, ""));
    close(list);
}

static void senders_are_found_whatever_their_case(void **state)
{
    struct mail_sender all[] = {{.address = "anna@example.com"}, {.address = "bert@example.com"}};
    const struct mail_senders senders = {all, 2};
    char address[MAIL_ADDRESS_TEXT];
    (void)state;
    assert_ptr_equal(mail_senders_find(&senders, "Anna@EXAMPLE.com"), &all[0]);
    assert_ptr_equal(mail_senders_find(&senders, "bert@example.com"), &all[1]);
    assert_null(mail_senders_find(&senders, "carl@example.com"));
    assert_null(mail_senders_find(&senders, ""));
    assert_int_equal(mail_sender_address("A.B@c.D", address), 0);
    assert_string_equal(address, "a.b@c.d");
    static const char *const wrong[] = {"", "@", "a@", "@b", "a b@c", "a@b,c@d", "<a@b>", "a"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_true(mail_sender_address(wrong[i], address) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_put_in_one_sentence),
        cmocka_unit_test(refusals_are_put_in_one_sentence),
        cmocka_unit_test(reports_are_made_when_wanted),
        cmocka_unit_test(domains_of_signatures_must_be_aligned),
        cmocka_unit_test(a_signature_must_cover_its_recipients),
        cmocka_unit_test(a_message_names_its_numbers),
        cmocka_unit_test(senders_are_found_whatever_their_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
