/* config.h: the configuration of a gateway: one YAML file, read against one schema table.
 *
 * Everything has a default, so an empty file is a whole configuration. The struct is const after
 * loading. Secrets are never in the file, only names of files (keys that end in _file). */
#ifndef GATEWAY_CONFIG_CONFIG_H
#define GATEWAY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    CONFIG_TEXT_MAX = 256 * 1024, /* octets of a file */
    CONFIG_DEPTH_MAX = 8,
    CONFIG_ERRORS_MAX = 32,
    CONFIG_ERROR_TEXT_MAX = 400,
};

/* Texts are never NULL; not set is "". See `sealfax config help` (schema.c) for each one's meaning,
 * unit and limits. */
struct config {
    char *node;
    char *state_dir; /* "": the default of state_paths.h */
    struct {
        char *dsn; /* "": private cluster */
        char *password_file;
        char *owner_dsn;
        char *owner_password_file;
        char *reader_dsn;
        char *reader_password_file;
        char *programs_dir; /* of initdb and postgres, for the private cluster */
    } database;
    struct {
        char *listen;     /* address:port, [v6]:port; see config_parse_endpoint() */
        char *listen_tcp; /* "": no TCP */
        char *listen_tls; /* "": no TLS from outside */
        char *public_address;
        char *user_agent;
        int64_t t1_ms;
        int64_t session_expires_s, min_session_expires_s;
        char *tls_certificate;
        char *tls_key_file;
        char *tls_ca;        /* "": the system's */
        char *tls_device_ca; /* who signs certificates of devices; "": they show none */
        char *tls_directory; /* of files that trunks name */
        int64_t max_connections;
        int64_t max_connections_of_peer;
        int64_t message_timeout_ms;
        int64_t idle_timeout_ms;
        char *dns_server; /* ADDRESS[:PORT], separated by commas; "": those of the system */
        int64_t failover_ms;
        int64_t breaker_failures, breaker_hold_ms, breaker_hold_most_ms;
        int64_t source_requests_per_s;
        int64_t trunk_requests_per_s;
    } sip;
    struct {
        char *realm;
        int64_t expires_min_s, expires_max_s;
        int64_t bindings_of_device;
        int64_t wait_ms;
    } devices;
    struct {
        char *denied_numbers; /* patterns, separated by commas */
    } routing;
    struct config_media {
        char *address;
        char *public_address;
        int64_t port_first, port_last;
        char *error_correction; /* redundancy, fec or none */
        int64_t redundancy;
        int64_t fec_packets, fec_fields;
        int64_t max_datagram;
        int64_t t38_version;
        char *secured_classes; /* names, separated by commas */
    } media;
    struct {
        int64_t count; /* 0: one for each core */
        int64_t max_calls;
    } lines;
    struct {
        char *ident;
        char *header;
        char *time_zone;
        int64_t max_pages;
        int64_t max_rate;
        bool ecm, t85, wide, t38;
        bool audio_fallback;
        int64_t max_before_ms, max_training_ms, max_page_ms, max_after_page_ms;
        int64_t max_cpu_ms_per_s;
        int64_t reinvite_after_ms;
        int64_t reinvite_as_sender_after_ms;
        int64_t max_call_ms;
        int64_t no_media_timeout_ms;
        int64_t t38_refused_memory_s;
        int64_t page_hold_ms;
        int64_t page_hold_without_ecm_ms;
    } fax;
    struct {
        int64_t number_digits;
    } trace;
    struct {
        int64_t max_attempts;
        int64_t first_delay_ms;
        int64_t busy_delay_ms;
        int64_t max_delay_ms;
        bool resume;
    } retry;
    struct {
        int64_t max_pages;
        int64_t wall_limit_ms;
        int64_t cpu_limit_s;
        int64_t memory_mib;
        int64_t max_document_mib;
        int64_t max_children;
        char *office_tmpfs; /* "": no Office documents */
    } render;
    struct {
        char *socket;
        char *socket_group;
        int64_t max_body_mib;
    } api;
    struct {
        char *listen;     /* "": no SMTP */
        char *listen_tls; /* "": no SMTP that begins with TLS */
        char *lmtp_socket;
        char *host;    /* "": the name of the machine */
        char *domains; /* names, separated by commas */
        char *relays;  /* ADDRESS or ADDRESS/PREFIX, separated by commas */
        char *tls_certificate, *tls_key_file;
        char *tls_ca;      /* of clients; "": they are not asked for certificates */
        char *tls_clients; /* NAME=PRINCIPAL, separated by commas */
        int64_t max_message_mib, max_memory_mib;
        int64_t max_line;
        int64_t max_recipients;
        int64_t max_errors;
        int64_t max_connections, max_connections_of_peer;
        int64_t messages_per_s, recipients_per_s;
        int64_t greeting_delay_ms;
        int64_t command_timeout_ms, data_timeout_ms, message_timeout_ms;
        char *trusted_host; /* whose Authentication-Results count; "": nobody's */
        char *scanner;      /* clamd:… or icap://…; "": none */
        int64_t scan_timeout_ms;
        bool scan_required; /* no message goes on unscanned */
        bool automatic;     /* messages of programs are taken */
        char *reports;      /* none, failures or all */
        int64_t reports_per_hour;
        int64_t repeat_window_s; /* 0: off */
        char *text;              /* page, cover or ignored */
        bool cover;
        char *refused_types;
        int64_t parts_max, depth_max;
        int64_t messages_at_once, faxes_of_message;

