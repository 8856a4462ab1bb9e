#!/usr/bin/env python3
"""Executable model of forgetting deletions without ever bringing a row back, or losing one.
Why these rules: docs/decisions/0005-forgetting-is-safe-whoever-is-waited-for.md.

  python3 pruning.py                    1,000 random runs of the rules: must find nothing
  python3 pruning.py --without RULE     one rule left out
  python3 pruning.py --all --seeds 4000  each rule left out must be found, but for `mutual`, which is needed seldom:
                                        --without mutual --first 20000 --seeds 3000 found it before two were away at a time

A device keeps, beside its coverage, what it has *forgotten*: ranges too, each with a vector. The rules:
  receipts    a deletion is forgotten when the receipts of all members that we wait for cover it
              (and a receipt counts once we hold all that it covers: then we have seen every write of its device that was made
              without knowledge of the deletion; no run was found that needs it)
  horizon     pages carry what the sender has forgotten in their range: the receiver first forgets that too, then joins
  complete    to who lacks some of what the sender has forgotten it gives complete pages, all that it has: what the receiver
              holds, the page lacks and the page's vector covers is gone
  again       what the receiver wrote itself and the page's vector does not cover, it writes once more, on top
  carried     and so it does with what others wrote: who has forgotten the deletion gets such a row from here, and lets it live; who
              remembers it may have got it from its writer, and let it lose
  stale       nobody takes a page whose vector lacks some of what the receiver has forgotten: its sender did not know then that
              the row was deleted
  mutual      two that both lack some of what the other has forgotten (they parked each other, or both were restored) take
              complete pages all the same, as long as nothing but own writes came meanwhile: what the receiver covers and does not have, it
              deletes once more, on top; what is news to it, it writes once more, on top
  waiting     who is waited for: all members that we know, but those that are parked

To forget: a deleted row is dropped; a living row's era becomes the first one, so that rows written before and after
forgetting compare as they would have.

The rules hold whoever is waited for: a device that nobody waited for (new, restored from an old copy, parked) is behind
when it comes, is told so by complete pages, and goes on. To be waited for saves it that, and keeps its deletes' and edits'
order as if nobody ever forgot. That is the check of every second run: a shadow, a second copy of every device that
forgets nothing and joins at the same moments; what a reader sees must be equal in both, everywhere, after every step. In the
others new, restored and parked devices write without having caught up; there all must agree in the end.
"""
import argparse
import copy
import random
import sys

import range_watermarks as core
from range_watermarks import KEYS, NO_STAMP, Violation, covered, effective, join, lacking, vector_max, vector_min

RULES = ("receipts", "horizon", "complete", "again", "carried", "stale", "mutual")


def visible(rows):
    return {k: tuple(effective(r, c) for c in core.COLUMNS) for k, r in rows.items() if r.alive()}


def dominates(a, b):
    return all(a.get(o, 0) >= h for o, h in b.items())


class Device(core.Device):
    """`name` is the device; `number` its present incarnation's origin, `lives` all of them."""

    def __init__(self, name, number, members):
        super().__init__(number)
        self.name, self.lives = name, {number}
        self.shadow = {}
        self.forgotten = [(0, KEYS, {})]
        self.members = set(members)    # names
        self.parked = set()            # names that we do not wait for
        self.receipts = {}             # name -> (origin, vector), settled

    def floor(self):
        vector = self.coverage[0][2]
        for _, _, other in self.coverage[1:]:
            vector = vector_min(vector, other)
        return vector

    def holds_by_others(self, vector):
        return {o: h for o, h in vector.items() if o not in self.lives}

    def write(self, key, kind, wall):
        """The same write, with one stamp, in the state and in the shadow."""
        state, clock, coverage, choice = self.rows, self.clock, self.coverage, random.getstate()
        self.rows = self.shadow
        core.Device.write(self, key, kind, wall)
        self.shadow, self.rows, self.clock, self.coverage = self.rows, state, clock, coverage
        random.setstate(choice)
        return core.Device.write(self, key, kind, wall)

    def write_again(self, key, columns):
        """None: the delete; all columns: the row; else these cells. In the state and in the shadow."""
        self.clock += 1
        stamp = (self.clock, self.number)
        for rows in (self.rows, self.shadow):
            row = rows.get(key)
            era = row.era if row else NO_STAMP
            if columns is None and row is not None and row.alive():
                rows[key] = core.Row(stamp, None, {})
            elif columns == core.COLUMNS:
                rows[key] = join(row, core.Row(era, stamp, {}))
            elif columns is not None and row is not None and row.alive():
                rows[key] = join(row, core.Row(era, NO_STAMP, {c: stamp for c in columns}))
        self.coverage = [(a, b, {**v, self.number: self.clock}) for a, b, v in self.coverage]

    def forget(self, low, high, vector):
        self.forgotten = raised(self.forgotten, low, high, vector)
        for start, end, bound in self.forgotten:
            for key in range(max(start, low), min(end, high)):
                row = without_era(self.rows.pop(key, None), bound)
                if row is not None:
                    self.rows[key] = row

    def prune(self, rules):
        floor, before = self.floor(), len(self.rows)
        for name in self.members - self.parked - {self.name}:
            if "receipts" in rules:
                floor = vector_min(floor, self.receipts.get(name, (None, {}))[1])
        self.forget(0, KEYS, floor)
        return len(self.rows) < before


