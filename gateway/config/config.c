#include "gateway/config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "gateway/config/environment.h"
#include "gateway/config/schema.h"

enum { KEY_PATH_MAX = 128, FOUND_MAX = 60, SECTIONS_MAX = 400 };

struct loader {
    yaml_parser_t parser;
    const char *name;
    struct config *config;
    struct config_errors *errors;
    bool out_of_memory;
    bool broken; /* not YAML: nothing more can be read */
    bool seen[CONFIG_KEYS_MAX];
    bool seen_section[CONFIG_KEYS_MAX][CONFIG_DEPTH_MAX];
    yaml_mark_t places[CONFIG_KEYS_MAX];
};

__attribute__((format(printf, 3, 4))) static void
add_error(struct loader *loader, const yaml_mark_t *mark, const char *format, ...)
{
    if (loader->errors->count >= CONFIG_ERRORS_MAX)
        return;
    struct config_error *error = &loader->errors->items[loader->errors->count++];
    int used;
    error->line = mark ? mark->line + 1 : 0;
    error->column = mark ? mark->column + 1 : 0;
    if (mark)
        used = snprintf(error->text, sizeof error->text, "%.200s:%zu:%zu: ", loader->name,
                        error->line, error->column);
    else
        used = snprintf(error->text, sizeof error->text, "%.200s: ", loader->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof error->text - (size_t)used, format, arguments);
    va_end(arguments);
}

/* False at the end of what can be read; the event is then empty. */
static bool next_event(struct loader *loader, yaml_event_t *event)
{
    memset(event, 0, sizeof *event);
    if (loader->broken)
        return false;
    if (yaml_parser_parse(&loader->parser, event))
        return true;
    loader->broken = true;
    const yaml_parser_t *parser = &loader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        loader->out_of_memory = true;
    else if (parser->error == YAML_READER_ERROR)
        add_error(loader, NULL,
                  "expected UTF-8 text, found an octet that is not at offset %zu (%s)",
                  parser->problem_offset, parser->problem);
    else
        add_error(loader, &parser->problem_mark, "expected YAML, found: %s%s%s",
                  parser->problem ? parser->problem : "an error", parser->context ? " " : "",
                  parser->context ? parser->context : "");
    return false;
}

static const char *found_what(const yaml_event_t *event, const struct config_key *key, char *out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = 0;
    if (event->type == YAML_MAPPING_START_EVENT)
        return "a mapping";
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return "a sequence";
    if (event->type != YAML_SCALAR_EVENT)
        return "something else";
    if (event->data.scalar.length == 0)
        return "nothing";
    if (key && key->type == CONFIG_DSN) /* a password may be in it */
        return "another text";
    out[length++] = '\'';
    for (; *text && length < FOUND_MAX - 5; text++)
        out[length++] = (unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text;
    snprintf(out + length, FOUND_MAX - length, "%s'", *text ? "..." : "");
    return out;
}

/* Reads on until the node that began with event has ended. */
static void skip_node(struct loader *loader, const yaml_event_t *begin)
{
    size_t depth =
        begin->type == YAML_MAPPING_START_EVENT || begin->type == YAML_SEQUENCE_START_EVENT;
    yaml_event_t event;
    while (depth > 0 && next_event(loader, &event)) {
        if (event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT)
            depth++;
        if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT)
            depth--;
        yaml_event_delete(&event);
    }
}

/* Anchors, aliases and tags have no meaning here and make a file mean something else than it
 * shows. */
static bool is_plain_node(struct loader *loader, const yaml_event_t *event, const char *path)
{
    bool anchor = false, tag = false;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor != NULL;
        tag = event->data.scalar.tag != NULL;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor != NULL;
        tag = event->data.mapping_start.tag != NULL;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor != NULL;
        tag = event->data.sequence_start.tag != NULL;
    }
    const char *what = event->type == YAML_ALIAS_EVENT ? "an alias"
                       : anchor                        ? "an anchor"
                       : tag                           ? "a tag"
                                                       : NULL;
    if (what)
        add_error(loader, &event->start_mark, "key '%s': expected a plain value, found %s", path,
                  what);
    return !what;
}

