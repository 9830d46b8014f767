/* OPTIONS (RFC 3261 §11.2), within a dialog and outside: what trunks probe us with. */
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

void sip_options_receive(struct sip_stack *stack, const osip_message_t *request,
                         const struct sip_hop *source)
{
    if (stack->is_closing)
        sip_response_stateless(stack, request, source, 503, "Retry-After", "10");
    else
        sip_response_stateless(stack, request, source, 200, "Accept", "application/sdp");
}
