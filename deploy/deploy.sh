#!/bin/sh
# Starts the site, or puts this version in the place of the one that runs: make deploy
#
# Each web replica is stopped only when its successor is ready. What is stopped says goodbye to its
# sockets, whose pages go to another one.
set -eu
cd "$(dirname "$0")/.."
. deploy/say.sh
alone

compose() { docker compose --progress quiet "$@"; }
inspect() { docker inspect --format "{{$1}}" "$2"; }

# Compose counts what `docker compose run web ...` has started as well.
web_replicas() {
	docker compose ps --all --quiet web | xargs --no-run-if-empty docker inspect --format \
		'{{if eq (index .Config.Labels "com.docker.compose.oneoff") "False"}}{{.Id}}{{end}}' | sed '/^$/d'
}

replace() { # replace OLD: one more, and when that is ready one less
	before=$(web_replicas)
	compose up --detach --no-build --no-recreate --scale web=$(($(count "$before") + 1)) web
	new=$(web_replicas | grep -vF "$before")
	wait_for "$new"
	sleep 3 # Caddy remembers for 2 s that it found nobody there while it was starting
	docker stop "$1" >/dev/null
	docker rm "$1" >/dev/null
}

count() { printf '%s\n' "$1" | grep -c .; }

wait_for() {
	for _ in $(seq 90); do
		[ "$(inspect .State.Health.Status "$1")" != healthy ] || return 0
		[ "$(inspect .RestartCount "$1")" -lt 3 ] || break
		sleep 1
	done
	docker logs --tail 20 "$1" >&2
	docker rm --force "$1" >/dev/null
	stop "The new version does not get ready. That is what it said."
}

failed() {
	set +e # whatever else fails now, it is said
	if [ "$is_replaced" = no ]; then # whatever starts next starts what served before
		new_image=$(docker image inspect --format '{{.Id}}' "$image")
		docker tag "$old_image" "$image"
		forget_migration
		forget "$new_image"
	fi
	say "The deploy FAILED. $done_so_far" >&2 # last: there may be nobody any more to say it to
}

# What was made of another image would migrate to that version's tables; and when Compose before 2.35
# makes it anew, it starts anew, all at once, whatever depends on it.
forget_migration() { compose rm --force migrate >/dev/null; }

# An image that nothing is made of any more; a small disk would be full one day.
forget() {
	[ "$1" = "$(docker image inspect --format '{{.Id}}' "$image")" ] ||
		docker image rm "$1" >/dev/null 2>&1 || true
}

done_so_far="Nothing has been changed."
replicas=$(web_replicas)
is_replaced=yes
if [ "$replicas" ]; then
	is_replaced=no
	one=$(printf '%s\n' "$replicas" | head -n 1)
	image=$(inspect .Config.Image "$one") old_image=$(inspect .Image "$one")
fi
trap '[ $? = 0 ] || failed' EXIT

say "1/4 Building ..."
# The worker and `migrate` are made of the same image.
said=$(docker compose build web 2>&1) || stop "$(printf '%s\n' "$said" | tail -n 40)"

if [ "$replicas" ]; then
	say "2/4 Bringing the tables up to date ..."
	compose up --detach --wait --no-recreate --no-deps database redis
	plan=$(compose run --rm --no-deps --no-TTY migrate python manage.py migrate --plan) ||
		stop "The new version cannot look at the tables. That is what it said."
	case $plan in
	*"No planned migration operations."*) ;;
	*)
		[ ! "$(docker compose ps --quiet database)" ] || compose run --rm --no-deps --no-TTY backup now
		done_so_far="The old version serves on; its tables may be those of the new one."
		compose run --rm --no-deps migrate
		;;
	esac

	say "3/4 Replacing $(count "$replicas") web replicas, one after another ..."
	done_so_far="Those that were not replaced serve on, as the old version. make deploy goes on."
	forget_migration
	for old in $replicas; do
		replace "$old"
		say "    replaced $(printf %.12s "$old")"
	done
	is_replaced=yes
fi

say "4/4 Starting whatever else is new ..."
done_so_far="docker compose ps tells what does not run, docker compose logs why."
compose up --detach --wait --no-build --remove-orphans
said=$(compose exec --no-TTY caddy caddy reload --config /deploy/Caddyfile --adapter caddyfile 2>&1) ||
	stop "$said"
[ ! "$replicas" ] || forget "$old_image"
say "Deployed: $(docker compose ps --quiet web | wc -l) web replicas."
