#include <errno.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/config/schema.h"
#include "gateway/socket_address.h"

bool config_type_is_text(enum config_type type)
{
    return type != CONFIG_INTEGER && type != CONFIG_RATE && type != CONFIG_BOOLEAN;
}

static void *place(struct config *config, const struct config_key *key)
{
    return (unsigned char *)config + key->offset;
}

char **config_value_text(struct config *config, const struct config_key *key)
{
    return place(config, key);
}

int64_t *config_value_integer(struct config *config, const struct config_key *key)
{
    return place(config, key);
}

bool *config_value_boolean(struct config *config, const struct config_key *key)
{
    return place(config, key);
}

void config_value_expected(const struct config_key *key, char *out, size_t out_size)
{
    switch (key->type) {
    case CONFIG_TEXT:
        snprintf(out, out_size, "text of at most %lld octets", (long long)key->max);
        break;
    case CONFIG_NAME:
        snprintf(out, out_size, "a name of at most %lld letters, digits, '.', '_', '-'",
                 (long long)key->max);
        break;
    case CONFIG_PATH:
        snprintf(out, out_size, "an absolute path of at most %lld octets", (long long)key->max);
        break;
    case CONFIG_ADDRESS:
        snprintf(out, out_size, "an IPv4 or IPv6 address");
        break;
    case CONFIG_ENDPOINT:
        snprintf(out, out_size, "address:port, such as 127.0.0.1:5060 or [::1]:5060");
        break;
    case CONFIG_DSN:
        snprintf(
            out, out_size,
            "a PostgreSQL connection string without password (that belongs in the *_file key)");
        break;
    case CONFIG_TIME_ZONE:
        snprintf(out, out_size, "a time zone such as Europe/Zurich");
        break;
    case CONFIG_IDENT:
        snprintf(out, out_size, "at most 20 digits, spaces and '+'");
        break;
    case CONFIG_INTEGER:
        snprintf(out, out_size, "a whole number from %lld to %lld", (long long)key->min,
                 (long long)key->max);
        break;
    case CONFIG_CHOICE:
    case CONFIG_RATE:
        snprintf(out, out_size, "one of %s", key->choices);
        break;
    case CONFIG_RELAY:
        snprintf(out, out_size, "smtp://HOST[:PORT] or smtps://HOST[:PORT]");
        break;
    case CONFIG_MAIL:
        snprintf(out, out_size, "a mail address such as fax@example.com");
        break;
    case CONFIG_BOOLEAN:
        snprintf(out, out_size, "true or false");
        break;
    }
}

static bool is_name(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return text[0] != '-' && text[0] != '.' && text[strspn(text, allowed)] == '\0';
}

static bool is_path(const char *text)
{
    size_t length = strlen(text);
    if (text[0] != '/' || strstr(text, "/../"))
        return false;
    return length < 3 || strcmp(text + length - 3, "/..") != 0;
}

static bool is_address(const char *text)
{
    struct sockaddr_storage unused;
    return socket_address_parse(text, 0, &unused) == 0;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, text, length) == 0 && (at[length] == '|' || at[length] == '\0'))
            return length > 0;
    }
    return false;
}

static bool is_time_zone(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    char path[128];
    if (strcmp(text, "UTC") == 0)
        return true;
    if (text[0] == '/' || text[strspn(text, allowed)] != '\0')
        return false;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", text);
    return text[strlen(text) - 1] != '/' && access(path, R_OK) == 0;
}

static bool is_dsn(const char *text)
{
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &problem);
    bool good = options != NULL;
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (strstr(option->keyword, "password") && option->val && option->val[0])
            good = false;
    PQconninfoFree(options);
    PQfreemem(problem);
    return good;
}

int config_parse_endpoint(const char *text, struct sockaddr_storage *out)
{
    char address[64];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    char *end = NULL;
    if (length == 0 || length >= sizeof address || colon[1] < '0' || colon[1] > '9')
        return -EINVAL;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || end - colon > 6 || port > 65535)
        return -EINVAL;
    size_t inner = bracketed ? length - 2 : length;
    memcpy(address, bracketed ? text + 1 : text, inner);
    address[inner] = '\0';
    if (socket_address_parse(address, (uint16_t)port, out) < 0)
        return -EINVAL;
    return bracketed == (out->ss_family == AF_INET6) ? 0 : -EINVAL;
}

/* What would change the meaning of the URL is no part of a host. */
static bool is_relay(const char *text)
{
    static const char host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    const char *at = text + (strncmp(text, "smtps://", 8) == 0 ? 8 : 7);
    if (strncmp(text, "smtp://", 7) != 0 && strncmp(text, "smtps://", 8) != 0)
        return false;
    size_t length = *at == '[' ? strspn(at + 1, "0123456789abcdefABCDEF:.") + 1 : strspn(at, host);
    if (length < 1 || (*at == '[' && at[length] != ']'))
        return false;
    at += length + (*at == '[');
    if (*at == '\0')
        return true;
    unsigned long port = strtoul(at + 1, NULL, 10);
    return *at == ':' && at[1 + strspn(at + 1, "0123456789")] == '\0' && strlen(at) <= 6 &&
           port > 0 && port <= 65535;
}

static bool is_mail(const char *text)
{
    static const char local[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                ".!#$%&'*+-/=?^_`{|}~";
    size_t length = strspn(text, local);
    const char *domain = text + length + 1;
    return length > 0 && length <= 64 && text[length] == '@' && domain[0] != '.' &&
           domain[0] != '-' && domain[0] != '\0' && is_name(domain);
}

static bool has_control_characters(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            return true;
    return false;
}

static bool text_fits(const struct config_key *key, const char *text)
{
    struct sockaddr_storage endpoint;
    if (has_control_characters(text))
        return false;
    if (key->type == CONFIG_CHOICE)
        return is_choice(key->choices, text);
    if (strlen(text) > (size_t)key->max)
        return false;
    if (text[0] == '\0')
        return key->min == 0;
    if (key->type == CONFIG_NAME)
        return is_name(text);
    if (key->type == CONFIG_PATH)
        return is_path(text);
    if (key->type == CONFIG_ADDRESS)
        return is_address(text);
    if (key->type == CONFIG_ENDPOINT)
        return config_parse_endpoint(text, &endpoint) == 0;
    if (key->type == CONFIG_DSN)
        return is_dsn(text);
    if (key->type == CONFIG_TIME_ZONE)
        return is_time_zone(text);
    if (key->type == CONFIG_RELAY)
        return is_relay(text);
    if (key->type == CONFIG_MAIL)
        return is_mail(text);
    if (key->type == CONFIG_IDENT)
        return text[strspn(text, "0123456789 +")] == '\0';
    return true;
}

static int store_integer(struct config *config, const struct config_key *key, const char *text)
{
    char *end = NULL;
    size_t sign = text[0] == '-';
    if (text[sign] < '0' || text[sign] > '9')
        return -EINVAL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return -EINVAL;
    if (key->type == CONFIG_RATE ? !is_choice(key->choices, text)
                                 : number < key->min || number > key->max)
        return -EINVAL;
    *config_value_integer(config, key) = number;
    return 0;
}

int config_value_store(struct config *config, const struct config_key *key, const char *text)
{
    if (key->type == CONFIG_BOOLEAN) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return -EINVAL;
        *config_value_boolean(config, key) = text[0] == 't';
        return 0;
    }
    if (!config_type_is_text(key->type))
        return store_integer(config, key, text);
    if (!text_fits(key, text))
        return -EINVAL;
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*config_value_text(config, key));
    *config_value_text(config, key) = copy;
    return 0;
}
