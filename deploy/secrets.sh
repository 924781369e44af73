#!/bin/sh
# Makes this installation's secrets at its first start. Only who needs one can read it.
set -eu
umask 077

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -s "$1" ] || cat >"$1"; } # what was kept before stays

random | keep /secrets/database/password
random | keep /secrets/web/secret_key
random | keep /secrets/metrics/token # for Prometheus, which gets nothing else to see
cp /secrets/metrics/token /secrets/web/metrics_token
password=$(cat /secrets/database/password)
printf 'postgres://chat:%s@database:5432/chat' "$password" | keep /secrets/web/database_url
chown 10001 /secrets/web/* # the user of the web image
chown 65534 /secrets/metrics/* # that of Prometheus's
