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

enum { LOG = 16384 };

/* An owner that answers at once when asked to, and writes down all. */
struct owner {
    struct smtp_machine *machine;
    char said[LOG], content[LOG], done[LOG]; /* replies; messages; what was asked for */
    size_t content_length;
    bool closed, wants_sign_in, wants_tls, has_message;
    int content_error;
    char name[256], password[256];
};

static void note(char *log, const char *format, ...)
{
    size_t used = strlen(log);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(log + used, LOG - used, format, arguments);
    va_end(arguments);
}

static void on_reply(void *user, const char *octets, size_t length)
{
    struct owner *o = user;
    assert_true(length <= SMTP_REPLY_MAX);
    assert_memory_equal(octets + length - 2, "\r\n", 2);
    note(o->said, "%.*s", (int)length, octets);
}

static void on_sender(void *user, const struct mail_envelope *e, struct mail_verdict *verdict)
{
    (void)user;
    if (strcmp(e->from, "flood@example.org") == 0)
        smtp_verdict(verdict, 450, "4.7.1", "slow down");
    else
        smtp_verdict(verdict, 250, "2.1.0", "sender");
}

static void on_recipient(void *user, const struct mail_envelope *e,
                         const struct mail_recipient *recipient, struct mail_verdict *verdict)
{
    (void)user;
    (void)e;
    if (strcmp(recipient->number, "+49999") == 0)
        smtp_verdict(verdict, 550, "5.7.1", "you may not");
    else
        smtp_verdict(verdict, 250, "2.1.5", "recipient");
}

static void on_sign_in(void *user, const char *name, const char *password)
{
    struct owner *o = user;
    o->wants_sign_in = true;
    (void)snprintf(o->name, sizeof o->name, "%s", name);
    (void)snprintf(o->password, sizeof o->password, "%s", password);
}

static void on_tls(void *user)
{
    ((struct owner *)user)->wants_tls = true;
}

static int on_content(void *user, const char *octets, size_t length)
{
    struct owner *o = user;
    assert_true(length > 0);
    assert_true(o->content_length + length < sizeof o->content);
    memcpy(o->content + o->content_length, octets, length);
    o->content_length += length;
    return o->content_error;
}

static void on_message(void *user, const struct mail_envelope *e, uint64_t octets)
{
    struct owner *o = user;
    assert_int_equal(octets, o->content_length);
    o->has_message = true;
    note(o->done, "[%s %s%s %s %s", e->from, e->envid, e->return_full ? " full" : "", e->principal,
         e->host);
    for (uint32_t i = 0; i < e->recipient_count; i++)
        note(o->done, " %s/%u/%s", e->recipients[i].number, e->recipients[i].notify,
             e->recipients[i].orcpt);
    note(o->done, ": %.*s]", (int)o->content_length, o->content);
}

static void on_discard(void *user)
{
    ((struct owner *)user)->content_length = 0;
}

static void on_close(void *user, const char *reason)
{
    struct owner *o = user;
    assert_false(o->closed);
    o->closed = true;
    note(o->done, "{%s}", reason ? reason : "");
}

static const struct smtp_terms usual = {.host = "gw.example",
                                        .domains = "fax.example, other.example",
                                        .offers_tls = true,
                                        .offers_auth = true,
                                        .max_octets = 200,
                                        .max_line = 100,
                                        .max_recipients = 3,
                                        .max_errors = 3};

static void open_with(struct owner *o, struct smtp_handlers *handlers,
                      const struct smtp_terms *terms)
{
    memset(o, 0, sizeof *o);
    *handlers = (struct smtp_handlers){.reply = on_reply,
                                       .judge_sender = on_sender,
                                       .judge_recipient = on_recipient,
                                       .sign_in = on_sign_in,
                                       .start_tls = on_tls,
                                       .content = on_content,
                                       .message = on_message,
                                       .discard = on_discard,
                                       .close = on_close,
                                       .user = o};
    assert_int_equal(smtp_machine_new(terms, handlers, "192.0.2.1", false, &o->machine), 0);
    smtp_machine_greet(o->machine);
}

/* Answers what the machine waits for; everything is let through, but the password "wrong". */
static void answer(struct owner *o)
{
    struct mail_verdict verdict;
    if (o->wants_sign_in) {
        bool wrong = strcmp(o->password, "wrong") == 0;
        note(o->done, "(%s %s)", o->name, o->password);
        o->wants_sign_in = false;
        smtp_machine_signed_in(o->machine, wrong ? SMTP_SIGN_IN_WRONG : SMTP_SIGNED_IN, "anna");
    } else if (o->wants_tls) {
        o->wants_tls = false;
        smtp_machine_secured(o->machine, "", "");
    } else if (o->has_message) {
        o->has_message = false;
        o->content_length = 0;
        smtp_verdict(&verdict, 250, "2.0.0", "taken");
        smtp_machine_answered(o->machine, &verdict);
    }
}

