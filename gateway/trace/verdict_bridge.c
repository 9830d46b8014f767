/* What became of a call between two other machines. */
#include <stdio.h>
#include <string.h>

#include "gateway/trace/verdict.h"

enum { CALLER, CALLED, LEGS, LOSSY_PERCENT = 3 };

static const char *const who[LEGS] = {"the caller", "the called side"};

static void say(struct verdict *out, enum verdict_side side, enum retry_cause cause,
                const char *sentence)
{
    out->side = side;
    out->cause = cause;
    size_t length = strlen(out->sentence);
    snprintf(out->sentence + length, sizeof out->sentence - length, "%s", sentence);
}

static void say_silent(struct verdict *out, const struct verdict_bridge_facts *f, unsigned leg)
{
    char text[TRACE_SENTENCE];
    snprintf(text, sizeof text,
             "Not one %s packet of %s came: likely no media path from it; look at firewalls and "
             "address translation.",
             f->leg[leg].media == TRACE_MEDIA_T38 ? "T.38" : "audio", who[leg]);
    say(out, VERDICT_NETWORK, RETRY_NETWORK, text);
}

static void say_broken(struct verdict *out, const struct verdict_bridge_facts *f)
{
    const struct verdict_entry *entry = f->t30_result > 0 ? verdict_of_t30(f->t30_result) : NULL;
    for (unsigned i = 0; i < LEGS; i++)
        if (f->leg[i].media != TRACE_MEDIA_NONE && f->leg[i].packets == 0) {
            say_silent(out, f, i);
            return;
        }
    if (f->leg[CALLED].media == TRACE_MEDIA_NONE && f->leg[CALLER].media == TRACE_MEDIA_NONE)
        say(out, VERDICT_GATEWAY, RETRY_NEVER, "The call ended before any media were agreed.");
    else if (f->leg[CALLED].frames == 0)
        say(out, VERDICT_NUMBER, RETRY_NETWORK,
            "The called side's media has no fax signal: no fax machine answers at the number.");
    else if (f->leg[CALLER].frames == 0)
        say(out, VERDICT_NETWORK, RETRY_NETWORK,
            "The caller never answered the DIS of the called side: likely no media path to it, or "
            "no fax machine calls.");
    else if (!f->trained)
        say(out, VERDICT_NETWORK, RETRY_TRAINING, "The machines did not agree on a modem speed.");
    else if (f->rejected > 0)
        say(out, VERDICT_NETWORK, RETRY_NETWORK,
            "The receiving machine rejected a page that came badly.");
    else if (entry)
        say(out, entry->side, entry->cause, entry->sentence);
}

static void say_losses(struct verdict *out, const struct verdict_bridge_facts *f)
{
    for (unsigned i = 0; i < LEGS && out->sentence[0]; i++) {
        uint64_t lost = f->leg[i].lost, all = lost + f->leg[i].packets;
        char text[80];
        if (lost * 100 <= all * LOSSY_PERCENT)
            continue;
        snprintf(text, sizeof text, " %llu of %llu packets of %s were lost.",
                 (unsigned long long)lost, (unsigned long long)all, who[i]);
        say(out, out->side, out->cause, text);
    }
}

static void say_pages(struct verdict *out, uint32_t pages, const char *how)
{
    snprintf(out->sentence, sizeof out->sentence, "%u page%s passed and %s confirmed%s", pages,
             pages == 1 ? "" : "s", pages == 1 ? "was" : "were", how);
}

static void say_refusal(struct verdict *out, const struct verdict_bridge_facts *f)
{
    const struct verdict_entry *entry = verdict_of_refusal(f->sip_code, f->q850);
    if (entry)
        say(out, entry->side, entry->cause, entry->sentence);
    else
        say(out, VERDICT_GATEWAY, RETRY_NEVER, "This gateway did not take the call through.");
}

void verdict_make_bridge(const struct verdict_bridge_facts *f, struct verdict *out)
{
    memset(out, 0, sizeof *out);
    out->cause = RETRY_NEVER;
    if (strcmp(f->state, "completed") == 0) {
        say_pages(out, f->pages, ".");
        out->retry = TRACE_RETRY_DONE;
        return;
    }
    if (strcmp(f->state, "unobserved") == 0) {
        say(out, VERDICT_NOBODY, RETRY_NEVER,
            "The call passed as audio; what the machines said to each other was not seen.");
    } else if (strcmp(f->state, "refused") == 0) {
        say_refusal(out, f);
    } else if (strcmp(f->state, "cancelled") == 0) {
        say(out, VERDICT_PEER, RETRY_NEVER, "The caller hung up before the call was answered.");
    } else if (strcmp(f->state, "uncertain") == 0) {
        say(out, VERDICT_GATEWAY, RETRY_NEVER,
            "Pages may have passed without our knowing; ask the receiver.");
    } else {
        if (strcmp(f->state, "partial") == 0)
            say_pages(out, f->pages, ", then the call broke off: ");
        say_broken(out, f);
        say_losses(out, f);
    }
    out->retry = verdict_retry(out->cause);
}
