#!/usr/bin/env bash
# A run as a SLURM job array: one task a block, none of them knows of the others, no scheduler of dask.
#
#   farmcd plan BEFORE AFTER --out /shared/run [options of detect]      on any machine; prints how many blocks there are
#   sbatch --array=0-2499%64 scripts/cluster/slurm_array.sh /shared/run
#   sbatch --dependency=afterok:JOBID scripts/cluster/slurm_merge.sh /shared/run
#
# A task that fails or is killed is computed by submitting the same array again: finished blocks answer at once.
# Without SLURM the same file is one block:  SLURM_ARRAY_TASK_ID=7 scripts/cluster/slurm_array.sh /shared/run
#SBATCH --job-name=farmcd-block
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=02:00:00
#SBATCH --requeue
set -euo pipefail
PLAN=$1
FARMCD=${FARMCD:-$(cd "$(dirname "$0")/../.." && pwd)/scripts/farmcd}
# One tile a thread: as many tiles at a time as the task has cores.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec "$FARMCD" block "$PLAN" "${SLURM_ARRAY_TASK_ID:?the number of the block}"
