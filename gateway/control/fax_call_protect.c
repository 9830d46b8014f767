/* Which calls demand protected media, and what they have got. */
#include <stdio.h>
#include <string.h>

#include "gateway/control/fax_call_private.h"

/* Whether a name stands in a list separated by commas. */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; *at;) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ", ");
        if (n == length && n > 0 && !strncmp(at, name, n))
            return true;
        at += n;
    }
    return false;
}

const char *fax_call_demands(const struct control *control, const struct call_target *target,
                             const char *class_name, char text[FAX_CALL_DEMAND_TEXT])
{
    if (is_listed(control->config->media.secured_classes, class_name))
        snprintf(text, FAX_CALL_DEMAND_TEXT, "class '%.40s' demands secured media", class_name);
    else if (target->secured)
        snprintf(text, FAX_CALL_DEMAND_TEXT, "trunk %.40s demands secured media", target->name);
    else
        return NULL;
    return text;
}

bool fax_call_is_tls(const struct call_target *target)
{
    return target->protocol == SIP_TLS;
}

void fax_call_note_signalling(struct fax_call *call)
{
    if (call->session)
        sip_session_signalling(call->session, call->signalling);
}
