/* control.h: what the parts of the control process share. Owned by control.c; the parts keep a
 * pointer and use only what their header says. One thread, one loop. */
#ifndef GATEWAY_CONTROL_CONTROL_H
#define GATEWAY_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/audit/audit.h"
#include "gateway/config/config.h"
#include "gateway/control/keeper_client.h"
#include "gateway/control/line_pool.h"
#include "gateway/control/media_ports.h"
#include "gateway/control/peer_health.h"
#include "gateway/control/policy_cache.h"
#include "gateway/control/stranger_log.h"
#include "gateway/control/supervisor_client.h"
#include "gateway/control/trunk_sources.h"
#include "gateway/db/db.h"
#include "gateway/dns/dns_resolver.h"
#include "gateway/http/http_server.h"
#include "gateway/process/roles.h"
#include "gateway/routing/rate_limit.h"
#include "gateway/sip/sip.h"

struct credential_register;
struct device_register;
struct fax_watchers;
struct fax_queue;
struct fax_call;
struct handover;
struct bridge_call;
struct password_check;
struct render_queue;
struct smtp_server;
struct trunk_registrar;
struct t38_refusals;
struct submission;
struct api_turn;
struct peer_probe;
struct call_recorder;
struct mail_intake;
struct mail_store;
struct mail_work;
struct mail_out;
struct mail_again;

struct control {
    uv_loop_t loop;
    const struct role_context *context;
    const struct config *config;
    struct supervisor_client *supervisor;
    struct keeper_client *keeper;
    struct line_pool *lines;
    struct db *db;
    struct audit *audit;
    struct policy_cache *policy;
    struct sip_stack *sip;
    struct device_register *devices;
    struct password_check *passwords; /* a thread */
    struct credential_register *credentials;
    struct smtp_server *smtp; /* NULL: nobody brings mail */
    struct dns_resolver *dns;
    struct trunk_sources *sources;
    struct peer_breaker breaker; /* peers of trunks that are held back */
    struct peer_probe *probes;   /* OPTIONS under way */
    struct rate_limit *rates;    /* of sources, by address, and of trunks, by name */
    struct http_server *http;
    struct media_ports ports;
    struct fax_watchers *watchers;
    struct fax_queue *queue;
    struct trunk_registrar *registrar; /* NULL before SIP serves */
    struct render_queue *renders;
    struct t38_refusals *t38_refusals;
    struct mail_out *mail_out;
    struct mail_again *mail_again;  /* NULL: repeated messages are new ones */
    struct fax_call *calls;         /* all that are not freed yet */
    struct bridge_call *bridges;    /* likewise */
    struct submission *submissions; /* all that are under way */
    struct handover *handovers;     /* what is still to be done of faxes that ended */
    struct mail_store *mail_store;
    struct mail_work *mail_work;
    struct mail_intake *mail_intakes; /* messages that are being taken in */
    /* Traces of calls that are over: those that linger, those that wait for the pool. */
    struct call_recorder *traces_lingering, *traces_waiting;
    size_t traces_left;   /* not sealed yet */
    bool traces_sealing;  /* some are on the pool */
    size_t keys_dropping; /* key_drop(): not answered yet */
    uint64_t started_ms;  /* wall clock */
    bool ready;           /* recovered and serving */
    bool stopping;
    bool database_up;
    struct api_turn *turns; /* changes of the registers that wait for the one under way */
    bool changing, giving_turns;
    /* One at a time: it reads all there is, on the threads that the journal needs. */
    bool verifying;
    int exit_status;
    uint64_t stop_deadline; /* of uv_now() */
    uv_timer_t disposal_timer, stop_timer, stranger_timer, registrar_timer;
    struct stranger_log strangers;          /* callers of no trunk */
    struct stranger_log strange_accounts;   /* clients of the API that are no principal */
    struct stranger_log failed_connections; /* of SIP over TCP and TLS */
    struct stranger_log strange_devices;    /* requests that nobody could be signed in for */
    struct stranger_log limited;            /* requests above a rate */
    struct stranger_log refused_mail;       /* mail clients that were refused or broke a rule */
    struct stranger_log sign_ins, wrong_sign_ins; /* of mail clients */
    struct stranger_log unreported;               /* addresses that get no more reports for now */
    struct stranger_log bounced_again;      /* mails of which it was known that they bounced */
    struct stranger_log repeated;           /* messages that were brought again */
    char mail_host[256];                    /* what we call ourselves to them */
    char tls_files[3][1200], tls_name[256]; /* of the peer that was asked about last */
    char master_key_id[MSG_KEY_ID_MAX];
    char verifier_key[256];
    char media_address[64]; /* literal that stands in our descriptions */
    char sip_address[64];   /* host:port that stands in our URIs */
};

/* The wall clock. */
int64_t control_now_ms(void);

/* Nothing more can be done well: logs and leaves the process with ROLE_EXIT_FAILED, the supervisor
 * starts another. For losses that make going on a lie (the supervisor is gone). */
_Noreturn void control_abandon(const char *why);

#endif
