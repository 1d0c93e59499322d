# Sourced by every shell test, which then defines functions test_… and ends with `run_tests "$@"`.
#
# Each test_… runs in a subshell with `set -e`, in an empty scratch directory $scratch of its own, after `setup` if there
# is one, and yields a line "ok - …" or "not ok - …". What it must undo (mounts, servers, processes) it hands to
# `at_exit` as soon as there is something to undo: run last first, also when the test fails or is stopped. The state,
# the cache and the repository ($repo) of holdfast lie in the scratch directory as well.
# `tests/system/20_volume test_hard_links` runs one test of a file; HF_KEEP=1 leaves the scratch directory behind.
set -uo pipefail
HF_TOP=${HF_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
HOLDFAST=${HOLDFAST:-$HF_TOP/build-asan/src/cli/holdfast}
lib=$HF_TOP/tests/lib

# In the background take "$HOLDFAST" itself: to kill a function is to kill the shell that it runs in, and not the program.
hf() { "$HOLDFAST" "$@"; }

# as_nobody COMMAND…: as a user without any right, for whom the scratch directory is closed unless it was opened.
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }

fail() { echo "  $*" >&2; return 1; }

at_exit_commands=()
at_exit() { at_exit_commands+=("$*"); }
leave() {
	local i
	trap - ERR
	set +e
	for ((i = ${#at_exit_commands[@]} - 1; i >= 0; i--)); do
		eval "${at_exit_commands[i]}"
	done
	cd /
	# A bind mount that is still there would lead rm out of the scratch directory.
	grep -F " $scratch/" /proc/self/mountinfo && { echo "  still mounted: $scratch is left as it is" >&2; return; }
	[ -n "${HF_KEEP:-}" ] || { chattr -R -f -ia "$scratch" 2>/dev/null; rm -rf --one-file-system "$scratch"; }
}

# expect STATUS COMMAND…: the command must end with this status. Its output is left in the files $out and $err.
expect() {
	local want=$1 got=0
	shift
	"$@" >"$out" 2>"$err" || got=$?
	[ "$got" = "$want" ] && return 0
	echo "  $* ended with status $got, not $want; it said:" >&2
	head -c 2000 "$out" | sed 's/^/    1: /' >&2
	head -c 4000 "$err" | sed 's/^/    2: /' >&2
	return 1
}

# says FILE TEXT…: the file holds each of these strings.
says() {
	local file=$1 text
	shift
	for text; do
		grep -qF -- "$text" "$file" && continue
		echo "  '$text' is not in what was said:" >&2
		head -c 4000 "$file" | sed 's/^/    /' >&2
		return 1
	done
}
says_not() { ! grep -qF -- "$2" "$1" || fail "'$2' is in what was said: $(grep -F -- "$2" "$1" | sed -n 1,3p)"; }

# json FILE EXPRESSION [ARG…]: a Python expression over `d` (the object; a list of them where there are many lines) and
# `a` (the arguments) is true. json_get prints the value of one.
json() {
	/usr/bin/python3 "$lib/json_ask.py" is "$@"
}
json_get() {
	/usr/bin/python3 "$lib/json_ask.py" get "$@"
}

# same_tree A B [WHAT…]: both trees hold the same, down to the last attribute that a backup can bring back.
same_tree() {
	/usr/bin/python3 "$lib/tree_facts.py" "$1" "${@:3}" >"$scratch/.facts-a" &&
		/usr/bin/python3 "$lib/tree_facts.py" "$2" "${@:3}" >"$scratch/.facts-b" || return 1
	[ -s "$scratch/.facts-a" ] || fail "there is nothing in $1" || return 1
	diff -u "$scratch/.facts-a" "$scratch/.facts-b" >"$scratch/.facts-diff" && return 0
	echo "  $1 and $2 differ:" >&2
	head -30 "$scratch/.facts-diff" | cut -c1-300 >&2
	return 1
}

# A new repository at $repo, to be opened by $HOLDFAST_KEY_FILE, a read key that may forget: it takes no second of key
# derivation for each command, as the passphrase does. The owner's passphrase is in $owner. Made once a script, and copied.
new_repo() {
	owner='correct horse'
	if [ ! -e "$template/done" ]; then
		HOLDFAST_PASSPHRASE=$owner HOLDFAST_REPO=$template/repo HOLDFAST_STATE_DIR=$template/state expect 0 hf init
		HOLDFAST_PASSPHRASE=$owner HOLDFAST_REPO=$template/repo HOLDFAST_STATE_DIR=$template/state \
			expect 0 hf key add --read "$template/reader.key" --maintain
		touch "$template/done"
	fi
	cp -r "$template/repo" "$repo"
	cp -r "$template/state" "$HOLDFAST_STATE_DIR"
	unset HOLDFAST_PASSPHRASE
	export HOLDFAST_KEY_FILE=$template/reader.key
}

snapshot_of_last() { # the id that the last `hf --json backup` printed
	json_get "$out" 'd["snapshot"]'
}

where_it_failed() { # once, from the failing command up to the test
	local i
	[ -z "${told:-}" ] || return 0
	told=yes
	echo "  failed: $1" >&2
	for ((i = 1; i < ${#FUNCNAME[@]} - 2; i++)); do
		echo "  at ${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]} in ${FUNCNAME[i]}" >&2
	done
}

one_test() {
	set -eE
	trap 'where_it_failed "$BASH_COMMAND"' ERR
	trap leave EXIT
	cd "$scratch"
	chmod 755 "$scratch"
	out=$scratch/stdout err=$scratch/stderr repo=$scratch/repo
	export TMPDIR=$scratch/tmp HOME=$scratch/home HOLDFAST_REPO=$repo HOLDFAST_PASSPHRASE='correct horse'
	export HOLDFAST_CACHE_DIR=$scratch/cache HOLDFAST_STATE_DIR=$scratch/state
	unset HOLDFAST_PASSPHRASE_FILE HOLDFAST_PASSPHRASE_COMMAND HOLDFAST_KEY_FILE
	mkdir -m 1777 "$TMPDIR" "$HOME"
	umask 022
	if declare -F setup >/dev/null; then setup; fi
	"$1"
}

# What the tests of a script share; before_all and after_all of the script may add to it (a server in $template). A tree below /root is closed to others: then the program that they start is a copy.
prepare() {
	template=$(mktemp -d /var/tmp/holdfast-test.XXXXXX) && chmod 755 "$template" || exit 1
	trap 'if declare -F after_all >/dev/null; then after_all; fi; rm -rf "$template"' EXIT
	as_nobody test -x "$HOLDFAST" || { cp "$HOLDFAST" "$template/holdfast" && HOLDFAST=$template/holdfast; } || exit 1
	if declare -F before_all >/dev/null; then before_all || { echo "not ok - before all tests"; exit 1; }; fi
}

run_tests() {
	local t scratch template failed=0
	[ -x "$HOLDFAST" ] || { echo "not ok - there is no program $HOLDFAST"; exit 1; }
	prepare
	for t in $(sed -nE 's/^(test_[a-z0-9_]+)\(\).*/\1/p' "$0"); do
		[ $# -eq 0 ] || [[ " $* " = *" $t "* ]] || continue
		scratch=$(mktemp -d /var/tmp/holdfast-test.XXXXXX) || exit 1
		(one_test "$t")
		if [ $? -eq 0 ]; then # not `if (one_test …)`, in which bash would ignore set -e
			echo "ok - ${t#test_}"
		else
			failed=1
			echo "not ok - ${t#test_}"
		fi
	done
	exit $failed
}
