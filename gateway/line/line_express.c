/* A call between two gateways that trust each other, ahead of the clock: t38/express_flow.h. */
#include "gateway/line/line_call.h"

#include "t38/express_flow.h"

bool line_call_take_report(struct line_call *call, const uint8_t *data, size_t length)
{
    if (!call->express || !express_flow_is_report(data, length))
        return false;
    (void)express_flow_take(&call->flow, data, length); /* a bad one changes nothing */
    return true;
}

void line_call_note_datagram(struct line_call *call, const uint8_t *data)
{
    if (call->express)
        express_flow_received(&call->flow, (uint16_t)(data[0] << 8 | data[1]),
                              (uint32_t)udptl_receiver_counters(call->udptl_in)->lost);
}

void line_call_run_ahead(struct line_call *call, uint64_t now_ms)
{
    uint8_t report[EXPRESS_REPORT_OCTETS];
    size_t octets;
    unsigned credit;

    if (!call->express || call->finished)
        return;
    credit = express_flow_credit(&call->flow, now_ms);
    if (credit > 0)
        (void)fax_engine_run_ahead(call->engine, credit);
    octets = express_flow_report(&call->flow, now_ms, report);
    if (octets > 0)
        media_transport_send(&call->media, report, octets);
}