        char *out_relay; /* smtp://HOST[:PORT] or smtps://HOST[:PORT]; "": no mail goes out */
        char *out_host, *out_from;
        char *out_tls; /* none, may or required */
        char *out_tls_ca, *out_tls_name;
        char *out_user, *out_password_file;
        int64_t out_connections;
        int64_t out_timeout_ms;
        int64_t out_retry_first_ms, out_retry_most_ms;
        int64_t out_lifetime_s;
        int64_t out_queue_max;
        int64_t out_max_mib;
        char *attachment_classes; /* names, separated by commas */
        char *smime_cipher;
        char *sign_certificate, *sign_key_file;
    } mail;
    struct {
        int64_t timer_ms;
        int64_t default_days;
    } retention;
    struct {
        char *master_key_file;
    } keys;
    struct {
        char *control, *keeper, *line, *database;
    } accounts;
    struct {
        char *landlock; /* "required" or "optional" */
    } sandbox;
    struct {
        char *level;
    } log;
    struct {
        int64_t drain_timeout_ms;
    } stop;
    struct {
        int64_t segment_bytes;
    } journal;
    struct {
        int64_t checkpoint_interval_ms;
    } audit;
};

struct config_error {
    size_t line, column;              /* from 1; 0 where the error has no place */
    char text[CONFIG_ERROR_TEXT_MAX]; /* "name:line:column: key 'x.y': expected ..., found ..." */
};

struct config_errors {
    struct config_error items[CONFIG_ERRORS_MAX];
    size_t count; /* as stored; more are not kept */
};

/* Reads YAML text. name stands in the messages (a file name). Returns 0 and *out, to be freed by
 * config_free(); -EINVAL with every error found (at least one) in errors; -ENOMEM. Anchors,
 * aliases, tags, several documents, unknown and duplicate keys are errors. Touches no file but
 * /usr/share/zoneinfo. */
int config_load_text(const char *text, size_t length, const char *name, struct config **out,
                     struct config_errors *errors) __attribute__((warn_unused_result));

/* The same, then settings of an environment (a list of NAME=VALUE up to NULL) over those of the
 * text: SEALFAX_SIP_LISTEN is sip.listen. A variable that begins like a section and names no key of
 * it is an error. *taken: how many were used; may be NULL when environment is. */
int config_load_text_with(const char *text, size_t length, const char *name,
                          char *const environment[], struct config **out, size_t *taken,
                          struct config_errors *errors) __attribute__((warn_unused_result));

/* Reads a descriptor to its end, at most CONFIG_TEXT_MAX octets, into a new NUL-terminated text
 * (free()). It stays the caller's. Returns 0 or a negative errno; -EFBIG when there is more. */
int config_read_descriptor(int fd, char **text, size_t *length) __attribute__((warn_unused_result));

/* Reads a file of at most CONFIG_TEXT_MAX octets into a new NUL-terminated text (free()). Returns 0
 * or a negative errno; -EFBIG when larger. */
int config_read_file(const char *path, char **text, size_t *length)
    __attribute__((warn_unused_result));

/* Reads path (NULL: /etc/sealfax/sealfax.yaml when it exists, else defaults) and loads it, with
 * what the environment of the process says over it; text is then the whole of it. On failure every
 * error is written to standard error. text and length may be NULL; text is free()d by the caller.
 * Returns 0 or a negative errno. */
int config_load_path(const char *path, struct config **out, char **text, size_t *length)
    __attribute__((warn_unused_result));

/* Writes the whole configuration, defaults included, as YAML that loads to the same configuration.
 * No value of it is a secret: those stand in files that it only names (see schema.c), and a
 * password inside a connection string is refused when loading. */
void config_print(const struct config *config, FILE *out);

/* Writes the schema as commented YAML: every key with its meaning, type, limits and default. */
void config_help(FILE *out);

/* argv[0] is "config". `sealfax config check FILE | show [FILE] | help`. Returns 0, 1 when the file
 * has errors (all on standard error), 2 on usage. */
int config_main(int argc, char **argv);

/* Reads "192.0.2.1:5060" or "[::1]:5060" (address literals only). Returns 0 or -EINVAL. */
int config_parse_endpoint(const char *text, struct sockaddr_storage *out)
    __attribute__((warn_unused_result));

/* Frees a configuration; NULL is allowed. */
void config_free(struct config *config);

#endif
