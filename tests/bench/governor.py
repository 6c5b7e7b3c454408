"""What the rate governor gets out of an environment, simulated: `python -m tests.bench.governor`.

An environment of 100 requests a second and tills that want 1.5 times as much for half an hour; in
the second table it is silent from minute 5 to 7.
"""

from __future__ import annotations

from itertools import pairwise

from shared.dynamics.governor import Lane
from tests.simulation.governor.world import Demand, Environment, World

CAPACITY = 100.0
SECONDS = 1800
OUTAGE = (300.0, 420.0)


def demand(instances: int) -> Demand:
    wanted = {Lane.SALE: 60.0, Lane.STOCK: 40.0, Lane.PRICE: 10.0, Lane.BULK: 40.0}
    each = {lane: rate / instances for lane, rate in wanted.items()}
    return lambda _instance, _time: each


def line(instances: int, environment: Environment) -> str:
    lanes = "  ".join(
        f"{lane.name.lower()} {environment.accepted[lane] / environment.total:5.1%}"
        for lane in Lane
    )
    goodput = environment.total / environment.allowed(SECONDS)
    return (
        f"{instances:9}  goodput {goodput:6.2%}  refused {environment.refused_part:6.3%}  {lanes}"
    )


def main() -> None:
    print(f"{CAPACITY:g} requests/s allowed, 150 wanted, {SECONDS} s\ninstances")
    for instances in (1, 2, 5, 10, 20):
        environment = Environment(lambda _: CAPACITY)
        World(instances, environment, demand(instances)).run(SECONDS)
        print(line(instances, environment))
    print(f"\nthe same, silent from {OUTAGE[0]:g} to {OUTAGE[1]:g} s\ninstances")
    for instances in (1, 20):
        environment = Environment(lambda _: CAPACITY, outages=(OUTAGE,))
        World(instances, environment, demand(instances)).run(SECONDS)
        print(line(instances, environment))
        after = [environment.accepted_by_second[int(OUTAGE[1]) + second] for second in range(120)]
        begun = next(at for at, accepted in enumerate(after) if accepted)
        steepest = max(later - earlier for earlier, later in pairwise(after))
        print(
            f"{'':9}  {len(environment.unanswered)} calls unanswered; first answer {begun} s after"
            f" the end, {sum(after[begun : begun + 5]) / 5:.0f} requests/s in the 5 s then,"
            f" steepest rise {steepest} in a second"
        )


if __name__ == "__main__":
    main()
