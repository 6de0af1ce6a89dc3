"""What a child has said, as events: nothing of it is taken for granted, for a hostile file may speak in the child's place."""

from typing import Any

from krai.attempt import Advanced, AsksToCommit, Event, Failed, Step, Succeeded, Uncommitted
from krai.dataset import Dataset
from krai.errors import KraiError, Terminal, Transient
from krai.job import Progress, Stage


def understood(said: Any) -> tuple[Event, list[Step]]:
    """The event, and with the last one of a job its steps. Raises ValueError when it makes no sense."""
    try:
        event = _event(said)
        if isinstance(event, Advanced | AsksToCommit):
            return event, []
        return event, [Step(Stage(stage).value, int(began_ns), int(ended_ns)) for stage, began_ns, ended_ns in said["steps"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("A child said what nobody understands.") from error


def _event(said: Any) -> Event:
    match said["event"]:
        case "advanced":
            return Advanced(Progress.from_doc(said["progress"]))
        case "asks_to_commit":
            return AsksToCommit()
        case "succeeded":
            dataset = None if said["dataset"] is None else Dataset.from_doc(said["dataset"])
            dropped = None if said["dropped"] is None else str(said["dropped"])
            return Succeeded(said["result"], dataset, dropped=dropped)
        case "uncommitted":
            return Uncommitted()
        case "failed":
            kind: type[KraiError] = Terminal if said["terminal"] else Transient
            return Failed(kind(said["code"], said["detail"], result=said["result"]))
        case "superseded":
            return Failed(Transient("internal", "The job was superseded."))
        case _:
            raise ValueError("A child said what nobody understands.")
