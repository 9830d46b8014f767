#include "gateway/sip/stack.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/sip/device_store.h"
#include "gateway/sip/register_client.h"
#include "gateway/sip/session.h"
#include "gateway/sip/stream.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

void sip_stack_make_id(char id[SIP_ID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[(SIP_ID_TEXT - 1) / 2];
    if (RAND_bytes(random, sizeof random) != 1)
        abort(); /* identifiers that can be guessed would hand calls to strangers */
    for (size_t i = 0; i < sizeof random; i++) {
        id[2 * i] = digits[random[i] >> 4];
        id[2 * i + 1] = digits[random[i] & 15];
    }
    id[SIP_ID_TEXT - 1] = '\0';
}

static void on_trace(const char *file, int line, osip_trace_level_t level, const char *format,
                     va_list arguments)
{
    (void)file, (void)line, (void)level, (void)format, (void)arguments;
}

/* The library would print what it dislikes about a message to the standard output. */
static void silence_osip(void)
{
    osip_trace_initialize_func(TRACE_LEVEL0, on_trace);
    for (int level = TRACE_LEVEL0; level < END_TRACE_LEVEL; level++)
        osip_trace_disable_level((osip_trace_level_t)level);
}

static uint32_t or_default(uint32_t value, uint32_t standard)
{
    return value ? value : standard;
}

static void take_stream_limits(struct sip_config *c)
{
    c->max_connections = or_default(c->max_connections, 1024);
    c->max_connections_of_peer = or_default(c->max_connections_of_peer, 32);
    c->connect_timeout_ms = or_default(c->connect_timeout_ms, 5000);
    c->message_timeout_ms = or_default(c->message_timeout_ms, 8000);
    c->idle_timeout_ms = or_default(c->idle_timeout_ms, 300000);
    c->keep_alive_ms = or_default(c->keep_alive_ms, 90000);
}

/* Returns NULL for none, and when memory runs out (*error is then set). */
static char *copy_text(const char *text, int *error)
{
    char *copy = text && *text ? strdup(text) : NULL;
    if (text && *text && !copy)
        *error = -ENOMEM;
    return copy;
}

static int take_config(struct sip_stack *stack, const struct sip_config *config)
{
    int error = 0;
    struct sip_config *c = &stack->config;
    sa_family_t family = config->listen.ss_family, told = config->advertised.ss_family;
    *c = *config;
    c->user_agent = c->tls_certificate_file = c->tls_key_file = NULL;
    if ((family != AF_INET && family != AF_INET6) || (told && told != family) ||
        config->max_sessions > 1000000 || config->max_connections > 60000 ||
        config->max_transactions > 16000000 ||
        (config->user_agent && !sip_text_is_line(config->user_agent)))
        return -EINVAL;
    c->max_sessions = or_default(c->max_sessions, 1000);
    c->max_transactions = or_default(c->max_transactions, 16 * c->max_sessions);
    c->t1_ms = or_default(c->t1_ms, 500);
    c->t2_ms = or_default(c->t2_ms, 8 * c->t1_ms);
    c->t4_ms = or_default(c->t4_ms, 10 * c->t1_ms);
    c->receive_buffer = or_default(c->receive_buffer, 4 << 20);
    c->session_expires_s = or_default(c->session_expires_s, SIP_SESSION_EXPIRES_S);
    c->min_session_expires_s = or_default(c->min_session_expires_s, SIP_MIN_SESSION_EXPIRES_S);
    take_stream_limits(c);
    c->user_agent = stack->user_agent = copy_text(config->user_agent, &error);
    c->tls_certificate_file = stack->tls_certificate_file =
        copy_text(config->tls_certificate_file, &error);
    c->tls_key_file = stack->tls_key_file = copy_text(config->tls_key_file, &error);
    return error;
}

/* What is left when the handles are closed. */
static void release(struct sip_stack *stack)
{
    if (stack->fd >= 0)
        close(stack->fd);
    if (stack->osip)
        osip_release(stack->osip);
    sip_table_close(&stack->transactions);
    sip_table_close(&stack->dialogs);
    sip_table_close(&stack->traces);
    sip_streams_release(stack);
    free(stack->user_agent);
    free(stack);
}

void sip_stack_handle_closed(struct sip_stack *stack)
{
    if (--stack->open_handles > 0)
        return;
    sip_closed_cb *closed = stack->closed;
    void *user = stack->closed_user;
    release(stack);
    if (closed)
        closed(user);
}

static void on_handle_closed(uv_handle_t *handle)
{
    sip_stack_handle_closed(handle->type == UV_TIMER ? ((struct sip_timers *)handle->data)->user
                                                     : handle->data);
}

static void free_dead(struct sip_stack *stack)
{
    while (stack->dead_transactions) {
        struct sip_transaction *tx = stack->dead_transactions;
        stack->dead_transactions = tx->next;
        sip_transaction_free(tx);
    }
    while (stack->dead_osip) {
        osip_transaction_t *osip = stack->dead_osip;
        stack->dead_osip = osip_transaction_get_reserved6(osip);
        osip_transaction_free2(osip);
    }
    while (stack->dead_sessions) {
        struct sip_session *s = stack->dead_sessions;
        stack->dead_sessions = s->next;
        sip_session_free(s);
    }
}

static void shut(struct sip_stack *stack)
{
    stack->is_closed = true;
    while (stack->all_sessions) {
        struct sip_session *s = stack->all_sessions;
        stack->all_sessions = s->next;
        sip_session_free(s);
    }
    sip_registrations_drop(stack);
    while (stack->all_transactions)
        sip_transaction_kill(stack->all_transactions);
    free_dead(stack);
    sip_devices_close(stack);
    sip_timer_stop(&stack->timers, &stack->post);
    sip_timer_stop(&stack->timers, &stack->closing);
    sip_streams_close(stack);
    sip_transport_close(stack, on_handle_closed);
    uv_close((uv_handle_t *)&stack->timers.uv, on_handle_closed);
}

static bool is_quiet(const struct sip_stack *stack)
{
    if (stack->all_sessions)
        return false;
    for (const struct sip_transaction *tx = stack->all_transactions; tx; tx = tx->next) {
        if (sip_transaction_is_busy(tx))
            return false;
    }
    return true;
}

void sip_stack_reap(struct sip_stack *stack)
{
    free_dead(stack);
    if (stack->is_closing && !stack->is_closed && is_quiet(stack))
        shut(stack);
}

static void on_post(struct sip_timer *timer)
{
    struct sip_stack *stack = timer->owner;
    sip_session_tell_ended(stack);
    sip_stack_reap(stack);
}

void sip_stack_post(struct sip_stack *stack)
{
    if (!stack->is_closed && !stack->post.armed)
        sip_timer_start(&stack->timers, &stack->post, 0, on_post, stack);
}

int sip_stack_open(uv_loop_t *loop, const struct sip_config *config, struct sip_stack **stack)
{
    struct sip_stack *made = calloc(1, sizeof *made);
    *stack = NULL;
    if (!made)
        return -ENOMEM;
    made->loop = loop;
    made->fd = -1;
    int error = take_config(made, config);
    if (!error && RAND_bytes(made->tag_seed, sizeof made->tag_seed) != 1)
        error = -EIO;
    if (!error)
        error = sip_table_open(&made->transactions, made->config.max_transactions);
    if (!error)
        error = sip_table_open(&made->dialogs, made->config.max_sessions);
    if (!error)
        error = sip_table_open(&made->traces, made->config.max_sessions);
    if (!error && osip_init(&made->osip) != 0)
        error = -ENOMEM;
    if (!error)
        error = sip_timers_open(&made->timers, loop);
    if (error) {
        release(made);
        return error;
    }
    made->timers.user = made;
    made->open_handles = 1;
    silence_osip();
    sip_transaction_register(made->osip);
    error = sip_transport_open(made);
    bool has_socket = made->open_handles == 2;
    if (!error)
        error = sip_streams_open(made);
    if (error) {
        made->is_closed = true;
        sip_streams_close(made);
        if (has_socket)
            sip_transport_close(made, on_handle_closed);
        uv_close((uv_handle_t *)&made->timers.uv, on_handle_closed);
        return error;
    }
    *stack = made;
    return 0;
}

static void on_closing_timeout(struct sip_timer *timer)
{
    shut(timer->owner);
}

void sip_stack_close(struct sip_stack *stack, sip_closed_cb *done, void *user)
{
    if (!stack || stack->is_closing)
        return;
    stack->is_closing = true;
    stack->closed = done;
    stack->closed_user = user;
    sip_options_drop(stack);
    sip_registrations_end(stack);
    for (struct sip_session *s = stack->all_sessions; s; s = s->next) {
        if (s->over)
            continue;
        sip_session_end_later(s, SIP_PARTY_LOCAL, 503, "the gateway stops");
        sip_session_leave(s, 503);
    }
    sip_timer_start(&stack->timers, &stack->closing, 4ull * stack->config.t2_ms, on_closing_timeout,
                    stack);
    sip_stack_post(stack);
}

void sip_stack_address(const struct sip_stack *stack, enum sip_protocol protocol,
                       struct sockaddr_storage *address)
{
    *address = stack->bound[protocol];
}

void sip_stack_read_counters(const struct sip_stack *stack, struct sip_stack_counters *counters)
{
    *counters = stack->counters;
}
