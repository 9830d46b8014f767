#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_in_use.h"
#include "gateway/api/api_request.h"
#include "gateway/api/api_revoke.h"
#include "gateway/api/api_trunk_accounts.h"
#include "gateway/control/trunk_credentials.h"
#include "gateway/db/register_queries.h"
#include "gateway/dns/dns_locate.h"
#include "gateway/routing/number_rewrite.h"
#include "gateway/routing/trunk_peers.h"
#include "gateway/socket_address.h"
#include "policy/number.h"

static json_t *trunk_json(const struct trunk_row *t)
{
    json_t *out =
        json_pack("{s:s,s:s,s:I,s:b,s:b,s:s,s:s,s:b,s:b,s:b,s:s,s:s,s:s,s:s}", "name", t->trunk,
                  "host", t->host, "port", (json_int_t)t->port, "t38_first", t->t38_first != 0,
                  "audio_fallback", t->audio_fallback != 0, "prefix", t->prefix, "transport",
                  t->transport, "secured", t->secured != 0, "long_by_tcp", t->long_by_tcp != 0,
                  "express", t->express != 0, "tls_name", t->tls_name, "tls_ca", t->tls_ca,
                  "tls_certificate", t->tls_certificate, "tls_key", t->tls_key);
    json_t *routing = json_pack(
        "{s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:b,s:b}", "peers", t->peers, "rewrite_out", t->rewrite_out,
        "rewrite_in", t->rewrite_in, "max_calls", (json_int_t)t->max_calls, "max_calls_per_second",
        (json_int_t)t->max_calls_per_second, "probe_s", (json_int_t)t->probe_s, "asserted_identity",
        t->asserted_identity, "nat", t->nat != 0, "t38", t->t38 != 0);
    json_object_update_new(out, routing);
    return out;
}

static void on_trunks(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the trunks could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct trunk_row row;
        trunk_row_read(result, i, &row);
        json_t *item = trunk_json(&row);
        json_object_set_new(item, "credentials", api_trunk_credentials_json(r->control, row.trunk));
        json_object_set_new(item, "registration",
                            api_trunk_registration_json(r->control, row.trunk));
        json_array_append_new(list, item);
    }
    api_answer_json(r, 200, json_pack("{s:o}", "trunks", list));
}

void api_get_trunks(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    int rc = register_query_trunks(r->control->db, on_trunks, r);
    if (rc < 0)
        api_answer_error(r, rc, "the trunks could not be read");
}

static bool is_prefix(const char *prefix)
{
    const char *digits = prefix + (prefix[0] == '+');
    return digits[strspn(digits, "0123456789")] == '\0' && strlen(prefix) <= 20;
}

/* A file of sip.tls_directory: nothing that leads out of it. */
static bool is_file_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return name[0] != '.' && name[strspn(name, allowed)] == '\0' && strlen(name) <= 100;
}

static const char *wrong_protection(const struct trunk_row *t, bool has_directory)
{
    bool tls = !strcmp(t->transport, "tls") || !strcmp(t->transport, "sips");
    if (!tls && strcmp(t->transport, "udp") != 0 && strcmp(t->transport, "tcp") != 0 &&
        strcmp(t->transport, "any") != 0)
        return "'transport' must be 'udp', 'tcp', 'tls', 'sips' or 'any'";
    if (t->secured && !tls)
        return "'secured' needs 'transport' 'tls' or 'sips': else the keys of the media would leak";
    if (t->express && !tls)
        return "'express' needs 'transport' 'tls' or 'sips': the peer must have proved who it is";
    if (!tls && (t->tls_name[0] || t->tls_ca[0] || t->tls_certificate[0] || t->tls_key[0]))
        return "'tls_name', 'tls_ca', 'tls_certificate' and 'tls_key' need 'transport' 'tls' or "
               "'sips'";
    if (t->long_by_tcp && strcmp(t->transport, "udp") != 0)
        return "'long_by_tcp' needs 'transport' 'udp'";
    if (!is_file_name(t->tls_ca) || !is_file_name(t->tls_certificate) || !is_file_name(t->tls_key))
        return "'tls_ca', 'tls_certificate' and 'tls_key' must be names of files in "
               "sip.tls_directory";
    if (!t->tls_certificate[0] != !t->tls_key[0])
        return "'tls_certificate' and 'tls_key' belong together";
    if (!has_directory && (t->tls_ca[0] || t->tls_certificate[0]))
        return "sip.tls_directory is not configured";
    return NULL;
}

static const char *wrong_routing(const struct trunk_row *t)
{
    struct trunk_peer peers[TRUNK_PEERS_MAX];
    if (trunk_peers_read(t->peers, peers, TRUNK_PEERS_MAX) < 0)
        return "'peers' must be at most 8 of HOST[:PORT][;priority=N][;weight=N], separated by "
               "commas";
    if (!number_rewrite_valid(t->rewrite_out) || !number_rewrite_valid(t->rewrite_in))
        return "'rewrite_out' and 'rewrite_in' must be rules BEGINNING>OTHER of + 0-9 * #, "
               "separated "
               "by commas; '.' before '>' is any one character";
    return NULL;
}

