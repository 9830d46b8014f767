#include "gateway/sip/sip_trace.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/stack.h"

struct span {
    const char *at;
    size_t length;
};

static struct span trim(const char *at, size_t length)
{
    while (length > 0 && (*at == ' ' || *at == '\t')) {
        at++;
        length--;
    }
    while (length > 0 &&
           (at[length - 1] == ' ' || at[length - 1] == '\t' || at[length - 1] == '\r'))
        length--;
    return (struct span){at, length};
}

/* The next line without its end; false at the end of the message. */
static bool next_line(const char *bytes, size_t length, size_t *at, struct span *line)
{
    if (*at >= length)
        return false;
    const char *end = memchr(bytes + *at, '\n', length - *at);
    size_t stop = end ? (size_t)(end - bytes) : length;
    *line = trim(bytes + *at, stop - *at);
    *at = end ? stop + 1 : length;
    return true;
}

/* Whether line is the header of that name, or of its compact form; *value gets what it says. */
static bool is_header(struct span line, const char *name, char compact, struct span *value)
{
    const char *colon = memchr(line.at, ':', line.length);
    if (!colon)
        return false;
    struct span said = trim(line.at, (size_t)(colon - line.at));
    bool same = said.length == strlen(name) && strncasecmp(said.at, name, said.length) == 0;
    if (!same && !(compact && said.length == 1 && (said.at[0] | 0x20) == compact))
        return false;
    *value = trim(colon + 1, line.length - (size_t)(colon + 1 - line.at));
    return true;
}

/* Digits at the beginning; *used gets how many octets they take. */
static uint32_t read_number(struct span text, size_t *used)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < text.length && text.at[i] >= '0' && text.at[i] <= '9' && i < 10; i++)
        number = number * 10 + (uint64_t)(text.at[i] - '0');
    *used = i;
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void read_cseq(struct span value, struct sip_trace_message *m)
{
    size_t used;
    m->cseq = read_number(value, &used);
    struct span method = trim(value.at + used, value.length - used);
    m->method = method.at;
    m->method_length = method.length;
}

/* RFC 3326: several, separated by commas, may stand in one header. */
static void read_reason(struct span value, struct sip_trace_message *m)
{
    static const char mark[] = "cause=";
    for (size_t i = 0; i + sizeof mark - 1 < value.length; i++) {
        if (strncasecmp(value.at + i, mark, sizeof mark - 1) != 0)
            continue;
        size_t start = i, used;
        while (start > 0 && value.at[start - 1] != ',')
            start--;
        struct span protocol = trim(value.at + start, i - start);
        struct span digits = {value.at + i + sizeof mark - 1, value.length - i - sizeof mark + 1};
        uint32_t cause = read_number(digits, &used);
        if (cause > 699)
            continue;
        if (protocol.length >= 5 && strncasecmp(protocol.at, "Q.850", 5) == 0)
            m->q850_cause = (int)cause;
        else if (protocol.length >= 3 && strncasecmp(protocol.at, "SIP", 3) == 0)
            m->sip_cause = (int)cause;
    }
}

bool sip_trace_read(const char *bytes, size_t length, struct sip_trace_message *m,
                    const char **call_id, size_t *call_id_length, size_t *body)
{
    static const char version[] = "SIP/2.0 ";
    struct span line, value;
    size_t at = 0, used;
    memset(m, 0, sizeof *m);
    *call_id = NULL;
    *call_id_length = 0;
    if (!next_line(bytes, length, &at, &line))
        return false;
    if (line.length > sizeof version - 1 && memcmp(line.at, version, sizeof version - 1) == 0) {
        struct span status = {line.at + sizeof version - 1, line.length - sizeof version + 1};
        uint32_t code = read_number(status, &used);
        if (code < 100 || code > 699)
            return false;
        m->status = (int)code;
    }
    while (next_line(bytes, length, &at, &line) && line.length > 0) {
        if (is_header(line, "Call-ID", 'i', &value) && !*call_id) {
            *call_id = value.at;
            *call_id_length = value.length;
        } else if (is_header(line, "CSeq", '\0', &value)) {
            read_cseq(value, m);
        } else if (is_header(line, "Reason", '\0', &value)) {
            read_reason(value, m);
        }
    }
    *body = at;
    return *call_id && m->method;
}

static void tell(const struct sip_trace *trace, const struct sip_trace_message *m, const char *body,
                 size_t length)
{
    struct sdp_session sdp;
    struct sip_trace_message told = *m;
    if (length > 0 && sdp_read(&sdp, body, length, NULL) == 0)
        told.sdp = &sdp;
    trace->cb(trace->user, &told);
    if (told.sdp)
        explicit_bzero(&sdp, sizeof sdp); /* it may hold keys */
}

/* only: nobody else is told. NULL: whoever watches. */
static void look(struct sip_stack *stack, const struct sip_trace *only, bool sent,
                 const char *bytes, size_t length, enum sip_protocol protocol)
{
    struct sip_trace_message m;
    char key[SIP_TRACE_CALL_ID];
    const char *call_id;
    size_t call_id_length, body;
    if (!sip_trace_read(bytes, length, &m, &call_id, &call_id_length, &body) ||
        call_id_length >= sizeof key)
        return;
    memcpy(key, call_id, call_id_length);
    key[call_id_length] = '\0';
    struct sip_trace *trace = sip_table_find(&stack->traces, key);
    if (!trace || (only && trace != only))
        return;
    m.sent = sent;
    m.protocol = protocol;
    tell(trace, &m, bytes + body, length - body);
}

void sip_trace_message(struct sip_stack *stack, bool sent, const char *bytes, size_t length,
                       enum sip_protocol protocol)
{
    if (stack->traces.count > 0)
        look(stack, NULL, sent, bytes, length, protocol);
}

void sip_trace_start(struct sip_stack *stack, struct sip_trace *trace, const char *call_id,
                     sip_trace_cb *cb, void *user)
{
    size_t length = strlen(call_id);
    if (trace->on || length == 0 || length >= sizeof trace->call_id ||
        sip_table_find(&stack->traces, call_id))
        return;
    memcpy(trace->call_id, call_id, length + 1);
    trace->cb = cb;
    trace->user = user;
    trace->node = (struct sip_node){.key = trace->call_id, .owner = trace};
    trace->on = true;
    sip_table_add(&stack->traces, &trace->node);
    if (stack->receiving.bytes)
        look(stack, trace, false, stack->receiving.bytes, stack->receiving.length,
             stack->receiving.protocol);
}

void sip_trace_stop(struct sip_stack *stack, struct sip_trace *trace)
{
    if (stack && trace->on)
        sip_table_remove(&stack->traces, &trace->node);
    trace->on = false;
}