static void say_in_steps(struct owner *o, const char *octets, size_t length, size_t step)
{
    size_t at = 0;
    while (at < length && !o->closed) {
        size_t n = step && step < length - at ? step : length - at;
        at += smtp_machine_feed(o->machine, octets + at, n);
        if (!o->closed && smtp_machine_waits(o->machine))
            answer(o);
    }
}

/* '|' separates what is sent after the replies before it. */
static void say(struct owner *o, const char *text, size_t step)
{
    const char *end;
    for (; (end = strchr(text, '|')) != NULL; text = end + 1)
        say_in_steps(o, text, (size_t)(end - text), step);
    say_in_steps(o, text, strlen(text), step);
}

/* The codes of all replies but the greeting: "250 354 250". Of more lines the last. */
static void codes_of(const struct owner *o, char out[LOG])
{
    out[0] = '\0';
    for (const char *line = o->said; *line; line = strstr(line, "\r\n") + 2)
        if (line[3] == ' ')
            note(out, "%s%.3s", out[0] ? " " : "", line);
    memmove(out, out + 3 + (out[3] == ' '), strlen(out) - 2 - (out[3] == ' '));
}

struct dialogue {
    const char *text;
    const char *codes;
    const char *done; /* NULL: does not matter */
};

static void check(const struct dialogue *d, const struct smtp_terms *terms, size_t step)
{
    struct owner o;
    struct smtp_handlers handlers;
    char codes[LOG];
    open_with(&o, &handlers, terms);
    say(&o, d->text, step);
    codes_of(&o, codes);
    if (strcmp(codes, d->codes) != 0 || (d->done && strcmp(o.done, d->done) != 0))
        print_error("step %zu of:\n%s\n%s", step, d->text, o.said);
    assert_string_equal(codes, d->codes);
    if (d->done)
        assert_string_equal(o.done, d->done);
    smtp_machine_free(o.machine);
}

static void check_all(const struct dialogue *all, size_t count, const struct smtp_terms *terms)
{
    for (size_t i = 0; i < count; i++) {
        check(&all[i], terms, 0);
        check(&all[i], terms, 1);
        check(&all[i], terms, 7);
    }
}

#define CHECK_ALL(all, terms) check_all(all, sizeof(all) / sizeof((all)[0]), terms)
#define HI                    "EHLO me\r\n"
#define FROM                  "MAIL FROM:<a@b.example>\r\n"
#define TO                    "RCPT TO:<+491@fax.example>\r\n"
#define SENT                  "[a@b.example   me +491/0/: "
#define END                   "\r\n.\r\n"

