/* Dialogues with the machine: what a client says, what it hears, what becomes of it. Each is fed at
 * once and octet by octet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine.h"
#include "tests/doubles/smtp_owner.h"

static void commands_have_an_order(void **state)
{
    static const struct smtp_dialogue all[] = {
        {HI "QUIT\r\n", "250 221", "{}"},
        {"helo me\r\nquit\r\n", "250 221", NULL},
        {"HELO\r\nEHLO a b\r\nLHLO x\r\n", "501 501 500", ""},
        {FROM, "503", NULL},
        {HI "RCPT TO:<+491@fax.example>\r\n", "250 503", NULL},
        {HI FROM FROM, "250 250 503", NULL},
        {HI FROM "DATA\r\n", "250 250 554", NULL},
        {HI FROM TO "RSET\r\n" TO, "250 250 250 250 503", NULL},
        {HI FROM TO "EHLO again\r\n|DATA\r\n", "250 250 250 250 503", NULL},
        {HI "NOOP\r\nNOOP what?\r\nVRFY anna\r\nHELP\r\nRSET\r\n", "250 250 250 252 214 250", NULL},
        {HI FROM TO "DATA now\r\n", "250 250 250 501", NULL},
        {"GET / HTTP/1.1\r\nHost: x\r\n" HI, "554", "{spoke HTTP}"},
        {"WHAT\r\nEXPN x\r\nTURN\r\n" HI FROM TO "DATA\r\n|hello\r\n.\r\n",
         "500 500 500 250 250 250 354 250", SENT "hello\r\n]"},
        {"A\r\nB\r\nC\r\nD\r\n" HI, "500 500 500 421", "{too many mistakes}"},
        {HI "NO\001OP\r\n", "250 500", NULL},
        {HI "MAIL FROM:<flood@example.org>\r\n" TO, "250 450 503", NULL},
    };
    (void)state;
    CHECK_ALL(all, &smtp_owner_terms);
}

static void messages_are_taken(void **state)
{
    static const struct smtp_dialogue all[] = {
        {HI FROM TO "DATA\r\n|one\r\n\r\ntwo\r\n.\r\n" FROM TO "DATA\r\n|three\r\n.\r\n",
         "250 250 250 354 250 250 250 354 250", SENT "one\r\n\r\ntwo\r\n]" SENT "three\r\n]"},
        {HI FROM TO "DATA\r\n|..\r\n...\r\n.a\r\n..b\r\n.\r\n", "250 250 250 354 250",
         SENT ".\r\n..\r\na\r\n.b\r\n]"},
        {HI FROM TO "DATA\r\n|.\r\n", "250 250 250 354 250", SENT "]"},
        {HI FROM TO "DATA\r\n|a\r\n.\r\nQUIT\r\n", "250 250 250 354 250 221", SENT "a\r\n]{}"},
        {HI "MAIL FROM:<>\r\nRCPT TO:<498912345@OTHER.example>\r\nDATA\r\n|x\r\n.\r\n",
         "250 250 250 354 250", "[   me 498912345/0/: x\r\n]"},
        /* A recipient that is refused is no reason to refuse the others. */
        {HI FROM "RCPT TO:<+49999@fax.example>\r\n" TO "DATA\r\n|x\r\n.\r\n",
         "250 250 550 250 354 250", SENT "x\r\n]"},
        {HI FROM TO TO TO TO, "250 250 250 250 250 452", NULL},
    };
    (void)state;
    CHECK_ALL(all, &smtp_owner_terms);
}

