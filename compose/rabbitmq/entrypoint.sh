#!/bin/bash
# Behaves towards the outside as the entrypoint of the official rabbitmq image.
set -euo pipefail

if [[ ${1:-} == rabbitmq* && $(id -u) == 0 ]]; then
  if [[ $1 == rabbitmq-server ]]; then
    find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq {} +
  fi
  exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups -- "$0" "$@"
fi

# The server itself ignores these; without a word here, a password set so would silently not be the password.
for name in \
  RABBITMQ_DEFAULT_{USER,PASS}_FILE RABBITMQ_VM_MEMORY_HIGH_WATERMARK \
  RABBITMQ_{,MANAGEMENT_}SSL_{CACERTFILE,CERTFILE,DEPTH,FAIL_IF_NO_PEER_CERT,KEYFILE,VERIFY}
do
  if [[ -n ${!name:-} ]]; then
    echo "error: $name is no longer supported; use a configuration file in /etc/rabbitmq/conf.d" >&2
    refused=1
  fi
done
if [[ -n ${refused:-} ]]; then exit 1; fi

if [[ -z ${RABBITMQ_USE_LONGNAME:-} && $(hostname) != "$(hostname -s)" ]]; then
  export RABBITMQ_USE_LONGNAME=true
fi

exec "$@"
