#include "gateway/mail/mail_identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/mail/mail_senders.h"

static bool may(const struct policy_cache *policy, const char *principal, const char *from,
                const char *to)
{
    struct policy_answer answer;
    policy_cache_decide(policy, principal, POLICY_SUBMIT, from, to, NULL, &answer);
    return answer.allowed;
}

/* Numbers of ours that the principal may send as; counts to two. */
static int count_numbers(const struct policy_cache *policy, const char *principal, const char *to,
                         const char **first)
{
    const struct policy_number *number;
    int count = 0;
    for (size_t i = 0;
         count < 2 && (number = policy_number_at(policy_cache_set(policy), i)) != NULL; i++) {
        if (!may(policy, principal, number->number, to))
            continue;
        if (count++ == 0)
            *first = number->number;
    }
    return count;
}

bool mail_identity_may_send(const struct policy_cache *policy, const char *principal,
                            const char *from, const char *to)
{
    const char *first;
    if (from[0])
        return may(policy, principal, from, to);
    return count_numbers(policy, principal, to, &first) > 0;
}

bool mail_identity_single_number(const struct policy_cache *policy, const char *principal,
                                 const char *to, char number[NUMBER_TEXT])
{
    const char *first = "";
    if (count_numbers(policy, principal, to, &first) != 1)
        return false;
    memcpy(number, first, strlen(first) + 1);
    return true;
}

static const struct mail_sender *find(const struct policy_cache *policy, const char *address)
{
    const struct mail_senders *senders = policy_cache_mail_senders(policy);
    return senders && address[0] ? mail_senders_find(senders, address) : NULL;
}

const struct mail_sender *mail_identity_of_login(const struct policy_cache *policy,
                                                 const char *login, const char *author,
                                                 const char *reverse_path)
{
    const char *const addresses[] = {author, reverse_path};
    for (int i = 0; i < 2; i++) {
        const struct mail_sender *sender = find(policy, addresses[i]);
        if (sender && strcmp(sender->principal, login) == 0)
            return sender;
    }
    return NULL;
}

const struct mail_sender *mail_identity_of_author(const struct policy_cache *policy,
                                                  const char *author)
{
    return find(policy, author);
}

bool mail_identity_is_aligned(const char *domain, const char *author)
{
    const char *at = strrchr(author, '@');
    size_t length = strlen(domain);
    if (!at || length == 0 || !strchr(domain, '.'))
        return false;
    const char *host = at + 1;
    size_t all = strlen(host);
    if (all < length || strcasecmp(host + all - length, domain) != 0)
        return false;
    return all == length || host[all - length - 1] == '.';
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

int mail_addressed_read(int descriptor, uint32_t count, struct mail_addressed *out)
{
    memset(out, 0, sizeof *out);
    if (descriptor < 0 || count == 0 || count > MESSAGE_ADDRESSED_MAX)
        return 0;
    char(*numbers)[NUMBER_TEXT] = calloc(count, sizeof *numbers);
    size_t length = count * sizeof *numbers;
    if (!numbers)
        return -ENOMEM;
    ssize_t n = pread(descriptor, numbers, length, 0);
    if (n < 0 || (size_t)n != length) {
        free(numbers);
        return n < 0 ? -errno : -EPROTO;
    }
    for (uint32_t i = 0; i < count; i++)
        numbers[i][NUMBER_TEXT - 1] = '\0';
    qsort(numbers, count, sizeof *numbers, compare);
    *out = (struct mail_addressed){count, numbers};
    return 0;
}

void mail_addressed_free(struct mail_addressed *addressed)
{
    free(addressed->numbers);
    memset(addressed, 0, sizeof *addressed);
}

bool mail_identity_is_addressed(const struct mail_addressed *addressed, const char *number)
{
    return addressed->count > 0 &&
           bsearch(number, addressed->numbers, addressed->count, NUMBER_TEXT, compare) != NULL;
}

int mail_identity_signature(const struct message_facts *facts, uint32_t among, int64_t now_s)
{
    for (uint32_t i = 0; i < facts->signature_count && i < MESSAGE_SIGNATURES_MAX; i++) {
        const struct message_signature *s = &facts->signatures[i];
        if ((among & 1u << i) && s->signs_to && (s->expires == 0 || s->expires > now_s) &&
            mail_identity_is_aligned(s->domain, facts->from))
            return (int)i;
    }
    return -1;
}
