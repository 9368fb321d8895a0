"""The desk of jobs: takes orders, tells how jobs stand, cancels them. It remembers nothing that is not in the book.

Book, outputs and cluster are asked in threads: each question is a request to a store or to the cluster's head.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from emotalk.dubbing.progress import read_progress
from emotalk.dubbing.report import PAGE, REPORT
from emotalk.dubbing.report.reader import read_failures
from emotalk.errors import InputError
from emotalk.files import open_source
from serve_app.config import ServeConfig
from serve_app.jobs.book import CONTROLS, Job, JobBook, id_of
from serve_app.jobs.order import Order
from serve_app.jobs.runner import ClusterError, Run, Runner
from serve_app.jobs.standing import ACTIVE, Known, Standing, told_by_cluster, told_by_progress
from serve_app.problems import (
    CLUSTER,
    KEY_REUSED,
    NO_REPORT,
    OUTPUT_TAKEN,
    OVERLOADED,
    UNKNOWN_JOB,
    Problem,
)

T = TypeVar("T")
THREADS = 16
ANSWER_S = 60.0  # for the store or the cluster
MOST_FAILURES = 100  # that a job's answer names; the report has all
REMEMBERED = 5_000  # jobs that are over, so that lists need not read them again
LATER_S = 30  # after which it may be worth to order again
BLOCK = 2**18
REPORTS = {"html": PAGE, "parquet": REPORT}

logger = logging.getLogger("ray.serve.emotalk")


class JobDesk:
    """models: their places by name, as drivers on the cluster see them."""

    def __init__(self, config: ServeConfig, book: JobBook, runner: Runner, models: Mapping[str, str]) -> None:
        self._config, self._book, self._runner, self._models = config, book, runner, models
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="jobs")
        self._ended: dict[str, Known] = {}
        self._taking = asyncio.Lock()

    async def place(self, order: Order, key: str | None) -> Known:
        """Begins a job, or finds the one that was begun with this key. An interrupted one is begun again.

        A Problem where the key was used for another order, where the output is another job's at this moment, and where
        there are as many jobs as there may be.
        """
        id = id_of(key)
        async with self._taking:  # one at a time, so that they see each other
            job = await self._do(self._book.find, id)
            if job is None:
                await self._check_room(id, order)
                job = await self._do(self._book.open, id, order, time.time())
                return await self._begin(job)
            if job.order != order.sha256:
                raise Problem(KEY_REUSED, f"job {id} was ordered with this key, and not as now")
            standing = await self._stand(job)
            if standing.state == "interrupted" or (standing.state == "queued" and not job.submitted):
                await self._check_room(id, order)
                run = job.run + 1 if job.submitted else job.run
                return await self._begin(replace(job, run=run, submitted=False, begun=time.time()))
            return job, standing

    async def known(self) -> list[Known]:
        """All jobs, the latest first."""
        ids = await self._do(self._book.ids)
        jobs = await asyncio.gather(*(self._known(id) for id in ids))
        return sorted((known for known in jobs if known is not None), key=lambda known: -known[0].created)

    async def find(self, id: str) -> Known:
        known = await self._known(id)
        if known is None:
            raise Problem(UNKNOWN_JOB, f"there is no job {id!r}")
        return known

    async def cancel(self, id: str) -> Known:
        """Nothing changes where it is over. What is finished stays."""
        job, standing = await self.find(id)
        if standing.is_final:
            return job, standing
        job = replace(job, cancelled=True)
        await self._do(self._book.write, job)
        await self._do(self._runner.stop, job.run_name)
        return job, await self._stand(job)

    async def report(self, id: str, kind: str) -> Iterator[bytes]:
        """The bytes of a report, of a kind of `REPORTS`. A Problem where it has none."""
        job, standing = await self.find(id)
        if not standing.is_final:
            raise Problem(NO_REPORT, f"job {id} is {standing.state}: it has none yet")
        progress = await self._do(read_progress, job.output)
        if not standing.has_report or progress is None or progress.run != job.run_name:
            why = "never came to write one" if not standing.has_report else "had one until another run wrote there"
            raise Problem(NO_REPORT, f"job {id} {why}")
        try:
            return await self._do(_blocks, f"{job.output}/{REPORTS[kind]}")
        except InputError as error:
            raise Problem(NO_REPORT, f"somebody took the report of job {id} away") from error

    async def _known(self, id: str) -> Known | None:
        if id in self._ended:
            return self._ended[id]
        job = await self._do(self._book.find, id)
        return None if job is None else (job, await self._stand(job))

    async def _check_room(self, id: str, order: Order) -> None:
        active = [job for job, standing in await self.known() if standing.state in ACTIVE and job.id != id]
        if taken := [job.id for job in active if job.output == order.output]:
            raise Problem(
                OUTPUT_TAKEN, f"job {taken[0]} writes there: wait for it, cancel it, or choose another output"
            )
        if len(active) >= self._config.jobs_active:
            raise Problem(OVERLOADED, f"{len(active)} jobs are not over yet, as many as may be", retry_after_s=LATER_S)

    async def _begin(self, job: Job) -> Known:
        """A job of the book goes to the cluster. Where that fails the book has it, and the same order begins it."""
        await self._do(self._book.write, job)
        await self._do(self._runner.submit, job.run_name, self._command(job))
        job = replace(job, submitted=True)
        await self._do(self._book.write, job)
        return job, await self._stand(job)

    def _command(self, job: Job) -> list[str]:
        config = self._config
        inputs = job.inputs if job.manifest is None else (self._book.place(job.manifest),)
        options = {
            "--output": job.output,
            "--model": self._models[job.model],
            "--preset": self._book.place(job.id + CONTROLS),
            "--run": job.run_name,
            "--threads": config.threads,
            "--workers": config.jobs_workers,
            "--gpus": config.jobs_gpus,
        }
        given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
        return [sys.executable, "-m", "jobs.dub", *inputs, *given, "--formats", *job.formats]

    async def _stand(self, job: Job) -> Standing:
        """How a job stands; the end is written down by whoever sees it first."""
        if (end := await self._do(self._book.end, job.id)) is not None:
            standing = Standing.of(end)
        else:
            standing = await self._look(job)
            if standing.failed and standing.has_report:
                standing = replace(standing, failures=await self._failures(job))
            if standing.is_final:
                await self._do(self._book.write_end, job.id, standing.to_json())
        if standing.is_final:
            self._ended[job.id] = job, standing
            if len(self._ended) > REMEMBERED:
                del self._ended[next(iter(self._ended))]
        return standing

    async def _look(self, job: Job) -> Standing:
        progress = await self._do(read_progress, job.output)
        if (standing := told_by_progress(job, progress)) is not None:
            return standing
        run: Run | None = await self._do(self._runner.look, job.run_name)
        if run is None or run.state not in ("waiting", "running"):  # it may have said so just before
            progress = await self._do(read_progress, job.output)
            if (standing := told_by_progress(job, progress)) is not None:
                return standing
        return told_by_cluster(job, run, progress, time.time())

    async def _failures(self, job: Job) -> tuple[tuple[str, str], ...]:
        try:
            return tuple(await self._do(read_failures, job.output, MOST_FAILURES))
        except InputError:  # somebody took the report away
            return ()

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        """In a thread. A store or a cluster that fails or does not answer is a Problem."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except (OSError, ClusterError) as error:  # a time that is over is an OSError, too
            logger.warning("jobs: %s", error)
            where = "cluster" if isinstance(error, ClusterError) else "store"
            raise Problem(CLUSTER, f"the jobs' {where} does not answer as it should: repeat the request") from error


def _blocks(place: str) -> Iterator[bytes]:
    """The file is opened now, read later."""
    file = open_source(place)

    def read() -> Iterator[bytes]:
        with file:
            while block := file.read(BLOCK):
                yield block

    return read()