/* Everything that some server takes for the end of a message, and the commands that hide behind. */
static void nothing_is_smuggled(void **state)
{
#define IN     HI FROM TO "DATA\r\n|"
#define OUT    "250 250 250 354 550"
#define HIDDEN FROM TO "DATA\r\nsmuggled\r\n.\r\n"
    static const struct smtp_dialogue all[] = {
        {IN "a\n.\n" HIDDEN, OUT " 500", ""},
        {IN "a\n.\r\n" HIDDEN, OUT " 500", ""},
        {IN "a\r.\r"
            "b" END,
         OUT, ""},
        {IN "a\r.\r\n" HIDDEN, OUT " 500", ""},
        {IN "a\r\n.\n" HIDDEN, OUT " 500", ""},
        {IN "a\r\n.\r" HIDDEN, OUT " 500", ""},
        {IN "a\r\r\n.\r\n", OUT, ""},
        {IN "a\r\n\n.\r\n" END, OUT, ""},
        {IN "\n" END, OUT, ""},
        {IN "\r" END, OUT, ""},
        {IN ".\n" END, OUT, ""},
        {IN ".\ra" END, OUT, ""},
        {IN "a\r\n.\r\r\n.\r\n", OUT, ""},
        /* In commands. */
        {HI "NOOP\nMAIL FROM:<a@b.example>\r\n", "250 550", "{a bare CR or LF in a command}"},
        {HI "NOOP\rNOOP\r\n", "250 550", "{a bare CR or LF in a command}"},
        {HI "NOOP\r\r\n", "250 550", "{a bare CR or LF in a command}"},
        {"\n", "550", "{a bare CR or LF in a command}"},
        /* After a refusal the session goes on, and the next message is whole. */
        {IN "a\nb" END FROM TO "DATA\r\n|c\r\n.\r\n", OUT " 250 250 354 250", SENT "c\r\n]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct smtp_owner o;
        struct smtp_handlers handlers;
        char codes[SMTP_OWNER_LOG];
        for (size_t step = 0; step < 3; step++) {
            smtp_owner_open(&o, &handlers, &smtp_owner_terms);
            smtp_owner_say(&o, all[i].text, step);
            smtp_owner_codes(&o, codes);
            /* What came behind a refused message may be refused as commands, never sent. */
            if (strncmp(codes, all[i].codes,
                        strlen(OUT) < strlen(all[i].codes) ? strlen(OUT) : strlen(all[i].codes)) !=
                0)
                print_error("step %zu of:\n%s\n%s", step, all[i].text, o.said);
            assert_null(strstr(o.done, "smuggled"));
            if (all[i].done[0])
                assert_string_equal(o.done, all[i].done);
            assert_memory_equal(codes, all[i].codes,
                                strlen(all[i].codes) < strlen(OUT) ? strlen(all[i].codes)
                                                                   : strlen(OUT));
            smtp_machine_free(o.machine);
        }
    }
}

/* Told by how the octets come: only together. */
static void nobody_runs_ahead(void **state)
{
    static const struct smtp_dialogue all[] = {
        {HI "STARTTLS\r\n" HI, "250 554", "{sent commands behind STARTTLS}"},
        {HI "STARTTLS\r\n|" HI "NOOP\r\n", "250 220 250 250", ""},
        {HI "STARTTLS\r\n|NOOP\r\n" FROM, "250 220 250 503", ""},
        {HI "STARTTLS\r\n|" HI "STARTTLS\r\n", "250 220 250 503", ""},
        {HI FROM TO "STARTTLS\r\n|" HI TO, "250 250 250 220 250 503", ""},
        {HI FROM TO "DATA\r\nSubject: x\r\n.\r\n", "250 250 250 554",
         "{sent content before it was asked for}"},
        {HI FROM "RCPT TO:<x@y>\r\nDATA\r\nQUIT\r\n", "250 250 550 554",
         "{sent content before it was asked for}"},
    };
    struct smtp_owner o;
    struct smtp_handlers handlers;
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        smtp_dialogue_check(&all[i], &smtp_owner_terms, 0);
    memset(&o, 0, sizeof o);
    smtp_owner_open(&o, &handlers, &smtp_owner_terms);
    struct smtp_machine *greeted = o.machine;
    assert_int_equal(smtp_machine_new(&smtp_owner_terms, &handlers, "192.0.2.1", false, &o.machine),
                     0);
    o.said[0] = '\0';
    assert_int_equal(smtp_machine_feed(o.machine, HI, strlen(HI)), 0);
    assert_memory_equal(o.said, "554 5.5.0 ", 10);
    assert_true(o.closed);
    smtp_machine_free(o.machine);
    smtp_machine_free(greeted);
}

static void chunks_are_counted(void **state)
{
    static const struct smtp_dialogue all[] = {
        {HI FROM TO "BDAT 3 LAST\r\na\r\n", "250 250 250 250", SENT "a\r\n]"},
        {HI FROM TO "BDAT 4\r\na\r\nbBDAT 0\r\nbdat 2 last\r\n\r\n", "250 250 250 250 250 250",
         SENT "a\r\nb\r\n]"},
        {HI FROM TO "BDAT 3\r\na\r\nBDAT 0 LAST\r\n", "250 250 250 250 250", SENT "a\r\n]"},
        /* A dot is only a dot. */
        {HI FROM TO "BDAT 8 LAST\r\n.\r\n..a\r\n", "250 250 250 250", SENT ".\r\n..a\r\n]"},
        /* CR and LF of one line end in two chunks. */
        {HI FROM TO "BDAT 2\r\na\rBDAT 1 LAST\r\n\n", "250 250 250 250 250", SENT "a\r\n]"},
        {HI FROM TO "BDAT 2 LAST\r\na\r", "250 250 250 550", ""},
        {HI FROM TO "BDAT 5 LAST\r\na\nb\r\nNOOP\r\n", "250 250 250 550 250", ""},
        /* After a chunk was refused the others are of no message. */
        {HI FROM TO "BDAT 2\r\na\nBDAT 3 LAST\r\nQUI", "250 250 250 550 503", ""},
        {HI "BDAT 6\r\nQUIT\r\nNOOP\r\n", "250 503 250", ""},
        {HI FROM "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 250 554 250", ""},
        {HI FROM TO "BDAT 1\r\na" TO "DATA\r\n", "250 250 250 250 503 503", ""},
        {HI FROM TO "BDAT 1\r\naRSET\r\n" FROM TO "BDAT 1 LAST\r\nb",
         "250 250 250 250 250 250 250 250", SENT "b]"},
        {HI "BDAT\r\n", "250 501", "{a BDAT without size}"},
        {HI "BDAT -1\r\n", "250 501", "{a BDAT without size}"},
        {HI "BDAT 1 FIRST\r\n", "250 501", "{a BDAT without size}"},
        {HI "BDAT 9999999999999999999\r\n", "250 501", "{a BDAT without size}"},
        {HI FROM TO "BDAT 801\r\n", "250 250 250 552", "{an endless message}"},
    };
    (void)state;
    CHECK_ALL(all, &smtp_owner_terms);
}

static void what_is_too_large_is_refused(void **state)
{
#define LINE50 "1234567890123456789012345678901234567890123456\r\n"
#define LINE98                                                                                     \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "345678"
    static const struct smtp_dialogue all[] = {
        {HI "MAIL FROM:<a@b.example> SIZE=201\r\nMAIL FROM:<a@b.example> SIZE=200\r\n",
         "250 552 250", NULL},
        {HI "MAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n", "250 552", NULL},
        {HI "MAIL FROM:<a@b.example> SIZE=999999999999999999999\r\n", "250 501", NULL},
        {HI FROM TO "DATA\r\n|" LINE50 LINE50 LINE50 LINE50 LINE50 ".\r\nNOOP\r\n",
         "250 250 250 354 552 250", ""},
        {HI FROM TO "BDAT 240 LAST\r\n" LINE50 LINE50 LINE50 LINE50 LINE50 "NOOP\r\n",
         "250 250 250 552 250", ""},
        {HI FROM TO "DATA\r\n|" LINE98 "\r\n.\r\n", "250 250 250 354 250", NULL},
        {HI FROM TO "DATA\r\n|" LINE98 "9\r\n.\r\n", "250 250 250 354 550", ""},
        {HI FROM TO "BDAT 101 LAST\r\n" LINE98 "9\r\n", "250 250 250 550", ""},
    };
    struct smtp_owner o;
    struct smtp_handlers handlers;
    char line[SMTP_COMMAND_MAX + 3];
    (void)state;
    CHECK_ALL(all, &smtp_owner_terms);
    memset(line, 'x', sizeof line);
    for (int more = 0; more < 2; more++) {
        smtp_owner_open(&o, &handlers, &smtp_owner_terms);
        memset(line, 'x', sizeof line);
        memcpy(line, "NOOP ", 5);
        memcpy(line + SMTP_COMMAND_MAX - 2 + more, "\r\n", 2);
        smtp_owner_say_octets(&o, line, SMTP_COMMAND_MAX + (size_t)more, 0);
        assert_non_null(strstr(o.said, more ? "\r\n500 5.5.6" : "\r\n250 2.0.0"));
        smtp_machine_free(o.machine);
    }
    /* A line without end. */
    smtp_owner_open(&o, &handlers, &smtp_owner_terms);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 100 && !o.closed; i++)
        smtp_owner_say_octets(&o, line, 1000, 0);
    assert_true(o.closed);
    smtp_machine_free(o.machine);
    /* A message without end. */
    smtp_owner_open(&o, &handlers, &smtp_owner_terms);
    smtp_owner_say(&o, HI FROM TO "DATA\r\n", 0);
    for (int i = 0; i < 100 && !o.closed; i++)
        smtp_owner_say_octets(&o, LINE50, 48, 0);
    assert_non_null(strstr(o.said, "\r\n552 5.3.4"));
    assert_true(o.closed);
    smtp_machine_free(o.machine);
    /* The owner has no room, or cannot. */
    for (int i = 0; i < 2; i++) {
        smtp_owner_open(&o, &handlers, &smtp_owner_terms);
        o.content_error = i ? -EIO : -ENOSPC;
        smtp_owner_say(&o, HI FROM TO "DATA\r\n|x\r\n.\r\nNOOP\r\n", 0);
        assert_non_null(strstr(o.said, i ? "\r\n451 4.3.0" : "\r\n452 4.3.1"));
        assert_false(o.closed);
        smtp_machine_free(o.machine);
    }
}

