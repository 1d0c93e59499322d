# A real S3 server for tests and the benchmark: Ceph's RADOS Gateway over one monitor and one object store in memory, on
# loopback; to be sourced by bash.
#
#   s3_start DIR                  start one in DIR (made; no space, comma, semicolon or # in its path), ready for requests
#   s3_stop DIR                   end it and remove DIR
#   s3_user DIR ID ACCESS SECRET  one more user
#   s3_bucket DIR NAME [--lock]   a bucket of the first user's, with --lock made for object lock
#   s3_ask DIR METHOD PATH [...]  one request as the first user (see s3_ask.py), its answer's body on standard output
#   s3_admin DIR ARG...           radosgw-admin
#   s3_kill_gateway DIR, s3_start_gateway DIR; s3_pause DIR, s3_resume DIR
#   s3_env DIR                    sets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the first user's, exported
#   s3_http DIR, s3_https DIR     its endpoints, as URLs; the CA's certificate is DIR/ca.pem
#   s3_url DIR BUCKET/PREFIX      the repository URL over http
#
# How it works. Everything lies in DIR, listens on free ports of 127.0.0.1, and runs in the foreground of
# a session of its own. The daemons end with the shell that called s3_start (PR_SET_PDEATHSIG), so call it from the main
# shell of a script, not in a subshell; s3_stop ends them by the ids of the processes that it started. What the store
# holds is in the daemon's memory and gone with it.
#
# Settings without which it hangs or fails: no authentication between the daemons needs ms_mon_client_mode = crc as well;
# rgw_s3_auth_order must put "local" before "sts", or each refusal is a bare AccessDenied.

s3_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# COUNT: ports that nobody has, and that the kernel gives nobody who connects: until the daemon that they are for listens, many may.
s3_free_ports() {
	/usr/bin/python3 -c "import random, socket, sys
first = int(open('/proc/sys/net/ipv4/ip_local_port_range').read().split()[0])
ports = range(10000, first) if first > 11000 else range(1024, 65536)
open_ones = []
while len(open_ones) < int(sys.argv[1]):
	s = socket.socket()
	try:
		s.bind(('127.0.0.1', random.choice(ports)))
	except OSError:
		continue
	open_ones.append(s)
	print(s.getsockname()[1])" "$1"
}

s3_certificates() { # DIR: a CA of our own, and the gateway's certificate by it
	local dir=$1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Holdfast test CA" \
		-addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
			-keyout "$dir/tls.key" -out "$dir/tls.csr" 2>/dev/null &&
		printf '%s\n' "subjectAltName=DNS:localhost,DNS:shop.localhost,IP:127.0.0.1" "basicConstraints=CA:FALSE" \
			"keyUsage=digitalSignature" "extendedKeyUsage=serverAuth" >"$dir/tls.ext" &&
		openssl x509 -req -in "$dir/tls.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days 30 -set_serial 2 \
			-extfile "$dir/tls.ext" -out "$dir/tls.pem" 2>/dev/null
}