static void commands_have_an_order(void **state)
{
    static const struct dialogue all[] = {
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
    CHECK_ALL(all, &usual);
}

static void messages_are_taken(void **state)
{
    static const struct dialogue all[] = {
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
    CHECK_ALL(all, &usual);
}

/* Everything that some server takes for the end of a message, and the commands that hide behind. */
static void nothing_is_smuggled(void **state)
{
#define IN     HI FROM TO "DATA\r\n|"
#define OUT    "250 250 250 354 550"
#define HIDDEN FROM TO "DATA\r\nsmuggled\r\n.\r\n"
    static const struct dialogue all[] = {
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
        struct owner o;
        struct smtp_handlers handlers;
        char codes[LOG];
        for (size_t step = 0; step < 3; step++) {
            open_with(&o, &handlers, &usual);
            say(&o, all[i].text, step);
            codes_of(&o, codes);
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
    static const struct dialogue all[] = {
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
    struct owner o;
    struct smtp_handlers handlers;
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        check(&all[i], &usual, 0);
    memset(&o, 0, sizeof o);
    open_with(&o, &handlers, &usual);
    struct smtp_machine *greeted = o.machine;
    assert_int_equal(smtp_machine_new(&usual, &handlers, "192.0.2.1", false, &o.machine), 0);
    o.said[0] = '\0';
    assert_int_equal(smtp_machine_feed(o.machine, HI, strlen(HI)), 0);
    assert_memory_equal(o.said, "554 5.5.0 ", 10);
    assert_true(o.closed);
    smtp_machine_free(o.machine);
    smtp_machine_free(greeted);
}

static void chunks_are_counted(void **state)
{
    static const struct dialogue all[] = {
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
    CHECK_ALL(all, &usual);
}

static void what_is_too_large_is_refused(void **state)
{
#define LINE50 "1234567890123456789012345678901234567890123456\r\n"
#define LINE98                                                                                     \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "345678"
    static const struct dialogue all[] = {
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
    struct owner o;
    struct smtp_handlers handlers;
    char line[SMTP_COMMAND_MAX + 3];
    (void)state;
    CHECK_ALL(all, &usual);
    memset(line, 'x', sizeof line);
    for (int more = 0; more < 2; more++) {
        open_with(&o, &handlers, &usual);
        memset(line, 'x', sizeof line);
        memcpy(line, "NOOP ", 5);
        memcpy(line + SMTP_COMMAND_MAX - 2 + more, "\r\n", 2);
        say_in_steps(&o, line, SMTP_COMMAND_MAX + (size_t)more, 0);
        assert_non_null(strstr(o.said, more ? "\r\n500 5.5.6" : "\r\n250 2.0.0"));
        smtp_machine_free(o.machine);
    }
    /* A line without end. */
    open_with(&o, &handlers, &usual);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 100 && !o.closed; i++)
        say_in_steps(&o, line, 1000, 0);
    assert_true(o.closed);
    smtp_machine_free(o.machine);
    /* A message without end. */
    open_with(&o, &handlers, &usual);
    say(&o, HI FROM TO "DATA\r\n", 0);
    for (int i = 0; i < 100 && !o.closed; i++)
        say_in_steps(&o, LINE50, 48, 0);
    assert_non_null(strstr(o.said, "\r\n552 5.3.4"));
    assert_true(o.closed);
    smtp_machine_free(o.machine);
    /* The owner has no room, or cannot. */
    for (int i = 0; i < 2; i++) {
        open_with(&o, &handlers, &usual);
        o.content_error = i ? -EIO : -ENOSPC;
        say(&o, HI FROM TO "DATA\r\n|x\r\n.\r\nNOOP\r\n", 0);
        assert_non_null(strstr(o.said, i ? "\r\n451 4.3.0" : "\r\n452 4.3.1"));
        assert_false(o.closed);
        smtp_machine_free(o.machine);
    }
}

static void parameters_are_read(void **state)
{
    static const struct dialogue all[] = {
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
    CHECK_ALL(all, &usual);
}

#define TLS HI "STARTTLS\r\n|" HI
/* "\0anna\0secret" and "\0anna\0wrong" */
#define RIGHT "AGFubmEAc2VjcmV0"
#define WRONG "AGFubmEAd3Jvbmc="

static void passwords_are_taken_under_tls(void **state)
{
    static const struct dialogue all[] = {
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
    struct smtp_terms strict = usual;
    static const struct dialogue refused = {HI FROM, "250 530", ""};
    static const struct dialogue taken = {TLS "AUTH PLAIN " RIGHT "\r\n" FROM,
                                          "250 220 250 235 250", NULL};
    struct owner o;
    struct smtp_handlers handlers;
    (void)state;
    CHECK_ALL(all, &usual);
    strict.must_sign_in = true;
    check(&refused, &strict, 0);
    check(&taken, &strict, 0);
    /* AUTH is offered where it may be used. */
    open_with(&o, &handlers, &usual);
    say(&o, HI, 0);
    assert_null(strstr(o.said, "AUTH"));
    assert_non_null(strstr(o.said, "250-STARTTLS\r\n"));
    say(&o, "STARTTLS\r\n|" HI, 0);
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
    struct owner o;
    struct smtp_handlers handlers;
    struct smtp_terms strict = usual;
    (void)state;
    strict.must_sign_in = true;
    open_with(&o, &handlers, &strict);
    smtp_machine_secured(o.machine, "anna", "host.example");
    say(&o, HI FROM TO "DATA\r\n|x\r\n.\r\n", 0);
    assert_string_equal(o.done, "[a@b.example  anna host.example +491/0/: x\r\n]");
    smtp_machine_free(o.machine);
}

static void lmtp_answers_for_each_recipient(void **state)
{
    struct smtp_terms lmtp = usual;
    static const struct dialogue all[] = {
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
    struct owner o;
    struct smtp_handlers handlers;
    struct mail_verdict verdict;
    (void)state;
    open_with(&o, &handlers, &usual);
    say(&o, HI FROM TO "DATA\r\n|x\r\n.\r", 0);
    assert_int_equal(smtp_machine_feed(o.machine, "\n", 1), 1);
    smtp_verdict(&verdict, 250, "2.0.0", "%s", "a\r\n250 b\303\266");
    smtp_machine_answered(o.machine, &verdict);
    assert_non_null(strstr(o.said, "\r\n250 2.0.0 a??250 b??\r\n"));
    say(&o, "RCPT TO:<x@\303\266.example>\r\n", 0);
    smtp_machine_end(o.machine, 421, "4.3.2", "stopping");
    assert_non_null(strstr(o.said, "\r\n421 4.3.2 stopping\r\n"));
    assert_true(o.closed);
    smtp_machine_end(o.machine, 421, "4.3.2", "stopping");
    smtp_machine_free(o.machine);
}

static void idle_talk_ends(void **state)
{
    struct owner o;
    struct smtp_handlers handlers;
    (void)state;
    open_with(&o, &handlers, &usual);
    for (int i = 0; i < 101 && !o.closed; i++) {
        o.said[0] = '\0';
        say(&o, "NOOP\r\n", 0);
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