def cut(pieces, points):
    for low, high, vector in pieces:
        cuts = [low] + sorted({p for p in points if low < p < high}) + [high]
        yield from ((a, b, vector) for a, b in zip(cuts, cuts[1:]))


def raised(pieces, low, high, vector):
    joined = []
    for a, b, known in cut(pieces, (low, high)):
        here = vector_max(known, vector) if low <= a and b <= high else known
        if joined and joined[-1][2] == here:
            a = joined.pop()[0]
        joined.append((a, b, here))
    return joined


def at(pieces, key):
    return next(vector for low, high, vector in pieces if low <= key < high)


def without_era(row, bound):
    """What is left of a row when deletions at or below `bound` are forgotten; None: nothing."""
    if row is None or row.era == NO_STAMP or not covered(row.era, bound):
        return row
    return row._replace(era=NO_STAMP) if row.alive() else None


def greet(a, b, rules):
    """Who is a member, then receipts: each its own alone."""
    a.members |= b.members
    b.members |= a.members
    for x, y in ((a, b), (b, a)):
        vector, known = y.floor(), x.receipts.get(y.name)
        if known is not None and known[0] != y.number:
            del x.receipts[y.name]     # of another life: it may hold less now
        if dominates(x.floor(), vector):
            x.receipts[y.name] = (y.number, vector)


class Page:
    """Read now, applied now or later, in the order in which the sender read."""

    def __init__(self, peer, low, high, base, vector, rules):
        self.low, self.high, self.base, self.vector = low, high, dict(base), dict(vector)
        self.forgotten = dict(at(peer.forgotten, low))
        self.complete = "complete" in rules and not dominates(base, self.forgotten)
        keys = range(low, high)
        self.rows = {k: peer.rows[k] for k in keys if k in peer.rows}
        self.shadow = {k: peer.shadow[k] for k in keys if k in peer.shadow}
        self.clock = peer.clock


def apply_page(to, page, rules):
    """False: not taken."""
    to.split_at([page.low, page.high])
    held = [(a, b, v) for a, b, v in to.coverage if page.low <= a and b <= page.high]
    here = [v for a, b, v in to.forgotten if a < page.high and page.low < b]
    is_stale = "stale" in rules and not all(dominates(page.vector, v) for v in here)
    is_behind = page.complete and not all(dominates(v, page.forgotten) for _, _, v in held)
    is_mutual = is_stale and is_behind and "mutual" in rules and all(to.holds_by_others(v) == to.holds_by_others(page.base) for _, _, v in held)
    if is_stale and not is_mutual:
        return False
    if "horizon" in rules:
        to.forget(page.low, page.high, page.forgotten)
    again = []
    for low, high, mine in held:
        for key in range(low, high):
            bound = at(to.forgotten, key)
            if is_mutual:
                again += take_mutual(to, page, key, mine, rules)
            elif is_behind:
                again += take_complete(to, page, key, rules)
            else:
                entry = lacking(page.rows[key], mine) if key in page.rows else None
                entry = without_era(entry, bound)
                if entry is not None and not (entry.stamp == NO_STAMP and key not in to.rows):
                    to.rows[key] = join(to.rows.get(key), entry)
                if key in page.shadow:
                    to.shadow[key] = join(to.shadow.get(key), page.shadow[key])
    to.clock = max(to.clock, page.clock)
    to.raise_to(page.low, page.high, page.vector)
    for key, columns in again if "again" in rules else ():
        to.write_again(key, columns)
    return True


