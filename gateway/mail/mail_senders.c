#include "gateway/mail/mail_senders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/mail_queries.h"

int mail_senders_read(struct mail_senders *s, const struct db_result *result, int rows)
{
    s->all = calloc((size_t)rows + 1, sizeof *s->all);
    if (!s->all)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct mail_sender_row row;
        mail_sender_row_read(result, i, &row);
        struct mail_sender *sender = &s->all[s->count++];
        snprintf(sender->address, sizeof sender->address, "%s", row.address);
        snprintf(sender->principal, sizeof sender->principal, "%s", row.principal);
        snprintf(sender->number, sizeof sender->number, "%s", row.number);
    }
    return 0;
}

void mail_senders_free(struct mail_senders *s)
{
    free(s->all);
    *s = (struct mail_senders){0};
}

int mail_sender_address(const char *text, char address[MAIL_ADDRESS_TEXT])
{
    size_t length = strlen(text);
    const char *at = strrchr(text, '@');
    if (length >= MAIL_ADDRESS_TEXT || !at || at == text || !at[1])
        return -EINVAL;
    for (size_t i = 0; i <= length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (i < length && (c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == ','))
            return -EINVAL;
        address[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return 0;
}

static int compare(const void *address, const void *sender)
{
    return strcmp(address, ((const struct mail_sender *)sender)->address);
}

const struct mail_sender *mail_senders_find(const struct mail_senders *s, const char *address)
{
    char key[MAIL_ADDRESS_TEXT];
    if (s->count == 0 || mail_sender_address(address, key) < 0)
        return NULL;
    return bsearch(key, s->all, s->count, sizeof *s->all, compare);
}
