"""Runs of the fault harness: traffic both ways between two gateways, a fault at a chosen moment, and
when they have come to rest, the promises. See README.md; `run --help` lists the options."""
import argparse
import collections
import json
import os
import random
import signal
import sys
import threading
import time
import traceback

import faults
import figures
import promises
import selftest
import wires
from gateway import adopt_orphans, wait_until
from pair import Pair

MARKS = ("submitted", "dialling", "answered", "t38", "training", "trained", "page", "confirmed")
RUNS_PER_PAIR = 8
SHORT_HOLD_SECONDS = 6
READY_SECONDS = 60
REST_SECONDS = 240


class Plan:
    """Everything about a run that a seed decides."""

    def __init__(self, seed, kind=None, short=False):
        source = random.Random(seed)
        self.seed = seed
        self.kind = source.choice(sorted(faults.KINDS))
        if kind:
            wanted = [kind] if kind in faults.KINDS else \
                [name for name in sorted(faults.KINDS) if name.startswith(kind)]
            if not wanted:
                raise SystemExit(f"no fault is called {kind}")
            self.kind = wanted[seed % len(wanted)]
        self.side = source.randrange(2)
        most_pages = min(source.randint(1, 3), 1 if short else 3)
        self.traffic = [(side, source.randint(1, most_pages), source.random() < 0.5)
                        for side in (0, 1) for _ in range(source.randint(1, 3))]
        source.shuffle(self.traffic)
        self.watched = source.randrange(len(self.traffic))
        self.mark = source.choice((*MARKS, "time"))
        self.delay = source.uniform(0, 20) if self.mark == "time" else \
            source.choice([0, 0, source.uniform(0, 2)])
        self.ecm = source.choice([(True, True)] * 3 + [(False, True), (True, False), (False, False)])
        self.longest_hold = SHORT_HOLD_SECONDS if short else 10 ** 6
        self.longest_wait = 15 if short else 25  # for the mark, which may have passed unseen
        self.source = source


def run_one(pair, plan, search):
    """The verdict of a run, and its report."""
    begun = time.monotonic()
    verdict = promises.Verdict()
    context = faults.Context(pair, plan.side, plan.kind, plan.source, verdict)
    reached = threading.Event()
    first = len(pair.ledger)

    def seen(kind, _):
        if kind == plan.mark:
            reached.set()

    work = faults.KINDS[plan.kind](context)
    submitting = threading.Thread(target=_submit_all, args=(pair, plan, seen, reached))
    submitting.start()
    if plan.mark == "time":
        time.sleep(plan.delay)
    else:
        reached.wait(plan.longest_wait)
        time.sleep(plan.delay)
    at = time.monotonic() - begun
    try:
        hold = next(work)
        time.sleep(min(hold, plan.longest_hold))
    finally:
        for _ in work:
            pass
    pair.calm()
    submitting.join()
    restart = _bring_back(pair, verdict)
    _settle(pair, first, verdict)
    if not any(text.startswith(("4 rest", "4 ready")) for text in verdict.broken):
        promises.check_all(pair, verdict, search)
        for judge in context.afterwards:
            judge(verdict)
    states = collections.Counter()
    for submission in pair.ledger[first:]:
        states["unanswered" if not submission.fax and not submission.refused else
               "refused" if not submission.fax else "taken"] += 1
    report = {"seed": plan.seed, "fault": plan.kind, "gateway": context.gateway.name,
              "ecm": pair.ecm, "namespaces": bool(pair.wires), "mark": plan.mark, "reached": reached.is_set() or plan.mark == "time",
              "at_s": round(at, 1), "notes": "; ".join(context.notes), "faxes": dict(states),
              "ready_s": restart, "seconds": round(time.monotonic() - begun, 1),
              "checked": verdict.checked, "broken": verdict.broken, "top": pair.top}
    return verdict, report


def _submit_all(pair, plan, seen, reached):
    for number, (side, pages, with_key) in enumerate(plan.traffic):
        key = f"key-{plan.seed}-{len(pair.ledger)}-{pair.runs}" if with_key else None
        submission = pair.submit(side, pages, key, plan.seed)
        if number == plan.watched:
            if plan.mark == "submitted":
                reached.set()
            elif submission.fax:
                pair.gateways[side].watch(submission.fax, seen, reached.is_set)


def _bring_back(pair, verdict):
    """Starts what has ended. Seconds to ready of what was started."""
    took = None
    time.sleep(1)  # what was killed a moment ago may still answer
    for gateway in pair.gateways:
        if not gateway.is_running():
            gateway.start()
            took = gateway.wait_ready(READY_SECONDS)
            took = round(took, 2) if took is not None else None
        if not wait_until(READY_SECONDS, gateway.is_ready, 0.2):
            verdict.check(False, "4 ready", f"{gateway.name} does not become ready again")
    return took


def _settle(pair, first, verdict):
    # Who has no answer asks again with the same key, and gets the one fax.
    for submission in pair.ledger[first:]:
        if submission.key and not submission.fax:
            for _ in range(3):
                if pair.submit_again(submission):
                    break
                time.sleep(1)
            verdict.check(submission.fax, "4 idempotency",
                          f"{submission.key} is refused again: {submission.refused}")
    waits = pair.wait_rest(REST_SECONDS)
    verdict.check(not waits, "4 rest", waits)


