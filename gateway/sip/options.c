/* OPTIONS (RFC 3261 §11.2), within a dialog and outside: what trunks probe us with. */
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

void sip_options_receive(struct sip_stack *stack, const osip_message_t *request,
                         const struct sip_hop *source)
{
    static const struct sip_refusal leaving = {503, NULL, "Retry-After", "10"},
                                    well = {200, NULL, "Accept", "application/sdp"};
    sip_response_stateless(stack, request, source, stack->is_closing ? &leaving : &well);
}