static void parameters_are_read(void **state)
{
    static const struct smtp_dialogue all[] = {
        {HI
         "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME RET=FULL ENVID=x+2By SMTPUTF8 AUTH=<>\r\n"
         "RCPT TO:<+491@fax.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c.example\r\n"
         "RCPT TO:<+492@fax.example> notify=never\r\nDATA\r\n|x\r\n.\r\n",
         "250 250 250 250 354 250",
         "[a@b.example x+y full  me +491/6/rfc822;a+b@c.example +492/1/: x\r\n]"},
        {HI "MAIL FROM:<a@b.example> RET=HDRS\r\nRCPT TO:<+491@fax.example> NOTIFY=DELAY\r\n"
            "DATA\r\n|x\r\n.\r\n",
         "250 250 250 354 250", "[a@b.example   me +491/8/: x\r\n]"},
        {HI "MAIL FROM:<a@b.example> RET=SOME\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\n"
            "MAIL FROM:<a@b.example> FOO=1\r\n" FROM,
         "250 501 501 555 250", NULL},
        {HI "MAIL FROM:<a@b.example> SIZE\r\nMAIL FROM:<a@b.example> SIZE=1 SIZE=1\r\n"
            "MAIL FROM:<a@b.example> ENVID=a+2\r\n",
         "250 501 501 501", NULL},
        {HI FROM "RCPT TO:<+491@fax.example> NOTIFY=NEVER,DELAY\r\n"
                 "RCPT TO:<+491@fax.example> NOTIFY=\r\n"
                 "RCPT TO:<+491@fax.example> ORCPT=x\r\n",
         "250 250 501 501 501", NULL},
        {"HELO me\r\nMAIL FROM:<a@b.example> SIZE=1\r\n" FROM, "250 555 250", NULL},
        {HI "MAIL FROM: <a@b.example>\r\n", "250 250", NULL},
        {HI "MAIL FROM:a@b.example\r\n", "250 501", NULL},
        {HI "MAIL FROM:<a@b.example\r\n", "250 501", NULL},
        {HI "MAIL FROM:<a@b.example>x\r\n", "250 501", NULL},
        {HI "MAIL FROM:<@x:a@b.example>\r\n", "250 501", NULL},
        {HI "MAIL FROM:<a b@c.example>\r\n", "250 501", NULL},
        {HI "MAIL FROM:<\"a >b\"@c.example>\r\n", "250 250", NULL},
        {HI "MAIL TO:<a@b.example>\r\n", "250 501", NULL},
        {HI "MAIL FROM:<\303\266@b.example>\r\nMAIL FROM:<\303\266@b.example> SMTPUTF8\r\n",
         "250 553 250", NULL},
        {HI "MAIL FROM:<\303@b.example> SMTPUTF8\r\n", "250 501", NULL},
        {HI "MAIL FROM:<\303\266@b.example> SMTPUTF8\r\n" TO "DATA\r\n|\303\266\r\n.\r\n",
         "250 250 250 354 250", "[\303\266@b.example   me +491/0/: \303\266\r\n]"},
    };
    (void)state;
    CHECK_ALL(all, &smtp_owner_terms);
}