def campaign(options):
    begun = time.monotonic()
    totals = collections.Counter()
    kinds = collections.Counter()
    pair = None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seeds = options.seeds or [(options.seed + i, options.fault) for i in range(options.runs)]
    for seed, kind in seeds:
        if options.minutes and time.monotonic() - begun > options.minutes * 60:
            break
        plan = Plan(seed, kind, options.short)
        verdict = promises.Verdict()
        try:
            pair = pair or Pair(options.program, small_disks=not options.no_mounts, parent=options.parent,
                                namespaces=options.namespaces, ecm=plan.ecm)
            pair.runs += 1
            verdict, report = run_one(pair, plan, options.search)
            if pair.runs >= options.runs_per_pair and not verdict.broken:
                promises.check_last(pair, verdict, options.search)
        except KeyboardInterrupt:
            if pair:
                pair.destroy()
            raise SystemExit(130) from None
        except Exception:  # the harness itself; a run that could not be judged is no good run
            report = {"seed": seed, "fault": plan.kind, "top": pair.top if pair else ""}
            verdict.broken.append("harness: " + traceback.format_exc(limit=-4))
        report["broken"] = verdict.broken
        print(json.dumps(report), flush=True)
        totals.update(runs=1, checked=verdict.checked, broken=len(verdict.broken),
                      bad_runs=bool(verdict.broken))
        kinds[plan.kind] += 1
        if pair and (verdict.broken or pair.runs >= options.runs_per_pair):
            pair.destroy(keep=bool(verdict.broken) and options.keep)
            pair = None
    if pair:
        verdict = promises.Verdict()
        promises.check_last(pair, verdict, options.search)
        totals.update(checked=verdict.checked, broken=len(verdict.broken),
                      bad_runs=bool(verdict.broken))
        pair.destroy()
        if verdict.broken:
            print(json.dumps({"broken": verdict.broken}), flush=True)
    print(json.dumps({"summary": dict(totals), "faults": dict(sorted(kinds.items())),
                      "minutes": round((time.monotonic() - begun) / 60, 1),
                      "load": os.getloadavg()}), flush=True)
    return 1 if totals["bad_runs"] else 0


def _seed_list(text):
    parts = [word.partition(":") for word in text.split(",")]
    return [(int(seed), kind or None) for seed, _, kind in parts]


def main():
    parser = argparse.ArgumentParser(prog="tests/faults/run", description=__doc__)
    build = os.path.join(os.path.dirname(__file__), "../../build/release/tests")
    parser.add_argument("--seed", type=int, default=None, help="of the first run (random)")
    parser.add_argument("--seeds", type=_seed_list, help="exactly these runs: SEED[:FAULT],...")
    parser.add_argument("--runs", type=int, default=None, help="how many (1; with --minutes no limit)")
    parser.add_argument("--minutes", type=float, default=0, help="no new run after so long")
    parser.add_argument("--fault", help="only faults whose name begins so (--list)")
    parser.add_argument("--runs-per-pair", type=int, default=RUNS_PER_PAIR)
    parser.add_argument("--short", action="store_true",
                        help=f"one page a fax, and no fault is left for more than {SHORT_HOLD_SECONDS} s")
    parser.add_argument("--keep", action="store_true", help="leave the state of bad runs in place")
    parser.add_argument("--no-mounts", action="store_true", help="no small file systems")
    parser.add_argument("--no-namespaces", action="store_true", help="the loopback as network")
    parser.add_argument("--list", action="store_true", help="the kinds of faults")
    parser.add_argument("--parent", default="/var/lib", help="where state directories are made")
    parser.add_argument("--program", default=os.path.join(build, "sealfax_faulty"))
    parser.add_argument("--search", default=os.path.join(build, "gateway_search_prog"))
    parser.add_argument("--self-test", action="store_true", help="no fault: planted violations")
    parser.add_argument("--calls", type=int, help="no fault: so many faxes at once")
    parser.add_argument("--pages", type=int, default=6, help="of each, with --calls")
    parser.add_argument("--vault", type=int, help="no fault: restarts with so many faxes")
    options = parser.parse_args()
    if options.list:
        print("\n".join(sorted(faults.KINDS)))
        return 0
    if os.geteuid() != 0:
        raise SystemExit("each process of a gateway gets an account of its own: run this as root")
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(3), "big")
    if options.runs is None:
        options.runs = 10 ** 6 if options.minutes else 1
    adopt_orphans()
    options.namespaces = not options.no_namespaces and wires.are_possible()
    if options.self_test:
        return selftest.run(options.program, options.search, options.parent, options.namespaces)
    if options.calls:
        return figures.calls(options.program, options.parent, options.calls, options.pages)
    if options.vault:
        fill = os.path.join(os.path.dirname(options.search), "vault_fill")
        return figures.vault(options.program, fill, options.parent, options.vault)
    return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
