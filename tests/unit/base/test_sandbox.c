/* sandbox.h: what a program inside sees, and what it can't reach. Runs as root and as anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct place {
	char directory[32], root[64], inside[64];
	struct hf_sandbox *sandbox;
};

static void place_new(struct place *p, bool share_network)
{
	strcpy(p->directory, "/tmp/hfbox-XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	snprintf(p->root, sizeof(p->root), "%s/root", p->directory);
	snprintf(p->inside, sizeof(p->inside), "%s/inside", p->directory);
	assert_int_equal(mkdir(p->root, 0700), 0);
	assert_int_equal(mkdir(p->inside, 0777), 0);
	const struct hf_sandbox_bind binds[] = {{p->inside, "/work/inside", true}, {p->inside, "/work/shown", false}};
	struct hf_sandbox_options options = {
		.binds = binds, .bind_count = 2, .root = p->root, .share_network = share_network};
	struct hf_error err = {0};
	if (hf_sandbox_new(&options, &p->sandbox, &err) < 0 || hf_sandbox_try(p->sandbox, &err) < 0)
		fail_msg("%s", err.msg);
}

static void place_free(struct place *p)
{
	hf_sandbox_free(p->sandbox);
	assert_int_equal(hf_remove_tree(AT_FDCWD, p->directory, NULL), 0);
}

/* Runs a script inside; its status. */
static int inside(struct place *p, const char *script)
{
	const char *const argv[] = {"/bin/bash", "-c", script, NULL};
	static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct hf_proc_options options = {
		.argv = argv, .env = env, .directory = "/", .prepare = hf_sandbox_enter, .user = p->sandbox};
	HF_BUF_AUTO out = HF_BUF(65536);
	struct hf_error err = {0};
	int status = -1;
	if (hf_proc_run(&options, &out, &out, &status, &err) < 0)
		fail_msg("%s (%s)", err.msg, hf_sandbox_failure(p->sandbox));
	return status;
}

static void sees_its_own_world(void **state)
{
	(void)state;
	struct place p;
	place_new(&p, false);
	assert_int_equal(inside(&p, "test $$ = 1"), 0);
	assert_int_equal(inside(&p, "exit 7"), 7);
	assert_int_equal(inside(&p, "echo here > /work/inside/f"), 0);
	assert_int_equal(inside(&p, "test \"$(cat /work/shown/f)\" = here"), 0);
	assert_int_not_equal(inside(&p, "echo there > /work/shown/f"), 0);
	assert_int_not_equal(inside(&p, "echo there > /usr/hf-test"), 0);
	assert_int_equal(inside(&p, "test -z \"$(ls -A /run /home /root /var 2>/dev/null | grep -v :)\""), 0);
	assert_int_equal(inside(&p, "grep -q '^NoNewPrivs:.*1' /proc/self/status || test ! -e /proc/self"), 0);
	char path[128];
	snprintf(path, sizeof(path), "test ! -e %s", p.directory);
	assert_int_equal(inside(&p, path), 0);
	place_free(&p);
}

static int listen_tcp(int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void reaches_no_listener(void **state)
{
	(void)state;
	int port;
	HF_FD_AUTO listener = listen_tcp(&port);
	assert_true(listener >= 0);
	char dial[64];
	snprintf(dial, sizeof(dial), "exec 3<>/dev/tcp/127.0.0.1/%d", port);
	struct place apart, shared;
	place_new(&apart, false);
	place_new(&shared, true);
	assert_int_not_equal(inside(&apart, dial), 0);
	assert_int_equal(inside(&shared, dial), 0); /* so the listener is there to be reached */
	place_free(&apart);
	place_free(&shared);
}

static void ends_as_a_whole(void **state)
{
	(void)state;
	struct place p;
	place_new(&p, false);
	const char *const argv[] = {"/bin/bash", "-c",
		"trap 'echo got > /work/inside/signal; exit 5' INT; touch /work/inside/ready; while :; do sleep 0.1; done", NULL};
	struct hf_proc_options options = {
		.argv = argv, .directory = "/", .prepare = hf_sandbox_enter, .user = p.sandbox};
	struct hf_proc proc;
	struct hf_error err = {0};
	assert_int_equal(hf_proc_start(&options, &proc, &err), 0);
	char ready[96], caught[96];
	snprintf(ready, sizeof(ready), "%s/ready", p.inside);
	snprintf(caught, sizeof(caught), "%s/signal", p.inside);
	for (int i = 0; i < 1000 && access(ready, F_OK) < 0; i++)
		usleep(10000);
	kill(-proc.pid, SIGINT);
	int status;
	assert_int_equal(hf_proc_wait(&proc, 60 * HF_SECOND, &status, &err), 0);
	assert_int_equal(status, 5);
	assert_int_equal(access(caught, F_OK), 0);
	place_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_its_own_world),
		cmocka_unit_test(reaches_no_listener),
		cmocka_unit_test(ends_as_a_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
