/* The stop flag; see stop.h. */
#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static volatile atomic_int stop_signal;

void hf_stop_request(int signal_number)
{
	int none = 0;
	atomic_compare_exchange_strong(&stop_signal, &none, signal_number ? signal_number : SIGTERM);
}

int hf_stop_signal(void)
{
	return atomic_load_explicit(&stop_signal, memory_order_relaxed);
}

bool hf_stopped(void)
{
	return hf_stop_signal() != 0;
}

int hf_stop_check(struct hf_error *err)
{
	int sig = hf_stop_signal();
	if (!sig)
		return 0;
	return hf_fail(err, HF_E_STOPPED, "stopped by signal %d (%s)", sig, strsignal(sig));
}

void hf_stop_reset(void)
{
	atomic_store(&stop_signal, 0);
}
