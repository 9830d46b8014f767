/* What final SIP statuses and causes of Q.850 mean for a fax. */
#include <stddef.h>

#include "gateway/trace/verdict.h"

/* RFC 3261 §21 and the registry of IANA, sorted. */
static const struct verdict_entry statuses[] = {
    {300, RETRY_NEVER, VERDICT_NETWORK, "The trunk offers several places to go instead."},
    {301, RETRY_NEVER, VERDICT_NUMBER, "The number has moved to another address for good."},
    {302, RETRY_NEVER, VERDICT_NUMBER, "The number is diverted to another address."},
    {305, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants the call to go through a proxy."},
    {380, RETRY_NEVER, VERDICT_PEER, "The peer proposes another service in place of a call."},
    {400, RETRY_NEVER, VERDICT_GATEWAY, "The trunk finds our signalling malformed."},
    {401, RETRY_NEVER, VERDICT_GATEWAY, "The trunk wants credentials, or does not accept ours."},
    {402, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants payment; look at the account there."},
    {403, RETRY_NEVER, VERDICT_NETWORK, "The trunk forbids this call; look at the account there."},
    {404, RETRY_NEVER, VERDICT_NUMBER, "The number is not known; check it."},
    {405, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not take calls this way."},
    {406, RETRY_NEVER, VERDICT_PEER, "The peer accepts nothing that was offered."},
    {407, RETRY_NEVER, VERDICT_GATEWAY, "A proxy wants credentials, or does not accept ours."},
    {408, RETRY_NO_REPLY, VERDICT_NETWORK, "The trunk did not answer in time."},
    {410, RETRY_NEVER, VERDICT_NUMBER, "The number is no longer in use."},
    {412, RETRY_NEVER, VERDICT_PEER, "The peer's state does not fit the call."},
    {413, RETRY_NEVER, VERDICT_NETWORK, "The trunk finds our signalling too large."},
    {414, RETRY_NEVER, VERDICT_NETWORK, "The trunk finds the address too long."},
    {415, RETRY_NEVER, VERDICT_PEER, "The peer does not take the kind of media offered."},
    {416, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not take this kind of address."},
    {417, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not know the priority of the call."},
    {420, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not know an extension we require."},
    {421, RETRY_NEVER, VERDICT_NETWORK, "The trunk requires an extension we do not have."},
    {422, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants longer session timers."},
    {423, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants longer intervals."},
    {424, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not accept the location given."},
    {425, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not accept the alert given."},
    {428, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants the caller's identity signed."},
    {429, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants to know who referred the call."},
    {430, RETRY_NEVER, VERDICT_NETWORK, "The connection between proxy and peer failed."},
    {433, RETRY_NEVER, VERDICT_PEER, "The peer takes no anonymous calls."},
    {436, RETRY_NEVER, VERDICT_NETWORK, "The trunk cannot fetch the caller's certificate."},
    {437, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not accept the caller's certificate."},
    {438, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not accept the caller's identity."},
    {439, RETRY_NEVER, VERDICT_NETWORK, "The first proxy lacks support for outbound connections."},
    {440, RETRY_NEVER, VERDICT_NETWORK, "The call branched too widely on its way."},
    {469, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not know a package of ours."},
    {470, RETRY_NEVER, VERDICT_PEER, "The peer has not consented to calls."},
    {480, RETRY_NO_REPLY, VERDICT_PEER, "Nobody answers at the number now."},
    {481, RETRY_NEVER, VERDICT_NETWORK, "The trunk has forgotten the call."},
    {482, RETRY_NEVER, VERDICT_NETWORK, "The call goes round in a loop; look at the routes."},
    {483, RETRY_NEVER, VERDICT_NETWORK, "The call took too many hops; look at the routes."},
    {484, RETRY_NEVER, VERDICT_NUMBER, "The number is not complete; check it."},
    {485, RETRY_NEVER, VERDICT_NUMBER, "The number is ambiguous; check it."},
    {486, RETRY_BUSY, VERDICT_PEER, "The number is busy."},
    {487, RETRY_NO_REPLY, VERDICT_PEER, "The call was ended before anybody answered."},
    {488, RETRY_NEVER, VERDICT_PEER, "The peer accepts none of the media offered."},
    {489, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not know an event of ours."},
    {491, RETRY_NEVER, VERDICT_NETWORK, "Both sides changed the call at the same time."},
    {493, RETRY_NEVER, VERDICT_PEER, "The peer cannot decipher the signalling."},
    {494, RETRY_NEVER, VERDICT_NETWORK, "The trunk wants a security agreement first."},
    {500, RETRY_NETWORK, VERDICT_NETWORK, "The trunk has an internal fault."},
    {501, RETRY_NEVER, VERDICT_NETWORK, "The trunk cannot do what is asked."},
    {502, RETRY_NETWORK, VERDICT_NETWORK, "The trunk could not pass the call on."},
    {503, RETRY_NETWORK, VERDICT_NETWORK, "The trunk is out of service or overloaded."},
    {504, RETRY_NETWORK, VERDICT_NETWORK, "The trunk waited in vain for the network behind it."},
    {505, RETRY_NEVER, VERDICT_NETWORK, "The trunk does not speak our version of SIP."},
    {513, RETRY_NEVER, VERDICT_NETWORK, "The trunk finds our message too large."},
    {555, RETRY_NEVER, VERDICT_NETWORK, "The trunk has no push notifications for the peer."},
    {580, RETRY_NEVER, VERDICT_NETWORK, "The network cannot reserve what the call needs."},
    {600, RETRY_BUSY, VERDICT_PEER, "The number is busy everywhere."},
    {603, RETRY_NEVER, VERDICT_PEER, "The peer declined the call."},
    {604, RETRY_NEVER, VERDICT_NUMBER, "The number exists nowhere; check it."},
    {606, RETRY_NEVER, VERDICT_PEER, "The peer accepts none of the media offered."},
    {607, RETRY_NEVER, VERDICT_PEER, "The peer does not want calls from this number."},
    {608, RETRY_NEVER, VERDICT_NETWORK,
     "The call was rejected on the way, by an analysis of calls."},
};

/* Of codes that nobody registered (RFC 3261 §8.1.3.2). */
static const struct verdict_entry classes[] = {
    {300, RETRY_NEVER, VERDICT_NETWORK, "The trunk sends the call elsewhere."},
    {400, RETRY_NEVER, VERDICT_NETWORK, "The trunk refused the call."},
    {500, RETRY_NETWORK, VERDICT_NETWORK, "The trunk failed."},
    {600, RETRY_NEVER, VERDICT_PEER, "The peer refused the call for good."},
};

/* ITU-T Q.850 table 1, sorted. */
static const struct verdict_entry causes[] = {
    {1, RETRY_NEVER, VERDICT_NUMBER, "The number is not in use; check it."},
    {2, RETRY_NEVER, VERDICT_NETWORK, "The trunk has no route to the transit network."},
    {3, RETRY_NEVER, VERDICT_NETWORK, "The trunk has no route to the number."},
    {4, RETRY_NEVER, VERDICT_NUMBER, "The network answers with its tone for wrong numbers."},
    {5, RETRY_NEVER, VERDICT_NUMBER, "The trunk prefix was dialled wrongly."},
    {6, RETRY_NETWORK, VERDICT_NETWORK, "A channel of the telephone network was unacceptable."},
    {7, RETRY_NETWORK, VERDICT_NETWORK, "The call was given to a channel already in use."},
    {8, RETRY_NETWORK, VERDICT_NETWORK, "The call gave way to a more important one."},
    {9, RETRY_NETWORK, VERDICT_NETWORK, "The call gave way, its line is reserved."},
    {14, RETRY_NEVER, VERDICT_NUMBER, "The number was ported to another network."},
    {16, RETRY_NEVER, VERDICT_PEER, "The peer ended the call normally."},
    {17, RETRY_BUSY, VERDICT_PEER, "The number is busy."},
    {18, RETRY_NO_REPLY, VERDICT_PEER, "The other end does not respond."},
    {19, RETRY_NO_REPLY, VERDICT_PEER, "It rings at the number, and nobody answers."},
    {20, RETRY_NO_REPLY, VERDICT_PEER, "The other end cannot be reached now."},
    {21, RETRY_NEVER, VERDICT_PEER, "The peer rejected the call."},
    {22, RETRY_NEVER, VERDICT_NUMBER, "The number has changed."},
    {23, RETRY_NEVER, VERDICT_NUMBER, "The call was redirected to another number."},
    {24, RETRY_NEVER, VERDICT_NUMBER, "The network rejected the call for a feature of the number."},
    {25, RETRY_NETWORK, VERDICT_NETWORK, "An exchange on the way failed to route the call."},
    {26, RETRY_NEVER, VERDICT_NETWORK, "The call was not chosen at the other end."},
    {27, RETRY_NO_REPLY, VERDICT_PEER, "The other end is out of order."},
    {28, RETRY_NEVER, VERDICT_NUMBER, "The number is incomplete or has a wrong format."},
    {29, RETRY_NEVER, VERDICT_NETWORK, "The network refused a facility of the call."},
    {30, RETRY_NETWORK, VERDICT_NETWORK, "The network answered a question about the call's state."},
    {31, RETRY_NETWORK, VERDICT_NETWORK, "The network ended the call without a special reason."},
    {34, RETRY_NETWORK, VERDICT_NETWORK, "All channels of the trunk are in use."},
    {38, RETRY_NETWORK, VERDICT_NETWORK, "The telephone network is out of order."},
    {39, RETRY_NEVER, VERDICT_NETWORK, "A permanent connection is out of service."},
    {40, RETRY_NEVER, VERDICT_NETWORK, "A permanent connection is in operation."},
    {41, RETRY_NETWORK, VERDICT_NETWORK, "The telephone network has a passing fault."},
    {42, RETRY_NETWORK, VERDICT_NETWORK, "An exchange is overloaded."},
    {43, RETRY_NEVER, VERDICT_NETWORK, "The network threw away information on the caller."},
    {44, RETRY_NETWORK, VERDICT_NETWORK, "The channel asked for is not free."},
    {46, RETRY_NETWORK, VERDICT_NETWORK, "A more important call has the line."},
    {47, RETRY_NETWORK, VERDICT_NETWORK, "The network lacks resources."},
    {49, RETRY_NEVER, VERDICT_NETWORK, "The quality asked for cannot be had."},
    {50, RETRY_NEVER, VERDICT_NETWORK, "A facility is not subscribed to; look at the account."},
    {53, RETRY_NEVER, VERDICT_NETWORK, "Outgoing calls are barred in the caller's group."},
    {55, RETRY_NEVER, VERDICT_NETWORK, "Incoming calls are barred in the called group."},
    {57, RETRY_NEVER, VERDICT_NETWORK, "The account may not use this kind of call."},
    {58, RETRY_NETWORK, VERDICT_NETWORK, "This kind of call cannot be had just now."},
    {62, RETRY_NEVER, VERDICT_NETWORK, "The network finds the call's description inconsistent."},
    {63, RETRY_NETWORK, VERDICT_NETWORK, "The service cannot be had just now."},
    {65, RETRY_NEVER, VERDICT_NETWORK, "The network does not have this kind of call."},
    {66, RETRY_NEVER, VERDICT_NETWORK, "The network does not have this kind of channel."},
    {69, RETRY_NEVER, VERDICT_NETWORK, "The network does not have a facility of the call."},
    {70, RETRY_NEVER, VERDICT_NETWORK, "The network carries restricted digital calls only."},
    {79, RETRY_NEVER, VERDICT_NETWORK, "The network does not have this service."},
    {81, RETRY_NEVER, VERDICT_NETWORK, "The network lost track of the call."},
    {82, RETRY_NEVER, VERDICT_NETWORK, "The channel asked for does not exist."},
    {83, RETRY_NEVER, VERDICT_NETWORK, "A suspended call exists, but another one was meant."},
    {84, RETRY_NEVER, VERDICT_NETWORK, "The call's identity is in use."},
    {85, RETRY_NEVER, VERDICT_NETWORK, "No call is suspended."},
    {86, RETRY_NEVER, VERDICT_NETWORK, "The call was cleared already."},
    {87, RETRY_NEVER, VERDICT_NETWORK, "The number is not a member of its closed group."},
    {88, RETRY_NEVER, VERDICT_PEER, "The other end is not compatible with the call."},
    {90, RETRY_NEVER, VERDICT_NETWORK, "The closed group does not exist."},
    {91, RETRY_NEVER, VERDICT_NETWORK, "The choice of transit network is not valid."},
    {95, RETRY_NEVER, VERDICT_NETWORK, "The network finds a message invalid."},
    {96, RETRY_NEVER, VERDICT_NETWORK, "The network misses an element in a message."},
    {97, RETRY_NEVER, VERDICT_NETWORK, "The network does not know a message."},
    {98, RETRY_NEVER, VERDICT_NETWORK, "A message did not fit the call's state."},
    {99, RETRY_NEVER, VERDICT_NETWORK, "The network does not know an element of a message."},
    {100, RETRY_NEVER, VERDICT_NETWORK, "An element of a message has a wrong content."},
    {101, RETRY_NEVER, VERDICT_NETWORK, "A message is not allowed in the call's state."},
    {102, RETRY_NETWORK, VERDICT_NETWORK, "A timer expired in the network."},
    {103, RETRY_NEVER, VERDICT_NETWORK, "The network passed on a parameter that it does not know."},
    {110, RETRY_NEVER, VERDICT_NETWORK, "The network threw a message with an unknown part away."},
    {111, RETRY_NEVER, VERDICT_NETWORK, "The network has an error of protocol."},
    {127, RETRY_NETWORK, VERDICT_NETWORK,
     "A network on the way ended the call and does not say why."},
};

static const struct verdict_entry *find(const struct verdict_entry *table, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

const struct verdict_entry *verdict_sip_at(unsigned position)
{
    return position < sizeof statuses / sizeof *statuses ? &statuses[position] : NULL;
}

const struct verdict_entry *verdict_q850_at(unsigned position)
{
    return position < sizeof causes / sizeof *causes ? &causes[position] : NULL;
}

const struct verdict_entry *verdict_of_sip(int status)
{
    if (status < 300 || status > 699)
        return NULL;
    const struct verdict_entry *entry = find(statuses, sizeof statuses / sizeof *statuses, status);
    return entry ? entry : find(classes, sizeof classes / sizeof *classes, status / 100 * 100);
}

const struct verdict_entry *verdict_of_q850(int cause)
{
    return find(causes, sizeof causes / sizeof *causes, cause);
}
