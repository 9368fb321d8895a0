"""`Runner` by Ray Jobs: each run is a driver on the head node, in the runtime environment of this replica.

Drivers hold no CPU of the cluster; what they dub does. Ray keeps what it knows of jobs as long as its head lives.
"""

import re
import shlex
import sysconfig
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import ray
from ray.job_submission import JobStatus, JobSubmissionClient

import jobs
from serve_app.jobs.runner import ClusterError, Run

PREFIX = "error: "  # of the line with which a command of this package says why it ends
SIGNALLED = 128  # a shell adds this to the number of the signal that a command died of
LOST = re.compile("JOB_SUPERVISOR_ACTOR")  # an error of the process that watches over the driver


class RayJobs:
    """For a process that is connected to Ray. The cluster's dashboard must run: it takes jobs."""

    def submit(self, name: str, command: Sequence[str]) -> None:
        try:
            self._client.submit_job(
                entrypoint=shlex.join(command), submission_id=name, runtime_env=_environment(), entrypoint_num_cpus=0
            )
        except Exception as error:
            if "already exists" not in str(error):
                raise self._failure(error) from error

    def look(self, name: str) -> Run | None:
        try:
            info = self._client.get_job_info(name)
        except Exception as error:
            if _is_unknown(error):
                return None
            raise self._failure(error) from error
        if info.status == JobStatus.PENDING:
            return Run("waiting")
        if info.status == JobStatus.RUNNING:
            return Run("running")
        if info.status == JobStatus.SUCCEEDED:
            return Run("succeeded")
        if info.status == JobStatus.STOPPED:
            return Run("stopped")
        code = info.driver_exit_code
        if LOST.match(info.error_type or "") or (code is not None and (code < 0 or code > SIGNALLED)):
            return Run("lost")
        said = [line for line in (info.message or "").splitlines() if line.startswith(PREFIX)]
        return Run("failed", said[-1].removeprefix(PREFIX) if said else None)

    def stop(self, name: str) -> None:
        try:
            self._client.stop_job(name)
        except Exception as error:
            if not _is_unknown(error):
                raise self._failure(error) from error

    @cached_property
    def _client(self) -> Any:
        try:
            return JobSubmissionClient(ray.get_runtime_context().gcs_address)
        except Exception as error:  # a dashboard that is away has many ways to say so
            raise ClusterError(f"the cluster's dashboard does not answer: {error}") from error

    def _failure(self, error: Exception) -> ClusterError:
        self.__dict__.pop("_client", None)  # its address may be another by now
        return error if isinstance(error, ClusterError) else ClusterError(str(error))


def _is_unknown(error: Exception) -> bool:
    return "status code 404" in str(error)


def _environment() -> dict[str, Any]:
    """As this replica's: the same files and variables; and this package, where it is not installed."""
    given = ray.get_runtime_context().runtime_env.to_dict()
    environment = {name: value for name, value in given.items() if not name.startswith("_") and value}
    root = str(Path(jobs.__file__).parents[1])
    if root != sysconfig.get_path("purelib") and "working_dir" not in environment:
        variables = dict(environment.get("env_vars") or {})
        others = variables.get("PYTHONPATH", "").split(":")
        variables["PYTHONPATH"] = ":".join([root, *(other for other in others if other not in ("", root))])
        environment["env_vars"] = variables
    return environment