#define TLS HI "STARTTLS\r\n|" HI
/* "\0anna\0secret" and "\0anna\0wrong" */
#define RIGHT "AGFubmEAc2VjcmV0"
#define WRONG "AGFubmEAd3Jvbmc="

static void passwords_are_taken_under_tls(void **state)
{
    static const struct smtp_dialogue all[] = {
        {HI "AUTH PLAIN " RIGHT "\r\n", "250 538", ""},
        {TLS "AUTH PLAIN " RIGHT "\r\n", "250 220 250 235", "(anna secret)"},
        {TLS "AUTH PLAIN\r\n|" RIGHT "\r\n", "250 220 250 334 235", "(anna secret)"},
        {TLS "auth login\r\n|YW5uYQ==\r\n|c2VjcmV0\r\n", "250 220 250 334 334 235",
         "(anna secret)"},
        {TLS "AUTH LOGIN YW5uYQ==\r\n|c2VjcmV0\r\n", "250 220 250 334 235", "(anna secret)"},
        {TLS "AUTH PLAIN " WRONG "\r\nNOOP\r\n", "250 220 250 535 250", "(anna wrong)"},
        {TLS "AUTH PLAIN " WRONG "\r\nAUTH PLAIN " WRONG "\r\nAUTH PLAIN " WRONG "\r\n",
         "250 220 250 535 535 421", NULL},
        {TLS "AUTH PLAIN " RIGHT "\r\nAUTH PLAIN " RIGHT "\r\n", "250 220 250 235 503", NULL},
        {TLS FROM "AUTH PLAIN " RIGHT "\r\n", "250 220 250 250 503", ""},
        {TLS "AUTH CRAM-MD5\r\n", "250 220 250 504", ""},
        {TLS "AUTH PLAIN\r\n|*\r\nNOOP\r\n", "250 220 250 334 501 250", ""},
        {TLS "AUTH PLAIN =\r\n", "250 220 250 501", ""},
        {TLS "AUTH PLAIN A===\r\n", "250 220 250 501", ""},
        {TLS "AUTH PLAIN AGFubmEAc2Vjcm V0\r\n", "250 220 250 501", ""},
        /* "bert\0anna\0secret", "\0anna" */
        {TLS "AUTH PLAIN YmVydABhbm5hAHNlY3JldA==\r\n", "250 220 250 535", ""},
        {TLS "AUTH PLAIN AGFubmE=\r\n", "250 220 250 501", ""},
        {TLS "AUTH PLAIN " RIGHT "\r\n" FROM TO "DATA\r\n|x\r\n.\r\n",
         "250 220 250 235 250 250 354 250", "(anna secret)[a@b.example  anna me +491/0/: x\r\n]"},
    };
    struct smtp_terms strict = smtp_owner_terms;
    static const struct smtp_dialogue refused = {HI FROM, "250 530", ""};
    static const struct smtp_dialogue taken = {TLS "AUTH PLAIN " RIGHT "\r\n" FROM,
                                               "250 220 250 235 250", NULL};
    struct smtp_owner o;
    struct smtp_handlers handlers;
    (void)state;
    CHECK_ALL(all, &smtp_owner_terms);
    strict.must_sign_in = true;
    smtp_dialogue_check(&refused, &strict, 0);
    smtp_dialogue_check(&taken, &strict, 0);
    /* AUTH is offered where it may be used. */
    smtp_owner_open(&o, &handlers, &smtp_owner_terms);
    smtp_owner_say(&o, HI, 0);
    assert_null(strstr(o.said, "AUTH"));
    assert_non_null(strstr(o.said, "250-STARTTLS\r\n"));
    smtp_owner_say(&o, "STARTTLS\r\n|" HI, 0);
    assert_non_null(strstr(o.said, "250-AUTH PLAIN LOGIN\r\n"));
    /* Nobody can sign in now. */
    assert_int_equal(smtp_machine_feed(o.machine, "AUTH PLAIN " RIGHT "\r\nNOOP\r\n", 38),
                     13 + strlen(RIGHT));
    assert_true(smtp_machine_waits(o.machine));
    smtp_machine_signed_in(o.machine, SMTP_SIGN_IN_LATER, "");
    assert_non_null(strstr(o.said, "\r\n454 4.7.0"));
    smtp_machine_free(o.machine);
}

