#!/bin/sh
# Writes .env for compose.production.yml: make env DOMAIN=chat.example.org
set -eu
cd "$(dirname "$0")/.."
. deploy/say.sh

case ${1:-} in
'') stop "Which name will the site have? make env DOMAIN=chat.example.org" ;;
*[!a-zA-Z0-9.-]*) stop "$1 is not the name of a site. It looks like this: chat.example.org" ;;
esac
[ ! -e .env ] || stop ".env is there already, and holds the keys of this site. Edit it by hand."

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
trap 'rm -f .env.part' EXIT
cat >.env.part <<END
# Keep a copy somewhere else, together with the backups. .env.example explains what else may be set.
COMPOSE_FILE=compose.production.yml
DOMAIN=$1
SECRET_KEY=$(random)
DATABASE_PASSWORD=$(random)
REDIS_PASSWORD=$(random)
METRICS_TOKEN=$(random)
END
mv .env.part .env
say "Written: .env, with new secrets for $1. Next: make deploy"
