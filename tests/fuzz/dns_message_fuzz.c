/* DNS responses: the first octet chooses the type asked for. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/dns/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};
    struct dns_answer answer;
    if (size < 1)
        return 0;
    enum dns_type type = types[data[0] % 4];
    dns_message_read(data + 1, size - 1, type, &answer);
    if (answer.count > DNS_RECORDS_MAX || (answer.status == 0) != (answer.count > 0))
        abort();
    for (size_t i = 0; i < answer.count; i++)
        if ((type == DNS_SRV && !memchr(answer.records[i].u.srv.target, 0, DNS_NAME_TEXT)) ||
            (type == DNS_NAPTR && !memchr(answer.records[i].u.naptr.replacement, 0, DNS_NAME_TEXT)))
            abort();
    return 0;
}
