#!/bin/sh
# Runs in the service `backup`, beside the database.
#
#   daily    backs up at BACKUP_AT (UTC) every day, and at once if the newest backup is a day old
#   now      backs up
#   recent   fails if there is no backup of the last 26 hours: the health of the service
#   people   prints how many there are in the database
#   whole    fails if its standard input is not a whole backup
#   stage    reads a backup from its standard input into a database beside the one in use
#   swap     puts that one in its place
set -eu
umask 077
export PGDATABASE=chat
staged=chat_restored
read_in=/backups/.restoring

say() { printf '%s\n' "$*"; }
query() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }
# Reads every byte. `pg_restore --list` reads the table of contents, which comes first, and is
# content with half a file.
is_whole() { pg_restore --file=/dev/null "$1"; }
younger_than() { find /backups -maxdepth 1 -name 'chat-*.dump' -mmin "-$1" | grep -q .; }

now() {
	name=chat-$(date -u +%Y-%m-%dT%H-%M-%SZ).dump
	part=$(mktemp "/backups/.$name.XXXXXX") # another one may have begun in the same second
	trap 'rm -f "$part"' EXIT
	pg_dump --format=custom --file="$part"
	is_whole "$part"
	sync
	mv "$part" "/backups/$name"
	say "Backed up: backups/$name, $(du -h "/backups/$name" | cut -f1)"
	# Only now: a site whose backups fail keeps those it has. It is a backup all the same if the old
	# ones stay: made again and again, it would fill the disk.
	remove_old || say "Old backups could not be removed." >&2
}

# A new server, which is empty, may have been given old ones to restore.
remove_old() {
	people=$(people) || return
	[ "$people" = 0 ] || find /backups -maxdepth 1 -name 'chat-*.dump' -mtime "+$BACKUP_DAYS" -print -exec rm {} + || return
	find /backups -maxdepth 1 -type f -name '.*' -mmin +1440 -exec rm {} + # of one that was killed
}

daily() {
	younger_than 1440 || try
	while true; do
		sleep "$(seconds_until "$BACKUP_AT")"
		try
	done
}

# As a process of its own, which stops at the first error.
try() {
	until sh "$0" now; do
		say "The backup FAILED. Trying again in ten minutes." >&2
		sleep 600
	done
}

seconds_until() {
	then=$(seconds_of "$1:00")
	passed=$(seconds_of "$(date -u +%H:%M:%S)")
	say $(((then - passed + 86399) % 86400 + 1))
}

# Of 08:05:09, in which a shell would see octal numbers.
seconds_of() { say "$1" | awk -F: '{ print $1 * 3600 + $2 * 60 + $3 }'; }

people() { people_in "$PGDATABASE"; }

people_in() {
	if [ "$(query --dbname "$1" --command "SELECT to_regclass('chat_user') IS NULL")" = t ]; then
		say 0
	else
		query --dbname "$1" --command "SELECT count(*) FROM chat_user"
	fi
}

whole() {
	read_in
	is_whole "$read_in" || {
		say "This is not a whole backup." >&2
		exit 1
	}
}

# pg_restore wants to go back and forth in it.
read_in() {
	trap 'rm -f "$read_in"' EXIT
	cat >"$read_in"
}

stage() {
	read_in
	PGOPTIONS=--client-min-messages=warning dropdb --if-exists "$staged"
	createdb "$staged"
	pg_restore --dbname="$staged" --single-transaction --exit-on-error --no-owner "$read_in"
	say "Accounts: $(people_in "$staged")"
	query --dbname "$staged" --command "
		SELECT 'Messages: ' || count(*) || coalesce(
			', the last of ' || to_char(max(created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC', ''
		) FROM chat_message"
}

swap() {
	old=chat_until_$(date -u +%Y%m%d_%H%M%S)
	had=$(people)
	# Both or none of it.
	query --dbname postgres --single-transaction >/dev/null <<-END
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('$PGDATABASE', '$staged');
		ALTER DATABASE $PGDATABASE RENAME TO $old;
		ALTER DATABASE $staged RENAME TO $PGDATABASE;
	END
	if [ "$had" = 0 ]; then
		dropdb "$old"
	else
		say "What was there before is kept beside it. When nobody misses it:"
		say "    docker compose exec database dropdb --username chat $old"
	fi
}

recent() { younger_than 1560; }

case ${1:-} in
daily | now | recent | people | whole | stage | swap) "$1" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
