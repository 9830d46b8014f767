/* osip.h: libosip2 with the system headers it forgets, in the order it needs. */
#ifndef GATEWAY_SIP_OSIP_H
#define GATEWAY_SIP_OSIP_H

#include <time.h>

#include <sys/time.h>

#include <osip2/osip.h>
#include <osipparser2/osip_port.h>

#endif
