#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/cover_page.h"

enum { FIELD_NAME_MAX = 32 };

struct filling {
    char *text;
    size_t length, capacity;
    int error;
};

static void put(struct filling *f, const char *octets, size_t length)
{
    if (f->error != 0)
        return;
    if (f->text == NULL || f->length + length + 1 > f->capacity) {
        size_t capacity = 2 * (f->length + length + 1);
        char *text = realloc(f->text, capacity);
        if (text == NULL) {
            f->error = FAX_ENOMEM;
            return;
        }
        f->text = text;
        f->capacity = capacity;
    }
    memcpy(f->text + f->length, octets, length);
    f->length += length;
    f->text[f->length] = '\0';
}

/* A value is text wherever the template has it, within quotes too. */
static void put_value(struct filling *f, const char *value)
{
    for (; *value != '\0'; value++) {
        const char *entity = *value == '<'    ? "&lt;"
                             : *value == '>'  ? "&gt;"
                             : *value == '&'  ? "&amp;"
                             : *value == '"'  ? "&quot;"
                             : *value == '\'' ? "&apos;"
                                              : NULL;
        if (entity != NULL)
            put(f, entity, strlen(entity));
        else if ((unsigned char)*value >= ' ' && *value != 0x7F)
            put(f, value, 1);
    }
}

static const char *field_value(const struct msg_render_message *request, const char *name)
{
    const struct {
        const char *name, *value;
    } fields[] = {
        {"to_name", request->to_name},     {"to_number", request->to_number},
        {"from_name", request->from_name}, {"from_number", request->from_number},
        {"subject", request->subject},     {"date", request->date},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].value;
    return NULL;
}

int cover_page_fill(const struct msg_render_message *request, const char *template_text,
                    size_t template_length, char **filled, size_t *filled_length,
                    char reason[COVER_REASON_MAX])
{
    struct filling f = {0};
    const char *at = template_text, *end = template_text + template_length;

    while (at < end && f.error == 0) {
        const char *open = memmem(at, (size_t)(end - at), "{{", 2), *close, *value;
        char name[FIELD_NAME_MAX];

        put(&f, at, (size_t)((open != NULL ? open : end) - at));
        if (open == NULL)
            break;
        close = memmem(open, (size_t)(end - open), "}}", 2);
        size_t length = close != NULL ? (size_t)(close - open) - 2 : sizeof name;
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 20), open + 2);
        value = length < sizeof name ? field_value(request, name) : NULL;
        if (value == NULL) {
            snprintf(reason, COVER_REASON_MAX, "the cover template has an unknown field '{{%s'",
                     name);
            f.error = FAX_EFORMAT;
            break;
        }
        put_value(&f, value);
        at = close + 2;
    }
    if (f.error == FAX_ENOMEM)
        snprintf(reason, COVER_REASON_MAX, "no memory for the cover page");
    if (f.error == 0 && f.text == NULL) {
        snprintf(reason, COVER_REASON_MAX, "the cover template is empty");
        f.error = FAX_EFORMAT;
    }
    if (f.error != 0) {
        free(f.text);
        return f.error;
    }
    *filled = f.text;
    *filled_length = f.length;
    return 0;
}
