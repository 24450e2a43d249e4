#!/bin/sh
# Same contract as the official image: the first word chooses the server, and each has the same defaults.
set -eu

# given NAME ARGS…: whether the option NAME is among ARGS.
given() {
  name=$1
  shift
  for arg; do
    case $arg in "$name" | "$name"=*) return 0 ;; esac
  done
  return 1
}

[ $# -gt 0 ] || set -- help
what=$1
shift
# The data belong to the user `seaweed`; root only hands a new volume over.
run=weed
if [ "$(id -u)" = 0 ]; then
  chown seaweed:seaweed /data
  run='setpriv --reuid=seaweed --regid=seaweed --init-groups weed'
fi
case $what in
  master) exec $run -logtostderr=true master -mdir=/data -volumePreallocate -volumeSizeLimitMB=1024 "$@" ;;
  volume)
    given -max "$@" || set -- -max=0 "$@"
    exec $run -logtostderr=true volume -dir=/data "$@"
    ;;
  server)
    given -volume.max "$@" || set -- -volume.max=0 "$@"
    exec $run -logtostderr=true server -dir=/data -master.volumePreallocate -master.volumeSizeLimitMB=1024 "$@"
    ;;
  filer) exec $run -logtostderr=true filer "$@" ;;
  s3) exec $run -logtostderr=true s3 "-domainName=${S3_DOMAIN_NAME:-}" "-key.file=${S3_KEY_FILE:-}" "-cert.file=${S3_CERT_FILE:-}" "$@" ;;
  *) exec $run "$what" "$@" ;;
esac