static bool is_nothing(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return event->type == YAML_SCALAR_EVENT &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static void load_value(struct loader *loader, size_t index, const yaml_event_t *event)
{
    const struct config_key *key = &config_keys[index];
    char expected[CONFIG_EXPECTED_MAX], found[FOUND_MAX];
    int status = -EINVAL;
    if (event->type == YAML_SCALAR_EVENT && !is_nothing(event) &&
        strlen((const char *)event->data.scalar.value) == event->data.scalar.length &&
        (config_type_is_text(key->type) || event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE))
        status = config_value_store(loader->config, key, (const char *)event->data.scalar.value);
    if (status == -ENOMEM)
        loader->out_of_memory = true;
    if (status == -EINVAL) {
        config_value_expected(key, expected, sizeof expected);
        add_error(loader, &event->start_mark, "key '%s': expected %s, found %s%s", key->path,
                  expected, found_what(event, key, found),
                  event->type == YAML_SCALAR_EVENT && !config_type_is_text(key->type) &&
                          event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE
                      ? " (quoted text)"
                      : "");
    }
}

/* The index of the key; or of the first key of the section with *is_section; or -1. */
static int find_key(const char *path, bool *is_section)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < config_key_count; i++) {
        if (strncmp(config_keys[i].path, path, length) != 0)
            continue;
        *is_section = config_keys[i].path[length] == '.';
        if (*is_section || config_keys[i].path[length] == '\0')
            return (int)i;
    }
    return -1;
}

static void add_unknown(struct loader *loader, const yaml_mark_t *mark, const char *path,
                        const char *prefix)
{
    char names[220] = "";
    size_t length = strlen(prefix), used = 0, last = 0;
    for (size_t i = 0; i < config_key_count; i++) {
        const char *rest = config_keys[i].path + length;
        size_t part = 0;
        if (strncmp(config_keys[i].path, prefix, length) != 0)
            continue;
        part = strcspn(rest, ".");
        if (used > 0 && last == part && strncmp(names + used - part, rest, part) == 0)
            continue; /* another key of the same section */
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s", used ? ", " : "",
                                 (int)part, rest);
        last = part;
        if (used >= sizeof names)
            break;
    }
    add_error(loader, mark, "key '%s': unknown key; expected one of %s%s", path, names,
              used >= sizeof names ? "..." : "");
}

static void load_mapping(struct loader *loader, const char *prefix, size_t depth);

static void load_section(struct loader *loader, const char *path, size_t index,
                         const yaml_event_t *event, size_t depth)
{
    char found[FOUND_MAX], prefix[KEY_PATH_MAX + 1];
    if (is_nothing(event))
        return;
    if (event->type != YAML_MAPPING_START_EVENT || depth + 1 >= CONFIG_DEPTH_MAX) {
        add_error(loader, &event->start_mark, "key '%s': expected a mapping of keys, found %s",
                  path, found_what(event, &config_keys[index], found));
        skip_node(loader, event);
        return;
    }
    snprintf(prefix, sizeof prefix, "%s.", path);
    load_mapping(loader, prefix, depth + 1);
}

static void load_entry(struct loader *loader, const char *prefix, const yaml_event_t *key,
                       const yaml_event_t *value, size_t depth)
{
    char path[KEY_PATH_MAX];
    bool is_section = false;
    const char *name = (const char *)key->data.scalar.value;
    snprintf(path, sizeof path, "%s%.60s", prefix, name);
    for (char *at = path; *at; at++)
        *at = (char)((unsigned char)*at < 0x20 || *at == 0x7F ? '?' : *at);
    /* A dot in a key's own name would look like a section. */
    int index = strchr(name, '.') || strlen(name) > 60 || name[0] == '\0'
                    ? -1
                    : find_key(path, &is_section);
    if (index < 0) {
        add_unknown(loader, &key->start_mark, path, prefix);
        skip_node(loader, value);
        return;
    }
    bool *seen = is_section ? &loader->seen_section[index][depth] : &loader->seen[index];
    if (*seen) {
        add_error(loader, &key->start_mark, "key '%s': expected once, found again", path);
        skip_node(loader, value);
        return;
    }
    *seen = true;
    if (!is_plain_node(loader, value, path)) {
        skip_node(loader, value);
    } else if (is_section) {
        load_section(loader, path, (size_t)index, value, depth);
    } else {
        loader->places[index] = value->start_mark;
        load_value(loader, (size_t)index, value);
        skip_node(loader, value);
    }
}

/* The mapping has begun; reads to its end. */
static void load_mapping(struct loader *loader, const char *prefix, size_t depth)
{
    yaml_event_t key, value;
    while (next_event(loader, &key)) {
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return;
        }
        bool good = key.type == YAML_SCALAR_EVENT;
        if (!good)
            add_error(loader, &key.start_mark, "expected the name of a key, found another node");
        else
            good = is_plain_node(loader, &key, (const char *)key.data.scalar.value);
        if (key.type != YAML_SCALAR_EVENT)
            skip_node(loader, &key);
        if (next_event(loader, &value)) {
            if (good)
                load_entry(loader, prefix, &key, &value, depth);
            else
                skip_node(loader, &value);
        }
        yaml_event_delete(&key);
        yaml_event_delete(&value);
    }
}

