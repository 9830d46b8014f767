#include "gateway/api/api_body.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy/secret.h"

static const struct api_body_schema schemas[] = {
    {"CredentialNew", {"password"}},
    {"DeviceChange", {"calls", "tls_certificate_name", "nat"}},
    {"DeviceCredential", {"user", "password"}},
    {"DeviceNew",
     {"name", "extension", "user", "password", "calls", "tls_certificate_name", "nat"}},
    {"GrantNew", {"principal", "role", "from_numbers", "to_numbers", "mailboxes", "expires"}},
    {"MailCertificateNew", {"certificate"}},
    {"MailSenderNew", {"principal", "number"}},
    {"MailboxChange", {"retention_days", "capture", "device", "mail_to", "mail_form"}},
    {"MailboxNew",
     {"name", "class", "retention_days", "capture", "device", "mail_to", "mail_form"}},
    {"NumberNew", {"number", "mailbox", "ident", "deliver"}},
    {"PrincipalNew", {"name", "kind", "full_name", "local_uid"}},
    {"RoleNew", {"name", "actions"}},
    {"RouteNew", {"name", "trunk", "prefix", "class", "hours", "priority", "cost"}},
    {"TrunkChange", {"asserted_identity", "nat"}},
    {"TrunkCredentialNew", {"user", "realm", "ha1_md5", "ha1_sha256"}},
    {"TrunkNew",
     {"name",
      "host",
      "port",
      "t38_first",
      "prefix",
      "audio_fallback",
      "transport",
      "secured",
      "long_by_tcp",
      "express",
      "tls_name",
      "tls_ca",
      "tls_key",
      "tls_certificate",
      "peers",
      "rewrite_out",
      "rewrite_in",
      "max_calls",
      "max_calls_per_second",
      "probe_s",
      "asserted_identity",
      "nat",
      "t38"}},
    {"TrunkRegistrationNew", {"user", "domain", "expires"}},
};

const struct api_body_schema *api_body_schema_at(size_t position)
{
    return position < sizeof schemas / sizeof *schemas ? &schemas[position] : NULL;
}

static bool is_member(const char *schema, const char *key)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        if (strcmp(schemas[i].name, schema) != 0)
            continue;
        for (size_t m = 0; m < API_BODY_MEMBERS && schemas[i].members[m]; m++)
            if (strcmp(schemas[i].members[m], key) == 0)
                return true;
    }
    return false;
}

void api_body_wipe(json_t *body)
{
    const char *key;
    json_t *value;
    json_object_foreach(body, key, value)
    {
        if (json_is_string(value))
            secret_wipe((char *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
}

json_t *api_body(struct api_request *r, const char *schema)
{
    char detail[160];
    const char *key;
    json_t *value, *body = http_request_json(r->http);
    if (!body) {
        api_end(r);
        return NULL;
    }
    json_object_foreach(body, key, value)
    {
        if (is_member(schema, key))
            continue;
        snprintf(detail, sizeof detail, "'%.100s' is no member of '%s'", key, schema);
        api_body_wipe(body);
        json_decref(body);
        api_answer_problem(r, 400, "unknown-member", "The body has an unknown member", detail);
        return NULL;
    }
    return body;
}
