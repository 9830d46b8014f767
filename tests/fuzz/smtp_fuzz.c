/* The machine: however the octets are cut, it says and does the same, takes no message that was not
 * ended by its client, and never waits for what nobody answers. The first octet chooses the terms.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine.h"

enum { LOG_MAX = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
    char log[LOG_MAX]; /* all that was said and done */
    size_t used;
    char kept[300];
    size_t content;
    bool closed;
    int awaited;
};

static void note(struct owner *o, const char *octets, size_t length)
{
    if (o->used + length <= LOG_MAX) {
        memcpy(o->log + o->used, octets, length);
        o->used += length;
    }
}

static void on_reply(void *user, const char *octets, size_t length)
{
    struct owner *o = user;
    if (o->closed || length < 6 || length > SMTP_REPLY_MAX ||
        memcmp(octets + length - 2, "\r\n", 2) != 0)
        abort();
    note(o, octets, length);
}

static void on_sender(void *user, const struct mail_envelope *e, struct mail_verdict *verdict)
{
    (void)user;
    smtp_verdict(verdict, strlen(e->from) == 7 ? 450 : 250, "2.1.0", "%s", e->from);
}

static void on_recipient(void *user, const struct mail_envelope *e,
                         const struct mail_recipient *recipient, struct mail_verdict *verdict)
{
    (void)user;
    (void)e;
    if (strlen(recipient->number) < 2 || strlen(recipient->number) > 21)
        abort();
    smtp_verdict(verdict, recipient->options.y_dpi == 98 ? 550 : 250, "2.1.5", "%s",
                 recipient->number);
}

static bool is_return(void *user, const char *address)
{
    (void)user;
    return address[0] == 'r';
}

static void on_sign_in(void *user, const char *name, const char *password)
{
    struct owner *o = user;
    if (!name[0] || strlen(name) > SMTP_PASSWORD_MAX || strlen(password) > SMTP_PASSWORD_MAX)
        abort();
    o->awaited = 1 + (int)(strlen(password) % 3);
}

static void on_tls(void *user)
{
    ((struct owner *)user)->awaited = 4;
}

static int on_content(void *user, const char *octets, size_t length)
{
    struct owner *o = user;
    for (size_t i = 0; i < length; i++)
        if (octets[i] == 'Q')
            return -1; /* the disk is full */
    if (o->content + length > sizeof o->kept)
        abort();
    memcpy(o->kept + o->content, octets, length);
    o->content += length;
    return 0;
}

static void on_message(void *user, const struct mail_envelope *e, uint64_t octets)
{
    struct owner *o = user;
    if (octets != o->content || e->recipient_count == 0 || e->recipient_count > 3 || octets > 300)
        abort();
    note(o, o->kept, o->content);
    o->awaited = 5;
}

static void on_discard(void *user)
{
    ((struct owner *)user)->content = 0;
}

static void on_close(void *user, const char *reason)
{
    struct owner *o = user;
    if (o->closed)
        abort();
    o->closed = true;
    note(o, reason ? reason : "-", reason ? strlen(reason) : 1);
}

static void answer(struct smtp_machine *m, struct owner *o)
{
    struct mail_verdict verdict;
    int awaited = o->awaited;
    o->awaited = 0;
    if (awaited == 0)
        abort();
    if (awaited <= 3)
        smtp_machine_signed_in(m, (enum smtp_sign_in_result)(awaited - 1), "anna");
    else if (awaited == 4)
        smtp_machine_secured(m, "", "");
    else {
        o->content = 0;
        smtp_verdict(&verdict, 250, "2.0.0", "taken");
        smtp_machine_answered(m, &verdict);
    }
}

static void talk(const uint8_t *data, size_t size, size_t step, struct owner *o)
{
    const struct smtp_terms terms = {.host = "gw",
                                     .domains = "f.x",
                                     .lmtp = data[0] & 1,
                                     .local = data[0] & 2,
                                     .offers_tls = true,
                                     .offers_auth = true,
                                     .must_sign_in = data[0] & 4,
                                     .max_octets = 300,
                                     .max_line = 100,
                                     .max_recipients = 3,
                                     .max_errors = 20};
    const struct smtp_handlers handlers = {.reply = on_reply,
                                           .judge_sender = on_sender,
                                           .judge_recipient = on_recipient,
                                           .is_return = is_return,
                                           .sign_in = on_sign_in,
                                           .start_tls = on_tls,
                                           .content = on_content,
                                           .message = on_message,
                                           .discard = on_discard,
                                           .close = on_close,
                                           .user = o};
    struct smtp_machine *m;
    if (smtp_machine_new(&terms, &handlers, "192.0.2.1", data[0] & 8, &m) < 0)
        abort();
    memset(o, 0, sizeof *o);
    smtp_machine_greet(m);
    for (size_t at = 1; at < size && !o->closed;) {
        size_t n = step && step < size - at ? step : size - at;
        size_t taken = smtp_machine_feed(m, (const char *)data + at, n);
        if (taken > n || (taken < n && !o->closed && !smtp_machine_waits(m)))
            abort();
        at += taken;
        if (!o->closed && smtp_machine_waits(m))
            answer(m, o);
    }
    smtp_machine_free(m);
}

/* What comes in one piece may be refused for it: nothing may follow DATA and STARTTLS. */
static bool runs_ahead(const struct owner *o)
{
    return memmem(o->log, o->used, "sent co", 7) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct owner whole, parts;
    if (size == 0)
        return 0;
    talk(data, size, 0, &whole);
    for (size_t step = 1; step < 12; step += 5) {
        talk(data, size, step, &parts);
        if (runs_ahead(&whole) || runs_ahead(&parts))
            continue;
        if (parts.used != whole.used || memcmp(parts.log, whole.log, whole.used) != 0)
            abort();
    }
    return 0;
}