static void certificates_say_who_it_is(void **state)
{
    struct smtp_owner o;
    struct smtp_handlers handlers;
    struct smtp_terms strict = smtp_owner_terms;
    (void)state;
    strict.must_sign_in = true;
    smtp_owner_open(&o, &handlers, &strict);
    smtp_machine_secured(o.machine, "anna", "host.example");
    smtp_owner_say(&o, HI FROM TO "DATA\r\n|x\r\n.\r\n", 0);
    assert_string_equal(o.done, "[a@b.example  anna host.example +491/0/: x\r\n]");
    smtp_machine_free(o.machine);
}

static void lmtp_answers_for_each_recipient(void **state)
{
    struct smtp_terms lmtp = smtp_owner_terms;
    static const struct smtp_dialogue all[] = {
        {"EHLO x\r\nLHLO me\r\n" FROM TO "RCPT TO:<+492@fax.example>\r\n"
         "RCPT TO:<+49999@fax.example>\r\nDATA\r\n|x\r\n.\r\nNOOP\r\n",
         "500 250 250 250 250 550 354 250 250 250", "[a@b.example   me +491/0/ +492/0/: x\r\n]"},
        {"LHLO me\r\n" FROM TO TO "DATA\r\n|a\nb\r\n.\r\n", "250 250 250 250 354 550 550", ""},
        {"LHLO me\r\n" FROM TO TO "BDAT 1\r\nxBDAT 2 LAST\r\n\r\n", "250 250 250 250 250 250 250",
         NULL},
        {"LHLO me\r\n" FROM TO TO "BDAT 2\r\n\r\r", "250 250 250 250 550", NULL},
        {"LHLO me\r\n" FROM "DATA\r\n", "250 250 503", NULL},
        {"LHLO me\r\nAUTH PLAIN " RIGHT "\r\n", "250 235", "(anna secret)"},
    };
    (void)state;
    lmtp.lmtp = lmtp.local = true;
    CHECK_ALL(all, &lmtp);
}