def take_complete(to, page, key, rules):
    """What is in doubt, and is to be written again: (key, columns)."""
    def in_doubt(stamp):
        return (stamp[1] in to.lives or "carried" in rules) and not covered(stamp, page.vector)

    again, held = [], to.rows.get(key)
    if held is not None and not held.alive() and in_doubt(held.era):
        again.append((key, None))
    elif held is not None and held.alive() and in_doubt(held.stamp):
        again.append((key, core.COLUMNS))
    elif held is not None and any(in_doubt(s) for s in held.cells.values()):
        again.append((key, tuple(c for c, s in held.cells.items() if in_doubt(s))))
    for rows, others in ((to.rows, page.rows), (to.shadow, page.shadow)):
        own, other = rows.pop(key, None), others.get(key)
        if own is not None and own.alive() and not in_doubt(own.stamp):
            kept = own._replace(cells={c: s for c, s in own.cells.items() if not in_doubt(s)})
            if rows is to.rows:
                kept = without_era(kept, page.forgotten)
            if not covered(own.stamp, page.vector):
                other = join(kept, other)
            elif other is not None:
                other = join(kept._replace(stamp=NO_STAMP), other)
        elif own is not None and not own.alive() and not in_doubt(own.era) and not covered(own.era, page.vector):
            other = join(own, other)
        elif own is not None and own.alive() and other is None:
            other = own         # written again in a moment, and there meanwhile
        if other is not None:
            rows[key] = other
    return again


def take_mutual(to, page, key, mine, rules):
    """What is in doubt between the two is settled by writing it again; the shadow, which knows more, only follows."""
    held, other = to.rows.get(key), without_era(page.rows.get(key), at(to.forgotten, key))
    if other is None:
        return take_complete(to, page, key, rules)
    news = lacking(other, mine)
    if held is None and news is None:
        to.rows[key] = to.shadow[key] = other
        return [(key, None)] if other.alive() else []
    if news is None:
        return []
    if held is None and news.stamp == NO_STAMP:
        return []
    to.rows[key] = to.shadow[key] = join(held, news)
    return [(key, core.COLUMNS)] if to.rows[key].alive() else []


def read_pages(to, peer, page_size, rules):
    to.split_at([low for low, _, _ in peer.coverage + peer.forgotten])
    pages = []
    for low, high, mine in list(to.coverage):
        theirs = next(v for a, b, v in peer.coverage if a <= low and high <= b)
        if not dominates(mine, theirs):
            pages += [Page(peer, start, min(high, start + page_size), mine, theirs, rules)
                      for start in range(low, high, page_size)]
    return pages


