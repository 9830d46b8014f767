/* sip_admission.h: how much a source of SIP requests may ask for. What is above is refused without
 * state, or not even read, and counted: one event a source and minute (source.limited). */
#ifndef GATEWAY_CONTROL_SIP_ADMISSION_H
#define GATEWAY_CONTROL_SIP_ADMISSION_H

#include "gateway/sip/sip.h"

/* user is the struct control. Requests: sip.trunk_requests_per_s for each trunk,
 * sip.source_requests_per_s for each other address. New calls: what the trunk allows at a time and
 * a second. */
sip_admit_cb sip_admission;

#endif