static const char wrong_identity[] = "'asserted_identity' must be 'none', 'send' or 'trust'";

static bool is_asserted_identity(const char *text)
{
    return !strcmp(text, "none") || !strcmp(text, "send") || !strcmp(text, "trust");
}

static const char *wrong_trunk(const struct api_request *r, const struct trunk_row *t)
{
    struct sockaddr_storage address;
    bool literal = socket_address_parse(t->host, 0, &address) == 0;
    if (!api_name_valid(t->trunk) || strlen(t->trunk) > 50)
        return "'name' must have 1 to 50 letters, digits, '-', '_', '.' or '@'";
    if (!literal && !dns_name_valid(t->host))
        return "'host' must be an IPv4 or IPv6 address, or the name of a host";
    if (t->port < (literal ? 1 : 0) || t->port > 65535)
        return "'port' must be 1 to 65535; of a name it may be left out";
    if (literal && !strcmp(t->transport, "any"))
        return "'transport' 'any' needs a name as 'host': DNS says which one";
    if (!is_prefix(t->prefix))
        return "'prefix' must be an optional '+' and at most 20 digits";
    if (!is_asserted_identity(t->asserted_identity))
        return wrong_identity;
    if (!t->t38 && (t->t38_first || !t->audio_fallback))
        return "without 't38' there is neither 't38_first', nor may 'audio_fallback' be false";
    const char *wrong = wrong_routing(t);
    return wrong ? wrong : wrong_protection(t, r->control->config->sip.tls_directory[0] != '\0');
}

static bool read_texts(struct api_request *r, json_t *in, struct trunk_row *t)
{
    const struct {
        const char *key, *fallback, **place;
    } texts[] = {
        {"name", NULL, &t->trunk},          {"host", NULL, &t->host},
        {"prefix", "", &t->prefix},         {"transport", "udp", &t->transport},
        {"tls_name", "", &t->tls_name},     {"tls_ca", "", &t->tls_ca},
        {"tls_key", "", &t->tls_key},       {"tls_certificate", "", &t->tls_certificate},
        {"peers", "", &t->peers},           {"rewrite_out", "", &t->rewrite_out},
        {"rewrite_in", "", &t->rewrite_in}, {"asserted_identity", "none", &t->asserted_identity}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].place = api_text(r, in, texts[i].key, texts[i].fallback, TRUNK_PEERS_TEXT);
        if (!*texts[i].place)
            return false;
    }
    return true;
}

/* Returns the name of the member that is no boolean, or NULL. */
static const char *read_flags(const json_t *in, struct trunk_row *t)
{
    const struct {
        const char *key;
        int64_t fallback, *place;
    } flags[] = {{"t38_first", 0, &t->t38_first},
                 {"audio_fallback", 1, &t->audio_fallback},
                 {"secured", 0, &t->secured},
                 {"long_by_tcp", 0, &t->long_by_tcp},
                 {"express", 0, &t->express},
                 {"nat", 0, &t->nat},
                 {"t38", 1, &t->t38}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const json_t *flag = json_object_get(in, flags[i].key);
        if (flag && !json_is_boolean(flag))
            return flags[i].key;
        *flags[i].place = flag ? json_is_true(flag) : flags[i].fallback;
    }
    return NULL;
}

/* Returns what is wrong, or NULL. */
static const char *read_limits(const json_t *in, struct trunk_row *t)
{
    const struct {
        const char *key;
        int64_t most, *place;
        const char *wrong;
    } limits[] = {
        {"max_calls", 100000, &t->max_calls, "'max_calls' must be 0 (no limit) to 100000"},
        {"max_calls_per_second", 100000, &t->max_calls_per_second,
         "'max_calls_per_second' must be 0 (no limit) to 100000"},
        {"probe_s", 3600, &t->probe_s, "'probe_s' must be 0 (no OPTIONS) to 3600"}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const json_t *value = json_object_get(in, limits[i].key);
        if (value && (!json_is_integer(value) || json_integer_value(value) < 0 ||
                      json_integer_value(value) > limits[i].most))
            return limits[i].wrong;
        *limits[i].place = json_integer_value(value);
    }
    return NULL;
}

/* What is known of a trunk while what one of its name was granted before is revoked. */
struct new_trunk {
    json_t *in; /* holds the texts of the row */
    struct trunk_row row;
};

static void new_trunk_free(void *state)
{
    struct new_trunk *t = state;
    if (t)
        json_decref(t->in);
    free(t);
}

