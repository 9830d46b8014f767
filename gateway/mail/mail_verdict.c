#include "gateway/mail/mail_verdict.h"

#include <stdio.h>
#include <string.h>

#include "gateway/mail/mail_envelope.h"

/* Reasons come from many places, most of them as clauses, some as sentences with what was met in
 * brackets behind them. */
void mail_verdict_sentence(char *text, size_t size)
{
    size_t length;
    char *brackets = strstr(text, ". (");
    if (brackets)
        memmove(brackets, brackets + 1, strlen(brackets));
    for (length = strlen(text); length > 0 && strchr(" .", text[length - 1]); length--)
        text[length - 1] = '\0';
    if (length == 0)
        return;
    if (text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
    if (length + 1 < size && !strchr("!?", text[length - 1]))
        memcpy(text + length, ".", 2);
}

const struct mail_end_verdict *mail_verdict_refused(const char *status, const char *reason,
                                                    struct mail_end_verdict *out)
{
    out->state = "refused";
    out->delivered = false;
    snprintf(out->status, sizeof out->status, "%s", status);
    snprintf(out->sentence, sizeof out->sentence, "%s", reason);
    mail_verdict_sentence(out->sentence, sizeof out->sentence);
    return out;
}

bool mail_verdict_of_fax(const char *state, const char *reason, uint32_t pages,
                         struct mail_end_verdict *out)
{
    const char *ended = pages == 1 ? "page" : "pages";
    const char *why = reason[0] ? reason : "no reason is known";
    out->delivered = strcmp(state, "delivered") == 0;
    snprintf(out->status, sizeof out->status, "%s", out->delivered ? "2.0.0" : "5.4.0");
    if (out->delivered) {
        out->state = "delivered";
        snprintf(out->sentence, sizeof out->sentence,
                 "The fax was delivered: %u %s confirmed by the receiver.", pages, ended);
    } else if (strcmp(state, "partial") == 0) {
        out->state = "partial";
        snprintf(out->sentence, sizeof out->sentence,
                 "Only the first %u %s of the fax arrived: %.200s", pages, ended, why);
    } else if (strcmp(state, "uncertain") == 0) {
        out->state = "uncertain";
        snprintf(out->sentence, sizeof out->sentence,
                 "It is not known whether the fax arrived, and it is not sent again by itself: "
                 "%.180s",
                 why);
    } else if (strcmp(state, "cancelled") == 0) {
        out->state = "cancelled";
        snprintf(out->sentence, sizeof out->sentence, "The fax was cancelled.");
    } else if (strcmp(state, "failed") == 0) {
        out->state = "failed";
        snprintf(out->sentence, sizeof out->sentence, "The fax could not be sent: %.250s", why);
    } else {
        return false;
    }
    mail_verdict_sentence(out->sentence, sizeof out->sentence);
    return true;
}

bool mail_verdict_wants_report(const char *reports, uint8_t notify, bool delivered)
{
    if (strcmp(reports, "none") == 0 || (notify & MAIL_NOTIFY_NEVER))
        return false;
    if (notify != MAIL_NOTIFY_USUAL)
        return (notify & (delivered ? MAIL_NOTIFY_SUCCESS : MAIL_NOTIFY_FAILURE)) != 0;
    return !delivered || strcmp(reports, "all") == 0;
}
