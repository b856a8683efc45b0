"""`make bench`, or `python -m infra.bench [--json] [--only NAME]`: what the code costs, against what is next to it.

Two environments take part. The timings (webhook, normalise, imports) run in .venv-bench, which holds the layer's own
dependencies and the libraries we are compared with, and nothing that would slow an import down; this process starts it
and reads JSON. The counting (money) runs here, in .venv, which has moto and the tests' state machine.
Nothing is asserted: an aim that is missed is printed as it is.
"""

from __future__ import annotations

import argparse
import json

from infra.bench import prices
from infra.bench.parts import PARTS
from infra.bench.table import rendered


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m infra.bench", description="What the code costs.")
    options.add_argument("--json", action="store_true", help="print one object instead of a table")
    options.add_argument("--only", choices=PARTS, help="measure this part alone")
    wish = options.parse_args()
    names = [wish.only] if wish.only else list(PARTS)
    found = {name: PARTS[name]() for name in names}
    if wish.json:
        print(json.dumps({name: measured.figures for name, measured in found.items()}, indent=2))
        return
    print(rendered([line for measured in found.values() for line in measured.lines]))
    if "money" in found:
        print("\nNot verified: " + "; ".join(prices.UNVERIFIED_RULES) + ".")


if __name__ == "__main__":
    main()