static void load_stream(struct loader *loader)
{
    yaml_event_t event;
    char found[FOUND_MAX];
    int documents = 0;
    while (next_event(loader, &event)) {
        bool end = event.type == YAML_STREAM_END_EVENT;
        bool content = event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SCALAR_EVENT ||
                       event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_ALIAS_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents == 2) {
            add_error(loader, &event.start_mark, "expected one document, found another");
            end = true;
        } else if (content && !is_plain_node(loader, &event, "")) {
            skip_node(loader, &event);
        } else if (event.type == YAML_MAPPING_START_EVENT) {
            load_mapping(loader, "", 0);
        } else if (content && !is_nothing(&event)) {
            add_error(loader, &event.start_mark, "expected a mapping of keys, found %s",
                      found_what(&event, NULL, found));
            skip_node(loader, &event);
        }
        yaml_event_delete(&event);
        if (end)
            return;
    }
}

static const yaml_mark_t *place_of(const struct loader *loader, const char *path)
{
    bool is_section;
    int index = find_key(path, &is_section);
    return index >= 0 && loader->seen[index] ? &loader->places[index] : NULL;
}

/* What no single key can tell. */
static void check_together(struct loader *loader)
{
    const struct config *config = loader->config;
    const char *path = "media.port_last";
    if (config->media.port_last <= config->media.port_first)
        add_error(loader, place_of(loader, path),
                  "key '%s': expected more than media.port_first (%lld), found %lld", path,
                  (long long)config->media.port_first, (long long)config->media.port_last);
    const struct {
        const char *path, *needs, *file, *dsn;
    } pairs[] = {
        {"database.password_file", "database.dsn", config->database.password_file,
         config->database.dsn},
        {"database.owner_password_file", "database.owner_dsn", config->database.owner_password_file,
         config->database.owner_dsn},
        {"database.reader_password_file", "database.reader_dsn",
         config->database.reader_password_file, config->database.reader_dsn},
        {"sip.listen_tls", "sip.tls_certificate", config->sip.listen_tls,
         config->sip.tls_certificate},
        {"sip.tls_certificate", "sip.tls_key_file", config->sip.tls_certificate,
         config->sip.tls_key_file},
        {"sip.tls_key_file", "sip.tls_certificate", config->sip.tls_key_file,
         config->sip.tls_certificate},
        {"mail.out_user", "mail.out_password_file", config->mail.out_user,
         config->mail.out_password_file},
        {"mail.sign_certificate", "mail.sign_key_file", config->mail.sign_certificate,
         config->mail.sign_key_file},
        {"mail.sign_key_file", "mail.sign_certificate", config->mail.sign_key_file,
         config->mail.sign_certificate},
        {"database.owner_dsn", "database.dsn", config->database.owner_dsn, config->database.dsn},
        {"database.reader_dsn", "database.dsn", config->database.reader_dsn, config->database.dsn},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].file[0] && !pairs[i].dsn[0])
            add_error(loader, place_of(loader, pairs[i].path),
                      "key '%s': expected together with '%s', found alone", pairs[i].path,
                      pairs[i].needs);
}

static struct config *make_defaults(void)
{
    struct config *config = calloc(1, sizeof *config);
    for (size_t i = 0; config && i < config_key_count; i++) {
        if (config_value_store(config, &config_keys[i], config_keys[i].value) < 0) {
            config_free(config);
            config = NULL;
        }
    }
    return config;
}

int config_load_text_with(const char *text, size_t length, const char *name,
                          char *const environment[], struct config **out, size_t *taken,
                          struct config_errors *errors)
{
    struct loader loader = {.name = name, .errors = errors};
    errors->count = 0;
    if (length > CONFIG_TEXT_MAX) {
        add_error(&loader, NULL, "expected at most %d octets, found %zu", CONFIG_TEXT_MAX, length);
        return -EINVAL;
    }
    loader.config = make_defaults();
    if (!loader.config)
        return -ENOMEM;
    if (!yaml_parser_initialize(&loader.parser)) {
        config_free(loader.config);
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&loader.parser, (const unsigned char *)text, length);
    load_stream(&loader);
    yaml_parser_delete(&loader.parser);
    if (environment &&
        config_apply_environment(loader.config, environment, taken, errors) == -ENOMEM)
        loader.out_of_memory = true;
    if (errors->count == 0 && !loader.out_of_memory)
        check_together(&loader);
    if (errors->count > 0 || loader.out_of_memory) {
        config_free(loader.config);
        return loader.out_of_memory ? -ENOMEM : -EINVAL;
    }
    *out = loader.config;
    return 0;
}

int config_load_text(const char *text, size_t length, const char *name, struct config **out,
                     struct config_errors *errors)
{
    return config_load_text_with(text, length, name, NULL, out, NULL, errors);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config_key_count; i++)
        if (config_type_is_text(config_keys[i].type))
            free(*config_value_text(config, &config_keys[i]));
    free(config);
}