static void record_trunk(struct api_request *r)
{
    const struct new_trunk *state = r->state;
    const struct trunk_row *t = &state->row;
    struct event e;
    event_begin(&e, "trunk.created", r->principal, NULL);
    event_text(&e, "trunk", t->trunk);
    event_text(&e, "host", t->host);
    event_integer(&e, "port", t->port);
    event_integer(&e, "t38_first", t->t38_first);
    event_integer(&e, "audio_fallback", t->audio_fallback);
    event_text(&e, "prefix", t->prefix);
    event_text(&e, "transport", t->transport);
    event_integer(&e, "secured", t->secured);
    event_integer(&e, "long_by_tcp", t->long_by_tcp);
    event_integer(&e, "express", t->express);
    event_text(&e, "tls_name", t->tls_name);
    event_text(&e, "tls_ca", t->tls_ca);
    event_text(&e, "tls_certificate", t->tls_certificate);
    event_text(&e, "tls_key", t->tls_key);
    event_text(&e, "peers", t->peers);
    event_text(&e, "rewrite_out", t->rewrite_out);
    event_text(&e, "rewrite_in", t->rewrite_in);
    event_integer(&e, "max_calls", t->max_calls);
    event_integer(&e, "max_calls_per_second", t->max_calls_per_second);
    event_integer(&e, "probe_s", t->probe_s);
    event_text(&e, "asserted_identity", t->asserted_identity);
    event_integer(&e, "nat", t->nat);
    event_integer(&e, "t38", t->t38);
    api_change(r, &e, 201, trunk_json(t));
}

static void revoke_and_record(struct api_request *r)
{
    char principal[TRUNK_PRINCIPAL_TEXT];
    const struct new_trunk *t = r->state;
    trunk_credentials_principal(t->row.trunk, principal);
    api_revoke_grants(r, principal, record_trunk);
}

static void add_trunk(struct api_request *r, json_t *in)
{
    char text[80];
    struct new_trunk *state = calloc(1, sizeof *state);
    if (!state) {
        api_answer_error(r, -ENOMEM, "the trunk could not be taken");
        return;
    }
    r->state = state;
    r->state_free = new_trunk_free;
    state->in = json_incref(in);
    struct trunk_row *t = &state->row;
    if (!read_texts(r, in, t))
        return;
    const json_t *port = json_object_get(in, "port");
    t->port = json_is_integer(port) ? json_integer_value(port) : port ? -1 : 0;
    const char *flag = read_flags(in, t), *wrong = flag ? text : wrong_trunk(r, t);
    if (!wrong)
        wrong = read_limits(in, t);
    if (flag)
        snprintf(text, sizeof text, "'%s' must be true or false", flag);
    if (wrong)
        api_answer_problem(r, 422, "trunk", "The trunk is not valid", wrong);
    else if (policy_cache_trunk(r->control->policy, t->trunk))
        api_answer_problem(r, 409, "exists", "There is a trunk of this name", NULL);
    else
        revoke_and_record(r);
}

void api_post_trunk(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_trunk);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    json_t *in = api_body(r, "TrunkNew");
    if (!in)
        return;
    add_trunk(r, in);
    json_decref(in);
}

/* The trunk that the path names; NULL after having answered 404. */
static const struct trunk_info *find_trunk(struct api_request *r)
{
    const struct trunk_info *trunk =
        policy_cache_trunk(r->control->policy, http_request_param(r->http, "name"));
    if (!trunk)
        api_answer_problem(r, 404, "unknown", "There is no such trunk", NULL);
    return trunk;
}

/* What the body does not name stays as it is: so the event has only what it names. */
static void change_terms(struct api_request *r, json_t *in, const char *trunk)
{
    struct event e;
    const json_t *nat = json_object_get(in, "nat");
    const char *identity = api_text(r, in, "asserted_identity", "", 10);
    if (!identity)
        return;
    const char *wrong = identity[0] && !is_asserted_identity(identity) ? wrong_identity
                        : nat && !json_is_boolean(nat) ? "'nat' must be true or false"
                        : !nat && !identity[0]         ? "'asserted_identity' or 'nat' is needed"
                                                       : NULL;
    if (wrong) {
        api_answer_problem(r, 422, "trunk", "The trunk is not valid", wrong);
        return;
    }
    event_begin(&e, "trunk.terms_set", r->principal, NULL);
    event_text(&e, "trunk", trunk);
    if (identity[0])
        event_text(&e, "asserted_identity", identity);
    if (nat)
        event_integer(&e, "nat", json_is_true(nat));
    api_change(r, &e, 204, NULL);
}

void api_patch_trunk(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_patch_trunk);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct trunk_info *trunk = find_trunk(r);
    json_t *in = trunk ? api_body(r, "TrunkChange") : NULL;
    if (in)
        change_terms(r, in, trunk->name);
    json_decref(in);
}

static void record_removal(struct api_request *r)
{
    struct event e;
    event_begin(&e, "trunk.removed", r->principal, NULL);
    event_text(&e, "trunk", http_request_param(r->http, "name"));
    api_change(r, &e, 204, NULL);
}

void api_delete_trunk(struct http_request *http, void *user)
{
    char principal[TRUNK_PRINCIPAL_TEXT];
    struct api_request *r = api_begin_change(http, user, api_delete_trunk);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct trunk_info *trunk = find_trunk(r);
    if (!trunk || !api_trunk_is_free(r, trunk->name))
        return;
    trunk_credentials_principal(trunk->name, principal);
    api_revoke_grants(r, principal, record_removal);
}
