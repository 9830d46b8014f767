/* ifp.h: checks IFP packets (T.38 §8, annex A, ASN.1 in basic aligned PER) before a parser of less
 * care sees them.
 */
#ifndef T38_IFP_H
#define T38_IFP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IFP_FIELDS_MAX = 32 }; /* data fields of one packet; more are refused */

enum ifp_field_type { /* T.38 §8.3, the numbers of version 0 and later ones alike */
                      IFP_HDLC_DATA = 0,
                      IFP_HDLC_SIG_END = 1,
                      IFP_HDLC_FCS_OK = 2,
                      IFP_HDLC_FCS_BAD = 3,
                      IFP_HDLC_FCS_OK_SIG_END = 4,
                      IFP_HDLC_FCS_BAD_SIG_END = 5,
                      IFP_NON_ECM_DATA = 6,
                      IFP_NON_ECM_SIG_END = 7,
};

struct ifp_summary {
    bool indicator;
    unsigned type;   /* the indicator's or the data's number, T.38 tables 2 and 3 */
    unsigned fields; /* data fields */
};

/* Checks a packet of at least one octet against T.38's syntax for what a fax up to V.17/V.33 rates
 * uses: indicators 0 to 15 and V.33's, data types 0 to 8 and V.33's, field types 0 to 7, lengths
 * exact, no octet left over. V.8 and V.34 (version 3) are refused: nothing here answers them.
 * version: as negotiated; 0 has three bits of field type, 1 and later four with an extension bit
 * before them, so the two cannot be mixed. out may be NULL. Returns 0, FAX_ETRUNCATED, FAX_EFORMAT,
 * FAX_ELIMIT or FAX_EUNSUPPORTED; nothing but out is changed. */
int ifp_check(const uint8_t *ifp, size_t length, int version, struct ifp_summary *out)
    __attribute__((warn_unused_result));

/* How many of the octets the packet at the beginning takes by its syntax; what follows is not
 * looked at (parity FEC fills packets up with zeros). *used gets them on success. Errors as above.
 */
int ifp_measure(const uint8_t *octets, size_t length, int version, size_t *used)
    __attribute__((warn_unused_result));

#endif
