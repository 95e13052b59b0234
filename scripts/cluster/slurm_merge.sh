#!/usr/bin/env bash
# The end of a job array: joins the blocks of a run (see slurm_array.sh).
#SBATCH --job-name=farmcd-merge
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
set -euo pipefail
FARMCD=${FARMCD:-$(cd "$(dirname "$0")/../.." && pwd)/scripts/farmcd}
exec "$FARMCD" merge "$1"
