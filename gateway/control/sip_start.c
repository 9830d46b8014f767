#include "gateway/control/sip_start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_call.h"
#include "gateway/control/sip_admission.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"

static bool source_known(void *user, const struct sockaddr *source, enum sip_protocol protocol)
{
    struct control *c = user;
    if (trunk_sources_find(c, source, protocol))
        return true;
    /* With devices it is not known yet what a stranger wants. */
    if (!device_register_any(c->devices))
        stranger_log_note(&c->strangers, source, uv_now(&c->loop));
    return false;
}

static void on_stranger_timer(uv_timer_t *timer)
{
    struct control *c = timer->data;
    uint64_t now_ms = uv_now(&c->loop);
    stranger_log_flush(&c->strangers, now_ms);
    stranger_log_flush(&c->strange_accounts, now_ms);
    stranger_log_flush(&c->failed_connections, now_ms);
    stranger_log_flush(&c->strange_devices, now_ms);
    stranger_log_flush(&c->limited, now_ms);
    stranger_log_flush(&c->refused_mail, now_ms);
    stranger_log_flush(&c->sign_ins, now_ms);
    stranger_log_flush(&c->wrong_sign_ins, now_ms);
    stranger_log_flush(&c->unreported, now_ms);
    stranger_log_flush(&c->bounced_again, now_ms);
    stranger_log_flush(&c->repeated, now_ms);
}

void sip_start_logs(struct control *c)
{
    c->strangers.audit = c->strange_accounts.audit = c->failed_connections.audit = c->audit;
    c->limited.audit = c->strange_devices.audit = c->audit;
    c->refused_mail.audit = c->sign_ins.audit = c->wrong_sign_ins.audit = c->audit;
    c->unreported.audit = c->bounced_again.audit = c->repeated.audit = c->audit;
    uv_timer_start(&c->stranger_timer, on_stranger_timer, STRANGER_PERIOD_MS / 12,
                   STRANGER_PERIOD_MS / 12);
}

/* A name in sip.tls_directory, or what is configured for all. */
static const char *place(struct control *c, int index, const char *name, const char *fallback)
{
    char *text = c->tls_files[index];
    snprintf(text, sizeof c->tls_files[index], "%s%s%s",
             name[0] ? c->config->sip.tls_directory : "", name[0] ? "/" : "",
             name[0] ? name : fallback);
    return text;
}

static bool tls_terms(void *user, const struct sockaddr *peer, bool incoming,
                      struct sip_tls_terms *terms)
{
    struct control *c = user;
    const struct trunk_info *trunk = trunk_sources_find(c, peer, SIP_TLS);
    /* Devices come from anywhere, and sign in; few have certificates. */
    if (!trunk && incoming && device_register_any(c->devices)) {
        terms->anybody = true;
        if (device_register_any_certified(c->devices))
            terms->ca_file = c->config->sip.tls_device_ca;
        return true;
    }
    if (!trunk)
        return false;
    terms->ca_file = place(c, 0, trunk->tls_ca, c->config->sip.tls_ca);
    terms->certificate_file = place(c, 1, trunk->tls_certificate, c->config->sip.tls_certificate);
    terms->key_file = place(c, 2, trunk->tls_key, c->config->sip.tls_key_file);
    /* A trunk with a name is who that name says, wherever SRV leads (RFC 5922 §4). */
    struct sockaddr_storage literal;
    bool named = socket_address_parse(trunk->host, 0, &literal) < 0;
    snprintf(c->tls_name, sizeof c->tls_name, "%s",
             trunk->tls_name[0] || !named ? trunk->tls_name : trunk->host);
    terms->name = c->tls_name;
    return true;
}

static void on_trouble(void *user, const struct sip_trouble *trouble)
{
    struct control *c = user;
    const struct trunk_info *trunk = trunk_sources_find(c, trouble->peer, trouble->protocol);
    log_write(LOG_LEVEL_WARNING, "SIP connection %s trunk %s: %s",
              trouble->incoming ? "from" : "to", trunk ? trunk->name : "(none)", trouble->text);
    stranger_log_note_connection(&c->failed_connections, trouble->peer, trouble->incoming,
                                 trouble->text, uv_now(&c->loop));
}

