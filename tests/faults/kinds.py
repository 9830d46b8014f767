"""The register of faults. Each is a generator: what stands before its `yield seconds` breaks something,
what stands after it mends what an operator would mend; in between the gateways are left alone so
long."""

KINDS = {}


def fault(*names):
    def register(function):
        for name in names:
            KINDS[name] = function
        return function
    return register


class Context:
    """What a fault works on. note() goes into the run's report."""

    def __init__(self, pair, side, kind, source, verdict):
        self.pair, self.side, self.kind, self.random = pair, side, kind, source
        self.verdict = verdict
        self.gateway = pair.gateways[side]
        self.notes = []
        self.afterwards = []  # judge(verdict), when all rests

    @property
    def wires(self):
        return self.pair.wires

    def note(self, text):
        self.notes.append(text)

    def one(self, role):
        """A process of a role, or None."""
        pids = self.gateway.roles().get(role)
        return self.random.choice(sorted(pids)) if pids else None
