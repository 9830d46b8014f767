"""The network between the gateways: what the relay does to packets, and what happens to a wire."""
from kinds import fault
from link import Weather

# --- the network ---

WEATHER = {
    "network-loss-5": Weather(loss=0.05),
    "network-loss-20": Weather(loss=0.2),
    "network-repeats": Weather(repeat=0.3),
    "network-reorders": Weather(reorder=0.1),
    "network-delays": Weather(delay_ms=200, jitter_ms=150),
    "network-cut": Weather(cut=True),
    "network-all": Weather(loss=0.05, repeat=0.1, reorder=0.05, delay_ms=50, jitter_ms=40),
}


@fault(*WEATHER)
def network(context):
    context.pair.link.weather = WEATHER[context.kind]
    seconds = context.random.choice([2, 6, 15, 45])
    context.note(f"{seconds} s")
    yield seconds
    context.pair.link.weather = Weather()


@fault("wire-down", "wire-pulled", "wire-address-lost", "wire-narrow", "wire-small")
def wire(context):
    """What happens to a host's interface. Needs network namespaces."""
    wires, side = context.wires, context.side
    if not wires:
        context.note("no network namespaces")
        yield 0
        return
    seconds = context.random.choice([2, 6, 15, 45])
    rate, octets = context.random.choice([16000, 30000, 60000]), context.random.choice([200, 296, 576])
    begin, end = {
        "wire-down": (lambda: wires.stop(side), lambda: wires.go(side)),
        "wire-pulled": (lambda: wires.pull(side), lambda: wires.plug(side)),
        "wire-address-lost": (lambda: wires.take_address(side), lambda: wires.give_address(side)),
        "wire-narrow": (lambda: wires.narrow(side, rate), lambda: wires.widen(side)),
        "wire-small": (lambda: wires.mtu(side, octets), lambda: wires.mtu(side, 1500)),
    }[context.kind]
    detail = {"wire-narrow": f"{rate} bit/s, ", "wire-small": f"{octets} octets, "}
    context.note(f"{detail.get(context.kind, '')}{seconds} s")
    begin()
    yield seconds
    end()