s3_configure() { # DIR MON_PORT HTTP_PORT HTTPS_PORT
	local dir=$1 classes
	classes=$(printf '%s\n' /usr/lib/*/rados-classes /usr/lib/rados-classes | while read -r d; do [ -d "$d" ] && echo "$d"; done | sed -n 1p)
	[ -n "$classes" ] || { echo "s3.sh: no rados-classes under /usr/lib; install ceph-osd" >&2; return 1; }
	cat >"$dir/ceph.conf" <<-CONF
		[global]
		fsid = $(cat /proc/sys/kernel/random/uuid)
		mon_host = [v2:127.0.0.1:$2/0]
		public_addr = 127.0.0.1
		cluster_addr = 127.0.0.1
		auth_cluster_required = none
		auth_service_required = none
		auth_client_required = none
		ms_mon_client_mode = crc
		ms_bind_msgr1 = false
		ms_bind_ipv6 = false
		keyring = $dir/keyring
		run_dir = $dir
		log_file = $dir/log/\$name.log
		log_to_stderr = false
		err_to_stderr = true
		admin_socket =
		mon_data = $dir/mon
		osd_data = $dir/osd
		osd_objectstore = memstore
		memstore_device_bytes = 8589934592
		osd_class_dir = $classes
		osd_pool_default_size = 1
		osd_pool_default_min_size = 1
		mon_allow_pool_size_one = true
		osd_pool_default_pg_num = 4
		osd_pool_default_pgp_num = 4
		osd_pool_default_pg_autoscale_mode = off
		osd_crush_chooseleaf_type = 0
		paxos_propose_interval = 0.05
		paxos_min_wait = 0.01
		mon_max_pg_per_osd = 1000
		mon_data_avail_warn = 1
		mon_data_avail_crit = 1
		debug_ms = 0/0
		debug_mon = 0/0
		debug_osd = 0/0
		debug_rgw = 0/0
		debug_paxos = 0/0
		rgw_frontends = beast endpoint=127.0.0.1:$3 ssl_endpoint=127.0.0.1:$4 ssl_certificate=$dir/tls.pem ssl_private_key=$dir/tls.key tcp_nodelay=1
		rgw_enable_apis = s3, sts, iam, admin
		rgw_s3_auth_use_sts = true
		rgw_s3_auth_order = local, sts
		rgw_sts_key = abcdefghijklmnop
		rgw_crypt_s3_kms_backend = testing
		rgw_crypt_s3_kms_encryption_keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
		rgw_dns_name = localhost
		rgw_gc_obj_min_wait = 5
		rgw_gc_processor_period = 10
		rgw_enable_usage_log = false
		rgw_data = $dir/rgw
	CONF
}

s3_ceph() { CEPH_CONF=$s3_dir/ceph.conf CEPH_ARGS= "$@"; }

s3_daemon() { # NAME COMMAND...: in the background, until this shell ends; its id in DIR/pid
	local name=$1
	shift
	CEPH_CONF=$s3_dir/ceph.conf CEPH_ARGS='' ${s3_tie-setpriv --pdeathsig KILL} setsid "$@" >>"$s3_dir/log/$name.out" 2>&1 </dev/null &
	echo $! >"$s3_dir/pid/$name"
	disown
}

# DIR NAME: is the process that we started still that one? One that is just starting another program has no environment for a moment.
s3_alive() {
	local pid i
	pid=$(cat "$1/pid/$2" 2>/dev/null) || return 1
	for ((i = 0; i < 10; i++)); do
		grep -qzxF "CEPH_CONF=$1/ceph.conf" "/proc/$pid/environ" 2>/dev/null && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

s3_cluster() { # the monitor and the object store
	local fsid uuid
	fsid=$(sed -n 's/^fsid = //p' "$s3_dir/ceph.conf")
	uuid=$(cat /proc/sys/kernel/random/uuid)
	s3_ceph monmaptool --create --fsid "$fsid" --addv a "$(sed -n 's/^mon_host = //p' "$s3_dir/ceph.conf")" "$s3_dir/monmap" &&
		s3_ceph ceph-mon --mkfs -i a --monmap "$s3_dir/monmap" || return 1
	s3_daemon mon ceph-mon -i a -f
	s3_ceph ceph-osd -i 0 --mkfs --osd-uuid "$uuid" &&
		s3_ceph timeout 60 ceph osd new "$uuid" 0 || return 1
	s3_daemon osd ceph-osd -i 0 -f
	s3_ceph timeout 60 ceph osd crush add osd.0 1 root=default host=localhost
}

s3_admin() {
	local s3_dir=$1
	shift
	s3_ceph timeout 60 radosgw-admin -n client.rgw "$@" 2>>"$s3_dir/log/admin.out"
}

s3_user() { s3_admin "$1" user create --uid "$2" --display-name "$2" --access-key "$3" --secret-key "$4" >>"$1/log/start.out"; }

# Ready is when a PUT of a bucket works.
s3_ready() {
	local i
	for ((i = 0; i < 600; i++)); do
		s3_ask "$s3_dir" PUT /ready >>"$s3_dir/log/start.out" 2>&1 && return 0
		s3_alive "$s3_dir" rgw || { echo "s3.sh: the gateway ended" >&2; return 1; }
		sleep 0.05
	done
	echo "s3.sh: the gateway did not get ready" >&2
	return 1
}

s3_start_gateway() {
	local s3_dir=$1
	s3_daemon rgw radosgw -n client.rgw -f
	s3_ready
}

s3_start() {
	local s3_dir=$1 ports access=holdfastkey00000001 secret=Secret/Of+The/First+User0001
	mkdir -p "$s3_dir"/{log,pid,mon,osd,rgw} && : >"$s3_dir/keyring" && s3_certificates "$s3_dir" || return 1
	mapfile -t ports < <(s3_free_ports 3)
	printf '%s\n' "${ports[@]}" >"$s3_dir/ports"
	printf '%s\n' "$access" "$secret" >"$s3_dir/keys"
	s3_configure "$s3_dir" "${ports[@]}" &&
		s3_cluster >>"$s3_dir/log/start.out" 2>&1 &&
		s3_user "$s3_dir" first "$access" "$secret" &&
		s3_start_gateway "$s3_dir" && return 0
	echo "s3.sh: no S3 server came up; what its daemons said:" >&2
	tail -n 5 "$s3_dir"/log/* >&2
	s3_stop "$s3_dir"
	return 1
}

s3_stop() {
	local name
	for name in rgw osd mon; do
		s3_alive "$1" $name && kill -KILL "$(cat "$1/pid/$name")"
	done
	rm -rf "$1"
}

s3_kill_gateway() {
	s3_alive "$1" rgw && kill -KILL "$(cat "$1/pid/rgw")"
	while s3_alive "$1" rgw; do sleep 0.02; done
}
s3_pause() { s3_alive "$1" rgw && kill -STOP "$(cat "$1/pid/rgw")"; }
s3_resume() { s3_alive "$1" rgw && kill -CONT "$(cat "$1/pid/rgw")"; }

s3_http() { echo "http://localhost:$(sed -n 2p "$1/ports")"; }
s3_https() { echo "https://localhost:$(sed -n 3p "$1/ports")"; }
s3_url() { echo "s3://$2?endpoint=$(s3_http "$1")&style=path"; }

s3_env() {
	AWS_ACCESS_KEY_ID=$(sed -n 1p "$1/keys")
	AWS_SECRET_ACCESS_KEY=$(sed -n 2p "$1/keys")
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

s3_ask() {
	local dir=$1
	shift
	S3_ENDPOINT=$(s3_http "$dir") S3_ACCESS=${S3_ACCESS:-$(sed -n 1p "$dir/keys")} S3_SECRET=${S3_SECRET:-$(sed -n 2p "$dir/keys")} \
		/usr/bin/python3 "$s3_lib/s3_ask.py" "$@"
}

s3_bucket() {
	local lock=()
	[ "${3:-}" != --lock ] || lock=(-H "x-amz-bucket-object-lock-enabled: true")
	s3_ask "$1" PUT "/$2" "${lock[@]}" >/dev/null
}

# s3_proxy DIR PROXY: a proxy that breaks things (fault_proxy.py) before the server in DIR; its rules and log are in the directory
# PROXY. It ends with the shell that called this. s3_proxy_url PROXY: its endpoint.
s3_proxy() {
	local s3_dir=$1 proxy=$2 i
	mkdir -p "$proxy" || return 1
	: >"$proxy/rules"
	setpriv --pdeathsig KILL /usr/bin/python3 "$s3_lib/fault_proxy.py" "127.0.0.1:$(sed -n 2p "$s3_dir/ports")" "$proxy" 2>"$proxy/errors" &
	disown
	for ((i = 0; i < 1200; i++)); do
		[ ! -s "$proxy/port" ] || return 0
		sleep 0.05
	done
	echo "s3.sh: the proxy did not come up" >&2
	return 1
}
s3_proxy_url() { echo "http://localhost:$(cat "$1/port")"; }