class World:
    def __init__(self, seed, rules):
        random.seed(seed)
        count = random.choice((2, 3, 4))
        self.devices = [Device(n, n, range(count)) for n in range(count)]
        self.rules, self.origins, self.names, self.wall = rules, count, count, 0
        self.prunes, self.completes = 0, 0
        self.strict = seed % 2 == 0
        self.restores, self.newcomers = random.choice((0, 0, 0.005, 0.02)), random.choice((0, 0.01, 0.03))
        self.copies = {}
        self.late = []                 # (to, from, page) on their way, oldest first

    def meet(self, to, peer, count, page_size):
        greet(to, peer, self.rules)
        pages = read_pages(to, peer, page_size, self.rules)[:count]
        before = to.number
        for number, page in enumerate(pages):
            if random.random() < 0.1:
                self.late += [(to, before, peer, p) for p in pages[number:]]
                break
            self.take(to, page)
        to.join_ranges(4, vector_min)

    def take(self, to, page):
        taken = apply_page(to, page, self.rules)
        self.completes += taken and page.complete

    def arrive(self, number=None, to=None, peer=None):
        """Pages that were on their way: all up to one, or all between two, before anything newer."""
        for at, (receiver, origin, sender, page) in enumerate(list(self.late)):
            is_due = at <= number if number is not None else receiver in (to, peer) and sender in (to, peer)
            if is_due:
                self.late.remove((receiver, origin, sender, page))
                if receiver.number == origin:
                    self.take(receiver, page)

    def restore(self, device):
        """An older copy of the database is put back."""
        kept = self.copies.get(device.name)
        if kept is None:
            return
        for field in ("rows", "shadow", "coverage", "forgotten", "members", "receipts", "clock", "parked"):
            setattr(device, field, copy.deepcopy(kept[field]))
        device.number = self.origins
        device.lives = device.lives | {self.origins}
        self.origins += 1
        self.late = [late for late in self.late if device not in (late[0], late[2])]

    def step(self, away):
        self.wall += random.choice((0, 1, 1, 5))
        device, roll = random.choice(self.devices), random.random()
        if roll < 0.25:
            if not (self.strict and not self.is_caught_up(device)):
                device.write(random.randrange(KEYS), random.choice(("put", "set", "set", "delete", "delete")), self.wall)
        elif roll < 0.25 + self.newcomers and len(self.devices) < 6:
            sponsor = random.choice(self.devices)
            sponsor.members.add(self.names)
            self.devices.append(Device(self.names, self.origins, sponsor.members))
            self.names += 1
            self.origins += 1
        elif roll < 0.32:
            self.copies[device.name] = copy.deepcopy(device.__dict__)
        elif roll < 0.32 + self.restores:
            self.restore(device)
        elif roll < 0.5:
            self.prunes += device.prune(self.rules)
        elif roll < 0.55 and self.late:
            self.arrive(number=random.randrange(len(self.late)))
        else:
            peer = random.choice([d for d in self.devices if d is not device])
            if (device in away) != (peer in away) and random.random() < 0.95:
                return
            self.arrive(to=device, peer=peer)
            self.meet(device, peer, random.choice((0, 1, 2, 99, 99, 99)), random.choice((3, 7, 24)))
            if random.random() < 0.7:
                self.meet(peer, device, 99, 24)
                greet(device, peer, self.rules)

    def is_caught_up(self, device):
        """It holds all that anybody has forgotten."""
        return all(dominates(device.floor(), vector) for d in self.devices for _, _, vector in d.forgotten)

    def check(self):
        for device in self.devices if self.strict else ():
            seen, meant = visible(device.rows), visible(device.shadow)
            for key in range(KEYS):
                if seen.get(key) != meant.get(key):
                    raise Violation(f"device {device.name}, key {key}: {device.rows.get(key)}, never forgetting: {device.shadow.get(key)}")

    def run(self, steps=160):
        away = []
        for number in range(steps):
            if number == 40 and random.random() < 0.5:
                away = random.sample(self.devices, random.choice((1, 1, 2)) if len(self.devices) > 2 else 1)
            if number == 70:
                for device in self.devices:
                    if device not in away:
                        device.parked |= {gone.name for gone in away}
            if number == 110:
                away = []
                for device in self.devices:
                    device.parked.clear()
            self.step(away)
            self.check()
        self.late.clear()
        for _ in range(3 * len(self.devices)):
            for device in self.devices:
                for peer in self.devices:
                    if peer is not device:
                        greet(device, peer, self.rules)
                        for page in read_pages(device, peer, 7, self.rules):
                            self.take(device, page)
                device.join_ranges(0, vector_min)
                device.prune(self.rules)
            self.check()
        for device in self.devices[1:]:
            if device.floor() != self.devices[0].floor():
                raise Violation(f"devices {device.name} and {self.devices[0].name} never get in step")
            if visible(device.rows) != visible(self.devices[0].rows):
                raise Violation(f"devices {device.name} and {self.devices[0].name} end with different rows")
        return self


def report(left_out, seeds, first=0):
    found, prunes, completes = [], 0, 0
    for seed in range(first, first + seeds):
        world = World(seed, set(RULES) - set(left_out))
        try:
            world.run()
        except Violation as violation:
            found.append((seed, str(violation)))
        prunes += world.prunes
        completes += world.completes
    print(f"{'without ' + ', '.join(left_out) if left_out else 'all rules':25} {len(found):5} of {seeds} runs fail"
          f" ({prunes} prunings, {completes} complete pages)", *(f"first: seed {s}: {w}" for s, w in found[:3]), flush=True)
    return bool(found) == bool(left_out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--without", nargs="+", choices=RULES, default=())
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    every = [(), *((rule,) for rule in RULES if rule != "mutual")]
    results = [report(left_out, options.seeds, options.first) for left_out in (every if options.all else (options.without,))]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
