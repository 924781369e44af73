# What the scripts in this folder share. They stop at the first error.

say() { printf '%s\n' "$*"; }
stop() {
	printf '%s\n' "$*" >&2
	exit 1
}

# Ctrl-C, or an ssh that breaks off. A shell may end by it without a look at the trap for EXIT.
trap 'exit 1' HUP INT TERM

# One at a time: a deploy or a restore.
alone() {
	[ -e .env ] || stop "There is no .env yet: make env DOMAIN=chat.example.org"
	grep -q '^COMPOSE_FILE=' .env || stop ".env is not that of a server. Move it away, then: make env DOMAIN=chat.example.org"
	docker compose config --quiet # says which setting is missing
	exec 9<deploy
	flock --nonblock 9 || stop "Another deploy or restore is at work."
}
