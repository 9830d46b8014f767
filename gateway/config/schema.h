/* schema.h: the one table that says what a configuration may contain (private to gateway/config).
 */
#ifndef GATEWAY_CONFIG_SCHEMA_H
#define GATEWAY_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"

enum config_type {
    CONFIG_TEXT,      /* char *, at most max octets, no control characters */
    CONFIG_NAME,      /* char *, letters, digits, '.', '_', '-'; not starting with '-' or '.' */
    CONFIG_PATH,      /* char *, absolute, without ".." parts */
    CONFIG_ADDRESS,   /* char *, IPv4 or IPv6 address */
    CONFIG_ENDPOINT,  /* char *, address:port */
    CONFIG_DSN,       /* char *, libpq connection string without password */
    CONFIG_TIME_ZONE, /* char *, name of an IANA time zone */
    CONFIG_IDENT, /* char *, T.30 identification: at most 20 of digits, space, '+' (T.30 §5.3.6.2)
                   */
    CONFIG_INTEGER, /* int64_t */
    CONFIG_CHOICE,  /* char *, one of choices */
    CONFIG_RATE,    /* int64_t, one of choices */
    CONFIG_BOOLEAN, /* bool */
    CONFIG_RELAY,   /* char *, smtp://HOST[:PORT] or smtps://HOST[:PORT] */
    CONFIG_MAIL,    /* char *, mail address: ASCII, nothing that needs quotes */
};

struct config_key {
    const char *path; /* "section.key"; keys of a section stand together */
    enum config_type type;
    size_t offset;       /* in struct config */
    const char *value;   /* the default, as it would be written; "" is allowed to be not set */
    int64_t min, max;    /* of integers; max: octets of texts */
    const char *choices; /* "a|b|c" */
    const char *help;    /* one sentence, lower case start, no full stop */
};

enum { CONFIG_KEYS_MAX = 200, CONFIG_EXPECTED_MAX = 200 };

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* Writes what is expected of a key ("a whole number from 1 to 9") to out. */
void config_value_expected(const struct config_key *key, char *out, size_t out_size);

/* Checks text against the key and stores it in config, replacing what is there. Returns 0; -EINVAL
 * when it is not what is expected; -ENOMEM. */
int config_value_store(struct config *config, const struct config_key *key, const char *text)
    __attribute__((warn_unused_result));

/* The places of a value in a config of the given types. */
char **config_value_text(struct config *config, const struct config_key *key);
int64_t *config_value_integer(struct config *config, const struct config_key *key);
bool *config_value_boolean(struct config *config, const struct config_key *key);

/* Is the type stored as char *? */
bool config_type_is_text(enum config_type type);

#endif
