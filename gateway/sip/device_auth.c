/* Who sends a request: digest authentication (RFC 3261 §22, RFC 8760), or a certificate. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/device_store.h"
#include "gateway/sip/message.h"
#include "gateway/sip/response.h"
#include "gateway/sip/stream.h"
#include "gateway/sip/stream_tls.h"
#include "gateway/sip/text.h"
#include "policy/secret.h"

/* The best algorithm comes first (RFC 8760 §2.3): clients take the first one that they know. */
static void challenge(struct sip_stack *stack, const osip_message_t *request,
                      const struct sip_hop *source, bool stale)
{
    static const enum digest_algorithm order[] = {DIGEST_SHA256, DIGEST_MD5};
    char values[2][320];
    struct sip_response_line lines[2];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        if (digest_challenge(stack->devices->digest, order[i], stale, uv_now(stack->loop),
                             values[count], sizeof values[count]) < 0)
            continue;
        lines[count] = (struct sip_response_line){"WWW-Authenticate", values[count]};
        count++;
    }
    stack->devices->counters.challenges++;
    const struct sip_refusal refusal = {.code = count ? 401 : 503};
    sip_response_stateless_lines(stack, request, source, &refusal, lines, count);
}

/* The first answer for our realm that can be read. */
static bool find_answer(const struct sip_devices *d, const osip_message_t *request,
                        struct digest_params *answer)
{
    for (int i = 0; i < 4 && !osip_list_eol(&request->authorizations, i); i++) {
        char *text = NULL;
        bool found =
            osip_authorization_to_str(osip_list_get(&request->authorizations, i), &text) == 0 &&
            digest_read(answer, text, strlen(text)) == 0 && strcmp(answer->realm, d->realm) == 0;
        osip_free(text);
        if (found)
            return true;
    }
    return false;
}

/* Whether the answer's uri names what is asked for (RFC 7616 §3.4.6): scheme, user and host; peers
 * leave out parameters, and proxies touch them. */
static bool is_for(const osip_message_t *request, const char *uri_text)
{
    osip_uri_t *uri = NULL;
    const osip_uri_t *asked = request->req_uri;
    if (osip_uri_init(&uri) != 0)
        return false;
    bool same = osip_uri_parse(uri, uri_text) == 0 && uri->scheme && uri->host &&
                !strcasecmp(uri->scheme, asked->scheme) && !strcasecmp(uri->host, asked->host) &&
                !strcmp(uri->username ? uri->username : "", asked->username ? asked->username : "");
    osip_uri_free(uri);
    return same;
}

void sip_device_tell_refused(struct sip_stack *stack, const osip_message_t *request,
                             const struct sip_hop *source, const char *username, const char *reason)
{
    const struct sip_devices_config *c =
        sip_devices_enabled(stack) ? &stack->devices->config : NULL;
    if (c)
        stack->devices->counters.refused++;
    if (c && c->refused)
        c->refused(c->user, (const struct sockaddr *)&source->address,
                   sip_text_is_line(username) ? username : "", request->sip_method, reason);
}

static enum digest_verdict judge(struct sip_stack *stack, const osip_message_t *request,
                                 const struct digest_params *answer,
                                 const struct sip_device_account *account)
{
    const char *ha1 =
        account && account->ha1[answer->algorithm][0] ? account->ha1[answer->algorithm] : NULL;
    return digest_verify(stack->devices->digest, answer, ha1, request->sip_method,
                         is_for(request, answer->uri) ? answer->uri : "", uv_now(stack->loop));
}

bool sip_device_certificate_is_for(const struct sip_tls *certificate, const char *name)
{
    return sip_tls_is_for(certificate, name);
}

/* Who shows a certificate is who it says, or nobody: a password would not make it better. */
static bool is_certified(struct sip_stack *stack, const osip_message_t *request,
                         const struct sip_hop *source, const struct sip_tls *certificate,
                         struct sip_device_account *account)
{
    const struct sip_devices_config *c = &stack->devices->config;
    if (c->certified && c->certified(c->user, certificate, account) == 0)
        return true;
    sip_device_tell_refused(stack, request, source, "", "the certificate is for no device");
    sip_response_stateless(stack, request, source,
                           &(struct sip_refusal){.code = 403, .reason = "Certificate Not Known"});
    return false;
}

static bool sign_in(struct sip_stack *stack, const osip_message_t *request,
                    const struct sip_hop *source, struct sip_device_account *account)
{
    struct sip_devices *d = stack->devices;
    struct digest_params answer;
    const struct sip_tls *certificate =
        source->protocol == SIP_TLS ? sip_stream_certified(stack, source->connection) : NULL;
    if (certificate)
        return is_certified(stack, request, source, certificate, account);
    if (!find_answer(d, request, &answer)) {
        challenge(stack, request, source, false);
        return false;
    }
    int found = d->config.account(d->config.user, answer.username, account);
    if (found == -EAGAIN) {
        sip_response_stateless(stack, request, source,
                               &(struct sip_refusal){503, NULL, "Retry-After", "2"});
        return false;
    }
    switch (judge(stack, request, &answer, found == 0 ? account : NULL)) {
    case DIGEST_ACCEPTED:
        return true;
    case DIGEST_REFUSED:
        sip_device_tell_refused(stack, request, source, answer.username,
                                "wrong user name or secret");
        challenge(stack, request, source, false);
        break;
    case DIGEST_STALE:
        d->counters.stale++;
        challenge(stack, request, source, true);
        break;
    case DIGEST_REPLAYED: /* clients that count wrongly get a fresh nonce as well */
        d->counters.replayed++;
        challenge(stack, request, source, true);
        break;
    }
    return false;
}

bool sip_device_sign_in(struct sip_stack *stack, const osip_message_t *request,
                        const struct sip_hop *source, struct sip_device_account *account)
{
    memset(account, 0, sizeof *account);
    if (sign_in(stack, request, source, account))
        return true;
    secret_wipe(account, sizeof *account);
    return false;
}
