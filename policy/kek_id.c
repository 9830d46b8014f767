#include "policy/kek_id.h"

#include <stdio.h>
#include <string.h>

#include "policy/calendar.h"
#include "policy/policy_error.h"
#include "policy/retention.h"

static const char undated[KEK_MONTH_TEXT] = "undated";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool kek_class_valid(const char *text)
{
    size_t length = text ? strnlen(text, KEK_CLASS_TEXT) : 0;
    if (length == 0 || length >= KEK_CLASS_TEXT || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 1; i < length; i++)
        if (!(text[i] >= 'a' && text[i] <= 'z') && !is_digit(text[i]) && text[i] != '-')
            return false;
    return true;
}

static bool month_valid(const char *text)
{
    if (strnlen(text, KEK_MONTH_TEXT) != KEK_MONTH_TEXT - 1)
        return false;
    if (strcmp(text, undated) == 0)
        return true;
    for (int i = 0; i < KEK_MONTH_TEXT - 1; i++)
        if (i == 4 ? text[i] != '-' : !is_digit(text[i]))
            return false;
    int month = (text[5] - '0') * 10 + (text[6] - '0');
    return month >= 1 && month <= 12;
}

int kek_id_make(const struct kek_id *id, char text[KEK_ID_TEXT])
{
    if (!kek_class_valid(id->class_name) || !month_valid(id->month) || id->version == 0)
        return FAX_EP_INVAL;
    int written =
        snprintf(text, KEK_ID_TEXT, "%s/%s/%u", id->class_name, id->month, (unsigned)id->version);
    return written > 0 && written < KEK_ID_TEXT ? 0 : FAX_EP_INVAL;
}

static int parse_version(const char *text, uint32_t *version)
{
    uint64_t value = 0;
    if (*text < '1' || *text > '9')
        return FAX_EP_FORMAT;
    for (; is_digit(*text); text++) {
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX)
            return FAX_EP_FORMAT;
    }
    *version = (uint32_t)value;
    return *text ? FAX_EP_FORMAT : 0;
}

int kek_id_parse(const char *text, struct kek_id *id)
{
    *id = (struct kek_id){0};
    if (!text || strnlen(text, KEK_ID_TEXT) >= KEK_ID_TEXT)
        return FAX_EP_FORMAT;
    const char *slash = strchr(text, '/');
    if (!slash || slash - text >= KEK_CLASS_TEXT)
        return FAX_EP_FORMAT;
    memcpy(id->class_name, text, (size_t)(slash - text));
    const char *month = slash + 1;
    if (strlen(month) < KEK_MONTH_TEXT || month[KEK_MONTH_TEXT - 1] != '/')
        return FAX_EP_FORMAT;
    memcpy(id->month, month, KEK_MONTH_TEXT - 1);
    if (!kek_class_valid(id->class_name) || !month_valid(id->month))
        return FAX_EP_FORMAT;
    return parse_version(month + KEK_MONTH_TEXT, &id->version);
}

int kek_month_for(int64_t disposal_time_us, char month[KEK_MONTH_TEXT])
{
    struct calendar_date date;
    if (disposal_time_us == RETENTION_NEVER) {
        memcpy(month, undated, sizeof undated);
        return 0;
    }
    int rc = calendar_date_of(disposal_time_us, &date);
    if (rc)
        return rc;
    int written = snprintf(month, KEK_MONTH_TEXT, "%04d-%02d", date.year, date.month);
    return written == KEK_MONTH_TEXT - 1 ? 0 : FAX_EP_INVAL;
}
