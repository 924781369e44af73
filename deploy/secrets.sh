#!/bin/sh
# Makes this installation's secrets at its first start. Only who needs one can read it.
set -eu
umask 077
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -e /secrets/database/password ]; then
  random >/secrets/database/password
fi
if [ ! -e /secrets/web/complete ]; then
  random >/secrets/web/secret_key
  printf 'postgres://chat:%s@database:5432/chat' "$(cat /secrets/database/password)" \
    >/secrets/web/database_url
  chown -R 10001 /secrets/web # the user of the web image
  touch /secrets/web/complete
fi