static void write_address(const struct sockaddr *bound, const char *literal, char *out, size_t size)
{
    char host[SOCKET_ADDRESS_HOST];
    socket_address_host(bound, host);
    if (literal[0])
        snprintf(host, sizeof host, "%s", literal);
    bool colon = strchr(host, ':') != NULL;
    snprintf(out, size, "%s%s%s:%u", colon ? "[" : "", host, colon ? "]" : "",
             socket_address_port(bound));
}

static int read_listeners(const struct control *c, struct sip_config *sip)
{
    int rc = config_parse_endpoint(c->config->sip.listen, &sip->listen);
    if (rc == 0 && c->config->sip.listen_tcp[0])
        rc = config_parse_endpoint(c->config->sip.listen_tcp, &sip->listen_tcp);
    if (rc == 0 && c->config->sip.listen_tls[0])
        rc = config_parse_endpoint(c->config->sip.listen_tls, &sip->listen_tls);
    if (rc == 0 && c->config->sip.public_address[0])
        rc = socket_address_parse(c->config->sip.public_address, 0, &sip->advertised);
    return rc;
}

static void log_listeners(const struct control *c)
{
    static const char *const names[] = {"UDP", "TCP", "TLS"};
    for (enum sip_protocol p = SIP_UDP; p <= SIP_TLS; p++) {
        struct sockaddr_storage bound;
        char text[SOCKET_ADDRESS_HOST + 16];
        sip_stack_address(c->sip, p, &bound);
        if (!bound.ss_family)
            continue;
        write_address((struct sockaddr *)&bound, "", text, sizeof text);
        log_write(LOG_LEVEL_NOTICE, "SIP over %s on %s", names[p], text);
    }
}

int sip_start(struct control *c)
{
    struct sip_config sip = {
        .user_agent = c->config->sip.user_agent[0] ? c->config->sip.user_agent : NULL,
        .t1_ms = (uint32_t)c->config->sip.t1_ms,
        .session_expires_s = c->config->sip.session_expires_s
                                 ? (uint32_t)c->config->sip.session_expires_s
                                 : UINT32_MAX,
        .min_session_expires_s = (uint32_t)c->config->sip.min_session_expires_s,
        .tls_certificate_file = c->config->sip.tls_certificate,
        .tls_key_file = c->config->sip.tls_key_file,
        .tls_terms = tls_terms,
        .max_connections = (uint32_t)c->config->sip.max_connections,
        .max_connections_of_peer = (uint32_t)c->config->sip.max_connections_of_peer,
        .message_timeout_ms = (uint32_t)c->config->sip.message_timeout_ms,
        .idle_timeout_ms = (uint32_t)c->config->sip.idle_timeout_ms,
        .trouble = on_trouble,
        .unknown_source = SIP_UNKNOWN_403,
        .source_known = source_known,
        .admit = sip_admission,
        .incoming = fax_call_incoming,
        .user = c,
    };
    sip.max_sessions =
        (uint32_t)(line_pool_count(c->lines) * (size_t)c->config->lines.max_calls + 64);
    int rc = read_listeners(c, &sip);
    if (rc == 0)
        rc = sip_stack_open(&c->loop, &sip, &c->sip);
    if (rc == 0)
        rc = device_register_serve(c->devices);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "SIP cannot listen on %s %s %s: %s", c->config->sip.listen,
                  c->config->sip.listen_tcp, c->config->sip.listen_tls, strerror(-rc));
        return rc;
    }
    struct sockaddr_storage bound;
    sip_stack_address(c->sip, SIP_UDP, &bound);
    write_address((struct sockaddr *)&bound, c->config->sip.public_address, c->sip_address,
                  sizeof c->sip_address);
    log_listeners(c);
    return 0;
}
