"""A krai worker. `python worker.py`, settings in the environment."""

if __name__ == "__main__":
    # Here and not above: the children of a worker load this file too, and need nothing of it.
    from krai.wiring import serve

    serve.main(serve.worker)
