#!/bin/sh
# Settings of Open MPI for the machine at hand. What is already set stays as it is. Either
#
#     . cluster/env.sh                             for the shell that you are in
#     cluster/env.sh mpirun -n 4 pg-worker ...     for one command

# The superuser, as in a container, has to allow mpirun twice.
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT="${OMPI_ALLOW_RUN_AS_ROOT:-1}"
    export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="${OMPI_ALLOW_RUN_AS_ROOT_CONFIRM:-1}"
fi

# More ranks than cores are allowed: a rank that waits sleeps. A host's slots are still filled before the next one's.
export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"

# Open MPI would pin each rank of a small world to one core; a rank's threads spread over its share of them. On a host
# with several NUMA nodes a rank that mpirun does not bind keeps to a node by itself: only there is known how many ranks
# the host has, and which cores and nodes its container leaves them. PALIGEMMA_BIND=none switches that off.
export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"

# A worker has its own threads; OpenBLAS is called from each of them.
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"

# Whether ranks of a host may read each other's memory (Open MPI's single copies) each rank tries for itself.

# A container's shared memory may be small; the files behind it can stand elsewhere.
shared="$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')"
if [ "${shared:-0}" -lt 262144 ]; then
    export OMPI_MCA_btl_vader_backing_directory="${OMPI_MCA_btl_vader_backing_directory:-${TMPDIR:-/tmp}}"
fi
unset shared

# mpirun hands its own settings on to other hosts, and of the rest what it is told to.
if [ -z "${OMPI_MCA_mca_base_env_list:-}" ]; then
    OMPI_MCA_mca_base_env_list="$(env | sed -n 's/^\(PALIGEMMA_[A-Z_]*\|OPENBLAS_[A-Z_]*\)=.*/\1/p' | paste -sd ';' -)"
    export OMPI_MCA_mca_base_env_list
fi

case "$0" in
    */env.sh) if [ "$#" -gt 0 ]; then exec "$@"; fi ;;
esac
