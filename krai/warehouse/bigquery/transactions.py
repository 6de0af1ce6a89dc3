"""One try to change a dataset, by the one transaction that can succeed on what it was made upon."""

from collections.abc import Sequence
from dataclasses import dataclass

from krai.warehouse.bigquery import history, names
from krai.warehouse.bigquery.failures import FAILURES, is_conflict, meaning
from krai.warehouse.bigquery.history import After, State
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.port import Change, Undo


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change of a dataset as it stands in `state`; `tried` numbers the attempts of the same job and epoch."""

    jobs: Jobs
    dataset: str
    job: Change | Undo
    state: State
    tried: int

    @property
    def snapshot_id(self) -> int:
        """What the commit is called."""
        return self.state.latest + 1

    def commit(self, statements: Sequence[str], after: After) -> None:
        """Run the statements if nobody has committed meanwhile, all or none; the history tells whether it came about.

        The update of the one row that says so is what makes transactions collide: BigQuery lets insertions be.
        """
        commits, latest = self.jobs.named(names.commits(self.dataset)), self.state.latest
        still = f"EXISTS (SELECT 1 FROM {commits} WHERE newest AND snapshot = {latest})"
        first = f"IF {still} THEN UPDATE {commits} SET newest = FALSE WHERE newest"
        recorded = history.record(self.jobs, self.dataset, self.job, self.snapshot_id, after)
        script = ["BEGIN TRANSACTION", first, *statements, recorded, "END IF", "COMMIT TRANSACTION"]
        job_id = names.job(self.job.job_id, self.job.epoch, f"s{latest}-t{self.tried}")
        try:
            self.jobs.run(";\n".join(script), job_id, label=self.job.job_id)
        except FAILURES as error:
            if not is_conflict(error):
                raise meaning(error) from None
