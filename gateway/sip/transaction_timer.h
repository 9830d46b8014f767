/* transaction_timer.h: the timers A to K of RFC 3261 §17 for libosip2's machines, from the T1, T2
 * and T4 of the configuration (the library's own are compiled in). */
#ifndef GATEWAY_SIP_TRANSACTION_TIMER_H
#define GATEWAY_SIP_TRANSACTION_TIMER_H

#include "gateway/sip/transaction.h"

/* Sets the timers after the machine took a step, by the state it is in now. */
void sip_transaction_timer_update(struct sip_transaction *tx);

/* In transaction.c: lets the machine take the step of that timer. */
void sip_transaction_time_out(struct sip_transaction *tx, type_t timer);

/* In transaction.c: sends the request again, on another connection. */
void sip_transaction_resend(struct sip_transaction *tx);

/* In transaction.c: ends it at once without a final response. */
void sip_transaction_fail(struct sip_transaction *tx, enum sip_party failure);

#endif
