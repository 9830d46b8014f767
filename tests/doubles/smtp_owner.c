#include "tests/doubles/smtp_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/smtp/smtp_line.h"

static void note(char *log, const char *format, ...)
{
    size_t used = strlen(log);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(log + used, SMTP_OWNER_LOG - used, format, arguments);
    va_end(arguments);
}

static void on_reply(void *user, const char *octets, size_t length)
{
    struct smtp_owner *o = user;
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
    struct smtp_owner *o = user;
    o->wants_sign_in = true;
    (void)snprintf(o->name, sizeof o->name, "%s", name);
    (void)snprintf(o->password, sizeof o->password, "%s", password);
}

static void on_tls(void *user)
{
    ((struct smtp_owner *)user)->wants_tls = true;
}

static int on_content(void *user, const char *octets, size_t length)
{
    struct smtp_owner *o = user;
    assert_true(length > 0);
    assert_true(o->content_length + length < sizeof o->content);
    memcpy(o->content + o->content_length, octets, length);
    o->content_length += length;
    return o->content_error;
}

static void on_message(void *user, const struct mail_envelope *e, uint64_t octets)
{
    struct smtp_owner *o = user;
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
    ((struct smtp_owner *)user)->content_length = 0;
}

static void on_close(void *user, const char *reason)
{
    struct smtp_owner *o = user;
    assert_false(o->closed);
    o->closed = true;
    note(o->done, "{%s}", reason ? reason : "");
}

const struct smtp_terms smtp_owner_terms = {.host = "gw.example",
                                            .domains = "fax.example, other.example",
                                            .offers_tls = true,
                                            .offers_auth = true,
                                            .max_octets = 200,
                                            .max_line = 100,
                                            .max_recipients = 3,
                                            .max_errors = 3};

void smtp_owner_open(struct smtp_owner *o, struct smtp_handlers *handlers,
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
static void answer(struct smtp_owner *o)
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

void smtp_owner_say_octets(struct smtp_owner *o, const char *octets, size_t length, size_t step)
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
void smtp_owner_say(struct smtp_owner *o, const char *text, size_t step)
{
    const char *end;
    for (; (end = strchr(text, '|')) != NULL; text = end + 1)
        smtp_owner_say_octets(o, text, (size_t)(end - text), step);
    smtp_owner_say_octets(o, text, strlen(text), step);
}

/* The codes of all replies but the greeting: "250 354 250". Of more lines the last. */
void smtp_owner_codes(const struct smtp_owner *o, char out[SMTP_OWNER_LOG])
{
    out[0] = '\0';
    for (const char *line = o->said; *line; line = strstr(line, "\r\n") + 2)
        if (line[3] == ' ')
            note(out, "%s%.3s", out[0] ? " " : "", line);
    memmove(out, out + 3 + (out[3] == ' '), strlen(out) - 2 - (out[3] == ' '));
}

void smtp_dialogue_check(const struct smtp_dialogue *d, const struct smtp_terms *terms, size_t step)
{
    struct smtp_owner o;
    struct smtp_handlers handlers;
    char codes[SMTP_OWNER_LOG];
    smtp_owner_open(&o, &handlers, terms);
    smtp_owner_say(&o, d->text, step);
    smtp_owner_codes(&o, codes);
    if (strcmp(codes, d->codes) != 0 || (d->done && strcmp(o.done, d->done) != 0))
        print_error("step %zu of:\n%s\n%s", step, d->text, o.said);
    assert_string_equal(codes, d->codes);
    if (d->done)
        assert_string_equal(o.done, d->done);
    smtp_machine_free(o.machine);
}

void smtp_dialogue_check_all(const struct smtp_dialogue *all, size_t count,
                             const struct smtp_terms *terms)
{
    for (size_t i = 0; i < count; i++) {
        smtp_dialogue_check(&all[i], terms, 0);
        smtp_dialogue_check(&all[i], terms, 1);
        smtp_dialogue_check(&all[i], terms, 7);
    }
}
