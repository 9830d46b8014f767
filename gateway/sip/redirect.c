#include "gateway/sip/redirect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/message.h"
#include "gateway/sip/text.h"

/* In thousandths; 1000 when nothing is said. */
static long quality(const osip_contact_t *contact)
{
    const char *q = sip_message_param(&contact->gen_params, "q");
    if (!q || !*q)
        return 1000;
    double value = strtod(q, NULL);
    return value >= 0 && value <= 1 ? (long)(value * 1000) : 0;
}

static bool leads_somewhere(const osip_uri_t *uri)
{
    return sip_message_uri_is_usable(uri) ||
           (uri && uri->scheme && !strcasecmp(uri->scheme, "tel") && uri->string);
}

void sip_redirect_read(struct sip_redirect *redirect, const osip_message_t *response)
{
    long qualities[SIP_REDIRECTIONS_MAX] = {0};
    memset(redirect, 0, sizeof *redirect);
    struct sip_redirection *list = &redirect->list;
    if (response->status_code / 100 != 3)
        return;
    for (int i = 0; !osip_list_eol(&response->contacts, i) && list->count < SIP_REDIRECTIONS_MAX;
         i++) {
        const osip_contact_t *contact = osip_list_get(&response->contacts, i);
        char *text = NULL, *uri;
        if (!contact || !leads_somewhere(contact->url) || osip_uri_to_str(contact->url, &text) != 0)
            continue;
        uri = sip_text_is_token(text) ? strdup(text) : NULL;
        osip_free(text);
        if (!uri)
            continue;
        uint32_t at = list->count++;
        long q = quality(contact);
        for (; at > 0 && qualities[at - 1] < q; at--) {
            qualities[at] = qualities[at - 1];
            list->uris[at] = list->uris[at - 1];
        }
        qualities[at] = q;
        list->uris[at] = uri;
    }
}

void sip_redirect_free(struct sip_redirect *redirect)
{
    for (uint32_t i = 0; i < redirect->list.count; i++)
        free((void *)(uintptr_t)redirect->list.uris[i]);
    redirect->list.count = 0;
}

/* The user part of the URI in an entry, and its reason parameter. */
static bool read_entry(const char *entry, char user[SIP_DIVERTED_TEXT],
                       char reason[SIP_DIVERTED_TEXT])
{
    osip_from_t *from = NULL;
    user[0] = reason[0] = '\0';
    if (osip_from_init(&from) != 0)
        return false;
    if (osip_from_parse(from, entry) == 0 && from->url) {
        const osip_uri_t *uri = from->url;
        const char *number = uri->username ? uri->username : uri->string;
        const char *why = sip_message_param(&from->gen_params, "reason");
        sip_text_copy(user, SIP_DIVERTED_TEXT, number ? number : "");
        sip_text_copy(reason, SIP_DIVERTED_TEXT, why ? why : "");
    }
    osip_from_free(from);
    return user[0] != '\0';
}

/* The last of several in one value, as libosip2 does not always part them. */
static const char *last_entry(const char *value)
{
    const char *last = value;
    bool quoted = false, inside = false;
    for (const char *at = value; *at; at++) {
        if (*at == '\\' && quoted && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == '<' || *at == '>'))
            inside = *at == '<';
        else if (!quoted && !inside && *at == ',')
            last = at + 1;
    }
    return last + strspn(last, " \t");
}

void sip_redirect_diverted(const osip_message_t *invite, char user[SIP_DIVERTED_TEXT],
                           char reason[SIP_DIVERTED_TEXT])
{
    const char *diversion = NULL, *history = NULL;
    int entries = 0;
    user[0] = reason[0] = '\0';
    for (int i = 0; !osip_list_eol(&invite->headers, i); i++) {
        const osip_header_t *h = osip_list_get(&invite->headers, i);
        if (!h || !h->hname || !h->hvalue)
            continue;
        if (!strcasecmp(h->hname, "diversion"))
            diversion = h->hvalue;
        if (!strcasecmp(h->hname, "history-info")) {
            history = history ? history : h->hvalue;
            entries++;
        }
    }
    if (diversion && read_entry(last_entry(diversion), user, reason))
        return;
    if (history && entries > 1)
        (void)read_entry(history, user, reason);
}
