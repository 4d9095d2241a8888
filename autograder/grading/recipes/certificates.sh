#!/bin/sh
# Make what scheduler, workers and the grading machine need to trust each other and nobody else, with OpenSSL:
#
#   certificates.sh FOLDER
#
# Then FOLDER holds ca.pem, cluster.pem, cluster.key and tls.yaml. Copy the folder to every machine, at the same path,
# readable by you alone, and let each process find it: export DASK_CONFIG=FOLDER. Whoever has cluster.key can join the
# cluster and read every submission and the secret that questions are drawn from; delete it after the term.
set -eu
[ $# -eq 1 ] || { echo "usage: certificates.sh FOLDER" >&2; exit 2; }
command -v openssl > /dev/null || { echo "certificates.sh: openssl is not installed" >&2; exit 2; }
umask 077
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$folder"
if [ -e cluster.key ]; then
    echo "certificates.sh: $folder/cluster.key is there already; remove it to make new ones" >&2
    exit 2
fi
openssl req -x509 -newkey rsa:3072 -nodes -days 200 -keyout ca.key -out ca.pem -subj "/CN=unrolled CA" 2> /dev/null
openssl req -newkey rsa:3072 -nodes -keyout cluster.key -out cluster.csr -subj "/CN=unrolled cluster" 2> /dev/null
openssl x509 -req -in cluster.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 200 -out cluster.pem 2> /dev/null
rm -f ca.key ca.srl cluster.csr # nobody signs another one
cat > tls.yaml << EOF
distributed:
  comm:
    require-encryption: true
    default-scheme: tls
    tls:
      ca-file: $folder/ca.pem
      scheduler: {cert: $folder/cluster.pem, key: $folder/cluster.key}
      worker: {cert: $folder/cluster.pem, key: $folder/cluster.key}
      client: {cert: $folder/cluster.pem, key: $folder/cluster.key}
EOF
echo "export DASK_CONFIG=$folder"