/* Whatever a client says must not make lines in the answer. */
static void answers_are_lines(void **state)
{
    struct smtp_owner o;
    struct smtp_handlers handlers;
    struct mail_verdict verdict;
    (void)state;
    smtp_owner_open(&o, &handlers, &smtp_owner_terms);
    smtp_owner_say(&o, HI FROM TO "DATA\r\n|x\r\n.\r", 0);
    assert_int_equal(smtp_machine_feed(o.machine, "\n", 1), 1);
    smtp_verdict(&verdict, 250, "2.0.0", "%s", "a\r\n250 b\303\266");
    smtp_machine_answered(o.machine, &verdict);
    assert_non_null(strstr(o.said, "\r\n250 2.0.0 a??250 b??\r\n"));
    smtp_owner_say(&o, "RCPT TO:<x@\303\266.example>\r\n", 0);
    smtp_machine_end(o.machine, 421, "4.3.2", "stopping");
    assert_non_null(strstr(o.said, "\r\n421 4.3.2 stopping\r\n"));
    assert_true(o.closed);
    smtp_machine_end(o.machine, 421, "4.3.2", "stopping");
    smtp_machine_free(o.machine);
}

static void idle_talk_ends(void **state)
{
    struct smtp_owner o;
    struct smtp_handlers handlers;
    (void)state;
    smtp_owner_open(&o, &handlers, &smtp_owner_terms);
    for (int i = 0; i < 101 && !o.closed; i++) {
        o.said[0] = '\0';
        smtp_owner_say(&o, "NOOP\r\n", 0);
    }
    assert_true(o.closed);
    assert_memory_equal(o.said, "421 4.7.0", 9);
    smtp_machine_free(o.machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_have_an_order),
        cmocka_unit_test(messages_are_taken),
        cmocka_unit_test(nothing_is_smuggled),
        cmocka_unit_test(nobody_runs_ahead),
        cmocka_unit_test(chunks_are_counted),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(parameters_are_read),
        cmocka_unit_test(passwords_are_taken_under_tls),
        cmocka_unit_test(certificates_say_who_it_is),
        cmocka_unit_test(lmtp_answers_for_each_recipient),
        cmocka_unit_test(answers_are_lines),
        cmocka_unit_test(idle_talk_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
