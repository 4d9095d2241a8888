#!/bin/sh
# A scheduler on this machine and workers on others, over SSH, until Ctrl-C:
#
#   ssh.sh [-n WORKERS] [-p PYTHON] [-a ADDRESS] [-g] HOST...
#
#   -n  worker processes on each host (default: 2). One for each 3 GiB of memory and each processor, not more.
#   -p  the Python on the hosts that has this course installed in this version (default: python3)
#   -a  this machine's name or address as the hosts reach it (default: what `hostname -f` says)
#   -g  the hosts have a GPU: one worker on each gets the questions that need it
#
# The hosts need a login without a password (an SSH agent) and a way to port 8786 here and to each other. Nothing is
# encrypted unless DASK_CONFIG names a folder that certificates.sh made, at the same path on every host.
set -eu
workers=2 python=python3 address= gpu=
while getopts n:p:a:g option; do
    case $option in
        n) workers=$OPTARG ;;
        p) python=$OPTARG ;;
        a) address=$OPTARG ;;
        g) gpu='--resources GPU=1' ;;
        *) sed -n '4p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '4p' "$0" >&2; exit 2; }
[ -n "$address" ] || address=$(hostname -f)
port=${PORT:-8786}
scheme=tcp
[ -z "${DASK_CONFIG:-}" ] || scheme=tls
here=${PYTHON_HERE:-python3}

pids=
stop() {
    trap - EXIT INT TERM
    # Without a terminal of its own a remote worker would outlive its connection; -tt below gives it one.
    for pid in $pids; do kill "$pid" 2> /dev/null || true; done
    wait
}
trap stop EXIT
trap 'exit 130' INT TERM

"$here" -m distributed.cli.dask_scheduler --host "$address" --port "$port" --protocol "$scheme" --no-dashboard --no-show &
pids=$!
for host in "$@"; do
    start() { # options of the worker
        ssh -tt -o BatchMode=yes -o ServerAliveInterval=15 ${SSH_OPTIONS:-} "$host" \
            "${DASK_CONFIG:+DASK_CONFIG=$DASK_CONFIG }exec $python -m distributed.cli.dask_worker" \
            "$scheme://$address:$port --nthreads 1 --no-dashboard --death-timeout 60 $*" < /dev/null &
        pids="$pids $!"
    }
    if [ -n "$gpu" ]; then
        start --nworkers 1 "$gpu"
        [ "$workers" -le 1 ] || start --nworkers $((workers - 1))
    else
        start --nworkers "$workers"
    fi
done
echo "unrolled grade ASSIGNMENT --scheduler $scheme://$address:$port" >&2
wait
