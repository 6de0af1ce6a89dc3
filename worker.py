"""A krai worker. `python worker.py`, settings in the environment; `--sweep-once` only puts back what was lost, and ends."""

import sys

if __name__ == "__main__":
    # Here and not above: the children of a worker load this file too, and need nothing of it.
    from krai.wiring import serve

    match sys.argv[1:]:
        case []:
            serve.main(serve.worker)
        case ["--sweep-once"]:
            serve.main(serve.sweep_once)
        case _:
            sys.exit("usage: python worker.py [--sweep-once]")
