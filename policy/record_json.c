#include <stdio.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/record.h"
#include "policy/record_private.h"
#include "policy/wire.h"

static const char hex_digits[] = "0123456789abcdef";

/* The short escapes of RFC 8785 §3.2.2.2, and what they stand for. */
static const char short_letters[] = "btnfr\"\\";
static const char short_values[] = "\b\t\n\f\r\"\\";

static void write_character(struct wire_writer *writer, char c)
{
    const char *place = c ? strchr(short_values, c) : NULL;
    if (place) {
        wire_put_u8(writer, '\\');
        wire_put_u8(writer, (uint8_t)short_letters[place - short_values]);
    } else if ((uint8_t)c < 0x20) {
        wire_put_octets(writer, "\\u00", 4);
        wire_put_u8(writer, (uint8_t)hex_digits[(uint8_t)c >> 4]);
        wire_put_u8(writer, (uint8_t)hex_digits[c & 15]);
    } else {
        wire_put_u8(writer, (uint8_t)c);
    }
}

static void write_field(struct wire_writer *writer, const struct record *record,
                        const struct record_field *field)
{
    char number[24];
    wire_put_u8(writer, '"');
    wire_put_octets(writer, field->key, strlen(field->key));
    wire_put_octets(writer, "\":", 2);
    if (field->type == RECORD_INT) {
        int length = snprintf(number, sizeof number, "%lld", (long long)field->number);
        wire_put_octets(writer, number, length > 0 ? (size_t)length : 0);
        return;
    }
    wire_put_u8(writer, '"');
    for (uint32_t i = 0; i < field->length; i++)
        write_character(writer, record->text[field->offset + i]);
    wire_put_u8(writer, '"');
}

int record_finish(const struct record *record, uint8_t *out, size_t capacity, size_t *length)
{
    struct wire_writer writer;
    if (record->error)
        return record->error;
    wire_writer_init(&writer, out, capacity < RECORD_MAX ? capacity : RECORD_MAX);
    wire_put_u8(&writer, '{');
    for (size_t i = 0; i < record->field_count; i++) {
        if (i > 0)
            wire_put_u8(&writer, ',');
        write_field(&writer, record, &record->fields[i]);
    }
    wire_put_u8(&writer, '}');
    *length = writer.length;
    return writer.error;
}

/* A cursor over the input; reading stops at the first thing that is not canonical. */
struct input {
    const char *at;
    const char *end;
};

static bool accept(struct input *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static int read_key(struct input *in, char key[RECORD_KEY_TEXT])
{
    if (!accept(in, '"'))
        return FAX_EP_FORMAT;
    const char *quote = memchr(in->at, '"', (size_t)(in->end - in->at));
    if (!quote)
        return FAX_EP_FORMAT;
    size_t length = (size_t)(quote - in->at);
    if (!record_key_valid(in->at, length))
        return FAX_EP_FORMAT;
    memcpy(key, in->at, length);
    key[length] = '\0';
    in->at = quote + 1;
    return accept(in, ':') ? 0 : FAX_EP_FORMAT;
}

static int read_int(struct input *in, int64_t *value)
{
    bool negative = accept(in, '-');
    const char *start = in->at;
    *value = 0;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        *value = *value * 10 + (*in->at++ - '0');
        if (*value > RECORD_INT_MAX)
            return FAX_EP_FORMAT;
    }
    if (in->at == start)
        return FAX_EP_FORMAT;
    if (negative)
        *value = -*value;
    return 0;
}

static int hex_value(char c)
{
    const char *place = c ? strchr(hex_digits, c) : NULL;
    return place ? (int)(place - hex_digits) : -1;
}

/* Reads what follows a backslash. Only control characters are written as \u. */
static int read_escape(struct input *in, char *c)
{
    if (in->at == in->end)
        return FAX_EP_FORMAT;
    char letter = *in->at++;
    const char *place = letter ? strchr(short_letters, letter) : NULL;
    if (place) {
        *c = short_values[place - short_letters];
        return 0;
    }
    if (letter != 'u' || in->end - in->at < 4 || memcmp(in->at, "00", 2) != 0)
        return FAX_EP_FORMAT;
    int high = hex_value(in->at[2]), low = hex_value(in->at[3]);
    if (high < 0 || high > 1 || low < 0)
        return FAX_EP_FORMAT;
    *c = (char)(high << 4 | low);
    in->at += 4;
    return 0;
}

static int read_string(struct input *in, char *text, size_t capacity, size_t *length)
{
    *length = 0;
    while (in->at < in->end && *in->at != '"') {
        char c = *in->at++;
        if (c == '\\' && read_escape(in, &c))
            return FAX_EP_FORMAT;
        if (*length == capacity)
            return FAX_EP_LIMIT;
        text[(*length)++] = c;
    }
    return accept(in, '"') ? 0 : FAX_EP_FORMAT;
}

static int read_field(struct input *in, struct record *record)
{
    char key[RECORD_KEY_TEXT], text[RECORD_MAX];
    int64_t number;
    size_t length;
    int rc = read_key(in, key);
    if (rc)
        return rc;
    if (record->field_count > 0 && strcmp(record->fields[record->field_count - 1].key, key) >= 0)
        return FAX_EP_FORMAT;
    if (accept(in, '"')) {
        rc = read_string(in, text, sizeof text, &length);
        if (rc == 0)
            rc = record_insert_string(record, key, text, length);
    } else {
        rc = read_int(in, &number);
        if (rc == 0)
            rc = record_insert_int(record, key, number);
    }
    return rc == FAX_EP_INVAL ? FAX_EP_FORMAT : rc;
}

/* That the bytes are the canonical form is not argued but checked: they are written again. */
static int check_canonical(const struct record *record, const uint8_t *bytes, size_t length)
{
    uint8_t again[RECORD_MAX];
    size_t again_length;
    int rc = record_finish(record, again, sizeof again, &again_length);
    if (rc)
        return rc;
    return again_length == length && memcmp(again, bytes, length) == 0 ? 0 : FAX_EP_FORMAT;
}

int record_parse(const uint8_t *bytes, size_t length, struct record *record)
{
    struct input in = {(const char *)bytes, (const char *)bytes + length};
    record_clear(record);
    if (length > RECORD_MAX)
        return FAX_EP_LIMIT;
    if (!bytes || length == 0)
        return FAX_EP_FORMAT;
    if (!accept(&in, '{'))
        return FAX_EP_FORMAT;
    do {
        int rc = read_field(&in, record);
        if (rc)
            return rc;
    } while (accept(&in, ','));
    if (!accept(&in, '}') || in.at != in.end)
        return FAX_EP_FORMAT;
    int rc = check_canonical(record, bytes, length);
    return rc ? rc : record_check_head(record);
}
