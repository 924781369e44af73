#!/bin/sh
# Puts a backup in the place of the database: make restore FILE=backups/chat-....dump
set -eu
cd "$(dirname "$0")/.."
. deploy/say.sh

file=${1:-}
replace=${2:-}

[ "$file" ] || stop "Which one? make restore FILE=backups/chat-....dump
$(ls backups/chat-*.dump 2>/dev/null || echo "There is none in backups/.")"
[ -f "$file" ] && [ -s "$file" ] || stop "There is no such backup: $file"
alone

# A service of its own, so it says nothing of what it depends on.
backup() { docker compose --progress quiet run --rm --no-deps --no-TTY backup "$@"; }

done_so_far="Nothing has been changed."
trap '[ $? = 0 ] || say "The restore FAILED. $done_so_far" >&2' EXIT

say "1/5 Starting the database ..."
docker compose --progress quiet up --detach --wait --no-deps database
docker compose --progress quiet run --rm --no-deps ownership

backup whole <"$file"
people=$(backup people </dev/null)
if [ "$people" != 0 ] && [ "$replace" != yes ]; then
	say "The database is not empty. Accounts: $people. The backup would take its place."
	[ -t 0 ] || stop "To do that: make restore FILE=$file REPLACE=yes"
	printf 'Type "replace" to do that: '
	read -r answer
	[ "$answer" = replace ] || {
		trap - EXIT
		stop "Not replaced. Nothing has been changed."
	}
fi

say "2/5 Reading $file beside the database in use ..."
backup stage <"$file"

say "3/5 Stopping the site, and putting it in its place ..."
done_so_far="The site is stopped. Its old database is still there: docker compose up --detach"
docker compose config --services | grep -xE 'web|worker' | xargs docker compose --progress quiet stop
backup swap </dev/null

say "4/5 Bringing the tables up to date ..."
done_so_far="The backup is in its place, but the site is stopped: see above, then make deploy"
docker compose --progress quiet run --rm --no-deps migrate

say "5/5 Starting the site ..."
docker compose --progress quiet up --detach --wait --no-build
say "Restored from $file."
