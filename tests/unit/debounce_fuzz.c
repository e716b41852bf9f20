// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: any bytes are a history for the debouncer
 *
 * First byte: bit 0 bound pressed, bit 1 mode, bit 2 loose times, bits 3 to 5 the debounce time.
 * Then two bytes for each input. The low half of the first is the op and the level, its high
 * half selects how the second byte becomes a time. In loose histories times may step back, as
 * the times of an edge and of a sample may on two CPUs. The invariants hold there too, but the
 * model needs ordered times and is not compared.
 */
#include <stdlib.h>

#include "debounce_check.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const u64 windows[] = {
	0, 10000000, 1000000, 1, 999999, 1000001, 2000000, 1000000000,
};

static struct run run;
static struct model model;

static void must(const char *wrong, const struct model *m)
{
	if (!wrong)
		return;
	printf("# %s\n", wrong);
	run_print(&run, m);
	fflush(stdout);
	abort();
}

static u64 fuzz_time(u64 now, unsigned int how, unsigned int much)
{
	u64 due = button_irq_debounce_deadline(&run.d);
	u64 window = run.d.window_ns;

	switch (how & 7) {
	case 0:
		return now;
	case 1:
		return now + much;
	case 2:
		return now + much * (BUTTON_IRQ_CONFIRM_NS / 64);
	case 3:
		return now + window / 64 * much;
	case 4:
		return now + window + much - 128;
	case 5:
		return now - (run.loose ? much * 50 : 0);
	default:
		/* Around the deadline, or after it. */
		if (due == BUTTON_IRQ_NO_DEADLINE)
			return now + much;
		return (how & 7) == 6 ? due + much - 128 : due + window / 64 * much;
	}
}

/* The Makefile renames this to LLVMFuzzerTestOneInput(), which libFuzzer calls. */
int fuzz_one(const unsigned char *data, size_t size)
{
	static const enum input_op ops[16] = {
		EDGE, EDGE, EDGE, EDGE, EDGE, EDGE, SAMPLE, SAMPLE, SAMPLE, SAMPLE, SAMPLE,
		SAMPLE, MISSED, WAKE, UNSEEN, CONFIGURE,
	};
	size_t i;

	if (!size)
		return 0;
	run_start(&run, data[0] & 1);
	run.loose = data[0] >> 2 & 1;
	must(run_feed(&run, (struct input){
		.op = CONFIGURE, .time = 10000000000, .mode = data[0] >> 1 & 1,
		.window_ns = windows[data[0] >> 3 & 7],
	}), NULL);

	for (i = 1; i + 1 < size && run.n < MODEL_MAX; i += 2) {
		u64 now = run.in[run.n - 1].time;
		u64 time = fuzz_time(now, data[i] >> 4, data[i + 1]);

		must(run_feed(&run, (struct input){
			.op = ops[data[i] & 15],
			.level = (int)(data[i] & 15) % 3 - 1,
			.time = time < now && !run.loose ? now : time,
			.count = 1 + data[i + 1],
			.window_ns = windows[data[i + 1] & 7],
			.mode = data[i + 1] >> 3 & 1,
		}), NULL);
		must(run_quiet(&run), NULL);
	}
	if (!run.loose)
		must(run_compare(&run, &model), &model);
	return 0;
}
