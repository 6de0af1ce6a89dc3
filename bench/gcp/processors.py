"""Where the processors' time goes: by process of a measurement, which tells more than a rate on a machine with other work."""

from collections import defaultdict
from collections.abc import Mapping

import psutil

# What is in a command line, and what its process is called in a report. The first that fits counts.
PARTS = {
    "tasks": "Celery",
    "main.py": "API",
    "worker.py": "worker",
    "pubsub": "Pub/Sub emulator",
    "firestore": "Firestore emulator",
    "fake-gcs": "storage emulator",
}


def busy_s() -> Mapping[str, float]:
    """Seconds used so far by the processes this one has started, with those that they have started; a worker's children stand apart."""
    busy: defaultdict[str, float] = defaultdict(float)
    for process in psutil.Process().children():
        line = " ".join(process.cmdline())
        name = next((name for part, name in PARTS.items() if part in line), "others")
        own = _used_s(process)
        below = sum(_used_s(child) for child in process.children(recursive=True))
        busy[name] += own if name == "worker" else own + below
        if name == "worker":
            busy["its children"] += below
    return busy


def note(what: str, before: Mapping[str, float], jobs: int) -> str:
    """The milliseconds a job has cost since `before`."""
    spent = {name: (seconds - before.get(name, 0.0)) / jobs * 1000 for name, seconds in busy_s().items()}
    told = ", ".join(f"{name} {ms:.1f}" for name, ms in sorted(spent.items(), key=lambda entry: -entry[1]) if round(ms, 1) > 0)
    return f"processor time of a job of {what}, in ms: {told}; together {sum(spent.values()):.0f}"


def _used_s(process: psutil.Process) -> float:
    """Its own time and that of its children that have ended."""
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0
