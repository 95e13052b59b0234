"""A run over workers that dask starts as jobs of SLURM: `python scripts/cluster/jobs_of_dask.py JOBS ARGUMENTS`.

ARGUMENTS are those of `farmcd detect`. Needs the package dask-jobqueue; its own settings (queue, account) stand in
~/.config/dask/jobqueue.yaml. The coordinator runs where this is started, and needs one core.
"""

import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

FARMCD = Path(__file__).resolve().parents[1] / "farmcd"
THREADS = 4


def main() -> int:
    """Start the cluster, let FarmCD detect with it, and end it."""
    jobs, *arguments = sys.argv[1:]
    own = [f"export OMP_NUM_THREADS={THREADS} PYTHONPATH={FARMCD.parents[1]}"]
    options = {"cores": 1, "processes": 1, "memory": "4GB", "job_cpu": THREADS, "job_script_prologue": own}
    with SLURMCluster(**options) as cluster:
        cluster.scale(jobs=int(jobs))
        command = [FARMCD, "detect", *arguments, "--scheduler", cluster.scheduler_address]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
