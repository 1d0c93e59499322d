# A temporary PostgreSQL cluster for tests and the benchmark; to be sourced by bash.
#
#   pg_new DIR          make one under DIR (data checksums, ready for BASE_BACKUP) and start it
#   pg_load DIR SCALE   fill the database `postgres` with pgbench's tables (scale 70 is 1.1 GB)
#   pg_change DIR SHARE SEED  update that share of the accounts at random (0.01, seed 0.42 in -1..1)
#   pg_age DIR ROUNDS   let it live: that many rounds of pg_change
#   pg_sql DIR SQL      run SQL, print bare rows
#   pg_start DIR, pg_stop DIR
#   pg_url DIR          its URL, as superuser, through its socket
#   pg_drop DIR         stop it and remove DIR
#
# The cluster listens on a Unix socket alone, in a private directory with a short name (a socket's
# path has at most 107 bytes, and DIR may be deeper), so that any number of them run side by side
# and nothing outside can reach one. The server refuses to run as root: under root everything is
# run as the user `postgres`, and DIR's parents must be passable for it.

# The newest server installed, as Debian lays them out; PG_BINDIR overrides.
pg_bin() {
	local dir=${PG_BINDIR:-}
	if [ -z "$dir" ]; then
		dir=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	fi
	if [ ! -x "$dir/postgres" ]; then
		echo "pg.sh: no PostgreSQL server under /usr/lib/postgresql; install postgresql" >&2
		return 1
	fi
	printf '%s\n' "$dir"
}

# Runs one of PostgreSQL's programs as the unprivileged user, without root's locale and home.
pg_as() {
	local bin program=$1
	shift
	bin=$(pg_bin) || return 1
	if [ "$(id -u)" = 0 ]; then
		(cd / && exec runuser -u "${PG_USER:-postgres}" -- "$bin/$program" "$@")
	else
		"$bin/$program" "$@"
	fi
}

pg_socket_dir() {
	cat "$1/socket-dir"
}

pg_url() {
	printf 'postgresql:///postgres?host=%s&user=postgres\n' "$(pg_socket_dir "$1")"
}

# The settings differ from the defaults where a test needs it: room for two replication
# connections of several tests, no fsync (the data is thrown away), no autovacuum and no wal
# recycling in bursts, so that two runs see the same pages.
pg_configure() {
	cat >>"$1/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$(pg_socket_dir "$1")'
		unix_socket_permissions = 0777
		fsync = off
		synchronous_commit = off
		full_page_writes = on
		wal_level = replica
		max_wal_senders = 10
		max_replication_slots = 10
		autovacuum = off
		checkpoint_timeout = 1h
		max_wal_size = 8GB
		shared_buffers = 64MB
		maintenance_work_mem = 128MB
		log_min_messages = warning
	CONF
}

pg_new() {
	local dir=$1 socket
	mkdir -p "$dir" || return 1
	socket=$(mktemp -d /tmp/hfpg.XXXXXX) || return 1
	chmod 711 "$dir" # the server's user passes through; the socket's path is no secret
	printf '%s\n' "$socket" >"$dir/socket-dir"
	mkdir -p "$dir/data" "$dir/log"
	if [ "$(id -u)" = 0 ]; then
		chown "${PG_USER:-postgres}": "$dir/data" "$dir/log" "$socket" || return 1
	fi
	: >"$dir/initdb.log"
	if ! pg_as initdb -D "$dir/data" -U postgres -A trust --data-checksums --no-sync \
		--encoding=UTF8 --locale=C >"$dir/initdb.log" 2>&1; then
		cat "$dir/initdb.log" >&2
		return 1
	fi
	pg_configure "$dir"
	pg_start "$dir"
}

pg_start() {
	mkdir -p "$(pg_socket_dir "$1")"
	if ! pg_as pg_ctl -D "$1/data" -w -t 120 -l "$1/log/server.log" start >"$1/start.log" 2>&1; then
		cat "$1/start.log" "$1/log/server.log" >&2
		return 1
	fi
}

pg_stop() {
	[ -e "$1/data/postmaster.pid" ] || return 0
	pg_as pg_ctl -D "$1/data" -w -t 120 -m fast stop >/dev/null
}

pg_drop() {
	[ -e "$1/socket-dir" ] || return 0
	pg_stop "$1"
	rm -rf "$(pg_socket_dir "$1")" "$1"
}

pg_sql() {
	# From stdin, not -c, which would wrap several statements into one transaction.
	printf '%s\n' "$2" | "$(pg_bin)/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$(pg_url "$1")" -f -
}

pg_load() {
	"$(pg_bin)/pgbench" -i -q -s "$2" "$(pg_url "$1")" >"$1/load.log" 2>&1 ||
		{ cat "$1/load.log" >&2; return 1; }
	pg_sql "$1" CHECKPOINT
}

# One statement for each of many accounts, as applications do, not one for all: every change then
# has its own transaction, and the new row versions come in no order.
pg_change() {
	local share=${2:-0.01} seed=${3:-0.42}
	pg_sql "$1" "
		DO \$\$
		DECLARE
			top int := (SELECT max(aid) FROM pgbench_accounts);
			chosen int;
		BEGIN
			PERFORM setseed($seed);
			FOR i IN 1..($share * top)::int LOOP
				chosen := 1 + floor(random() * top); -- in the WHERE it would prevent use of the index
				UPDATE pgbench_accounts SET abalance = abalance + 1 + (random() * 1000)::int
				WHERE aid = chosen;
				COMMIT;
			END LOOP;
		END \$\$;
		CHECKPOINT"
}

# A table fresh from pgbench is full to the brim: each first update of a row goes to the end of the
# table and into the index, which no cluster that has lived does. After three rounds of 1 % most
# updated rows find room in their own page, as they would in production.
pg_age() {
	local round
	for round in $(seq "${2:-3}"); do
		pg_change "$1" 0.01 "0.00$round" || return 1
	done
}
