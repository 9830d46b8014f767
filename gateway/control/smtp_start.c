#include "gateway/control/smtp_start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/control.h"
#include "gateway/control/credential_register.h"
#include "gateway/mail/mail_intake.h"
#include "gateway/mail/mail_out.h"
#include "gateway/process/log.h"
#include "gateway/smtp/smtp_server.h"
#include "gateway/socket_address.h"

static const uint64_t mebibyte = 1 << 20;

static void judge_recipient(void *user, const struct mail_envelope *envelope,
                            const struct mail_recipient *recipient, struct mail_verdict *verdict)
{
    mail_intake_judge_recipient(user, envelope, recipient, verdict);
}

static bool is_return(void *user, const char *address)
{
    return mail_out_owns(user, address);
}

static int take(void *user, const struct mail_envelope *envelope, int message, size_t octets,
                mail_intake_cb *done, void *session, struct mail_intake **out)
{
    return mail_intake_start(user, envelope, message, octets, done, session, out);
}

static int sign_in(void *user, const struct sockaddr *peer, const char *name, const char *password,
                   smtp_signed_in_cb *done, void *session, struct smtp_sign_in **out)
{
    return credential_sign_in(user, peer, name, password, done, session, out);
}

static bool knows(void *user, const char *principal)
{
    return credential_principal_is_active(user, principal);
}

static void on_refused(void *user, const struct sockaddr *peer, const char *reason)
{
    struct control *c = user;
    stranger_log_note_mail(&c->refused_mail, peer, reason, uv_now(&c->loop));
}

static void set_limits(const struct config *config, struct smtp_server_config *smtp)
{
    smtp->max_octets = (uint64_t)config->mail.max_message_mib * mebibyte;
    smtp->max_memory = (uint64_t)config->mail.max_memory_mib * mebibyte;
    smtp->max_line = (uint32_t)config->mail.max_line;
    smtp->max_recipients = (uint32_t)config->mail.max_recipients;
    smtp->max_errors = (uint32_t)config->mail.max_errors;
    smtp->max_connections = (uint32_t)config->mail.max_connections;
    smtp->max_connections_of_peer = (uint32_t)config->mail.max_connections_of_peer;
    smtp->messages_per_s = (uint32_t)config->mail.messages_per_s;
    smtp->recipients_per_s = (uint32_t)config->mail.recipients_per_s;
    smtp->greeting_delay_ms = (uint64_t)config->mail.greeting_delay_ms;
    smtp->command_timeout_ms = (uint64_t)config->mail.command_timeout_ms;
    smtp->data_timeout_ms = (uint64_t)config->mail.data_timeout_ms;
    smtp->message_timeout_ms = (uint64_t)config->mail.message_timeout_ms;
}

static void set_host(struct control *c)
{
    (void)snprintf(c->mail_host, sizeof c->mail_host, "%s", c->config->mail.host);
    if (!c->mail_host[0] && gethostname(c->mail_host, sizeof c->mail_host - 1) < 0)
        (void)snprintf(c->mail_host, sizeof c->mail_host, "%s", c->config->node);
}

static void log_address(const char *name, const struct sockaddr_storage *bound)
{
    char host[SOCKET_ADDRESS_HOST];
    if (!bound->ss_family)
        return;
    socket_address_host((const struct sockaddr *)bound, host);
    log_write(LOG_LEVEL_NOTICE, strchr(host, ':') ? "%s on [%s]:%u" : "%s on %s:%u", name, host,
              socket_address_port((const struct sockaddr *)bound));
}

static void log_listeners(const struct control *c)
{
    struct sockaddr_storage plain, tls;
    smtp_server_addresses(c->smtp, &plain, &tls);
    log_address("SMTP", &plain);
    log_address("SMTP over TLS", &tls);
    if (c->config->mail.lmtp_socket[0])
        log_write(LOG_LEVEL_NOTICE, "LMTP on %s", c->config->mail.lmtp_socket);
    if (!c->config->mail.domains[0])
        log_write(LOG_LEVEL_WARNING, "mail.domains is empty: every recipient is refused");
}

int smtp_start(struct control *c)
{
    const struct config *config = c->config;
    struct smtp_server_config smtp = {
        .lmtp_socket = config->mail.lmtp_socket,
        .host = c->mail_host,
        .domains = config->mail.domains,
        .relays = config->mail.relays,
        .certificate_file = config->mail.tls_certificate,
        .key_file = config->mail.tls_key_file,
        .ca_file = config->mail.tls_ca,
        .clients = config->mail.tls_clients,
        .judge_recipient = judge_recipient,
        .is_return = is_return,
        .take = take,
        .forget = mail_intake_forget,
        .sign_in = sign_in,
        .forget_sign_in = credential_sign_in_forget,
        .knows = knows,
        .refused = on_refused,
        .user = c,
    };
    char text[240] = "an address cannot be read";
    int rc = 0;
    set_host(c);
    set_limits(config, &smtp);
    if (config->mail.listen[0])
        rc = config_parse_endpoint(config->mail.listen, &smtp.listen);
    if (rc == 0 && config->mail.listen_tls[0])
        rc = config_parse_endpoint(config->mail.listen_tls, &smtp.listen_tls);
    if (rc == 0 && !smtp.listen.ss_family && !smtp.listen_tls.ss_family && !smtp.lmtp_socket[0])
        return 0;
    if (rc == 0)
        rc = smtp_server_open(&c->loop, &smtp, &c->smtp, text);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "mail cannot be served: %s", text);
        return rc;
    }
    log_listeners(c);
    return 0;
}
