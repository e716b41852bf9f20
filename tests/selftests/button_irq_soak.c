// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many presses with random bounces, and readers of every kind at once: each press and
 * each release arrives once, in order and with its time at each reader, or is covered by
 * what that reader was told it lost. Nothing is left behind.
 *
 * BUTTON_IRQ_SOAK is the number of presses, BUTTON_IRQ_SEED the seed that a failed run
 * has printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "kselftest.h"

#include "button.h"
#include "stimulus.h"

#define PRESSES		500
/* Far longer than a train of bounces, so that a machine that is late does not matter. */
#define WINDOW_US	50000
#define BOUNCES_MAX	6
#define GAP_US		200
/* Small, for slow readers to be overtaken. */
#define RING_EVENTS	64

/**
 * struct driven - one press or release, as it was driven
 * @before: CLOCK_MONOTONIC just before its first edge
 * @after: and just after
 * @count: edges that it is to say were debounced away
 */
struct driven {
	__u64 before;
	__u64 after;
	__u32 count;
};

/**
 * struct reader - one open file and a thread that reads it
 * @name: for messages
 * @binary: format
 * @size: bytes a read asks for; 0: random
 * @slow: sleeps now and then, long enough to be overtaken
 * @thread: the thread
 * @fd: the open file
 * @seed: of its random numbers
 * @next: number of the event that comes next
 * @lost: events it was told it lost
 * @lost_time: the time that record had, which the next event has to have
 * @bad: what must not be; only the first few are printed
 * @last: the last press or release
 * @time: of each event it saw; 0: lost
 */
struct reader {
	const char *name;
	bool binary;
	size_t size;
	bool slow;
	pthread_t thread;
	int fd;
	unsigned int seed;
	__u64 next;
	__u64 lost;
	__u64 lost_time;
	unsigned int bad;
	struct button_irq_event last;
	__u64 *time;
};

static struct reader readers[] = {
	{ .name = "text", .size = 4096 },
	{ .name = "text by the byte", .size = 1 },
	{ .name = "text in pieces", .size = 0 },
	{ .name = "text, slow", .size = 4096, .slow = true },
	{ .name = "binary", .binary = true, .size = 32 },
	{ .name = "binary, all there is", .binary = true, .size = 8192 },
	{ .name = "binary, some", .binary = true, .size = 100 },
	{ .name = "binary, slow", .binary = true, .size = 64, .slow = true },
};

static struct driven *driven;
static __u64 total;
/* All was driven: slow readers need not be slow any more. */
static bool all_driven;

#define complain(r, fmt, ...) do {							\
	struct reader *_r = (r);							\
											\
	if (_r->bad++ < 5)								\
		ksft_print_msg("%s: " fmt "\n", _r->name, ##__VA_ARGS__);		\
} while (0)

static __u32 wanted_type(__u64 seq)
{
	return seq % 2 ? BUTTON_IRQ_PRESS : BUTTON_IRQ_RELEASE;
}

static void take(struct reader *r, const struct button_irq_event *e)
{
	if (e->seq != r->next)
		complain(r, "event %llu instead of %llu", e->seq, r->next);
	if (e->type == BUTTON_IRQ_LOST) {
		if (!e->count || e->seq + e->count - 1 > total)
			complain(r, "event %llu: %u lost", e->seq, e->count);
		r->lost += e->count;
		r->lost_time = e->timestamp_ns;
		r->next = e->seq + e->count;
		return;
	}
	r->next = e->seq + 1;
	if (e->seq < 1 || e->seq > total || e->type != wanted_type(e->seq)) {
		complain(r, "event %llu has type %u", e->seq, e->type);
		return;
	}
	if (r->lost_time && r->lost_time != e->timestamp_ns)
		complain(r, "event %llu has another time than what was lost before", e->seq);
	r->lost_time = 0;
	if (r->binary && e->count != __atomic_load_n(&driven[e->seq].count, __ATOMIC_ACQUIRE))
		complain(r, "event %llu has count %u, not %u", e->seq, e->count,
			 driven[e->seq].count);
	if (e->type == BUTTON_IRQ_RELEASE && r->last.seq + 1 == e->seq &&
	    e->held_ns != e->timestamp_ns - r->last.timestamp_ns)
		complain(r, "event %llu was held %llu ns, not %llu", e->seq, e->held_ns,
			 e->timestamp_ns - r->last.timestamp_ns);
	if (r->time[e->seq])
		complain(r, "event %llu came twice", e->seq);
	r->time[e->seq] = e->timestamp_ns;
	r->last = *e;
}

static void read_binary(struct reader *r)
{
	struct button_irq_event e[256];
	ssize_t n, i;

	n = read(r->fd, e, r->size);
	if (n <= 0 || n % sizeof(e[0])) {
		complain(r, "read() gave %zd (%s)", n, strerror(errno));
		r->next = total + 1;
		return;
	}
	for (i = 0; i < n / (ssize_t)sizeof(e[0]); i++)
		take(r, &e[i]);
}

/* A line, in as many reads as it takes. */
static void read_text(struct reader *r)
{
	struct button_irq_event e;
	char line[4200];
	size_t have = 0;
	ssize_t n;

	do {
		n = read(r->fd, line + have, r->size ? r->size : 1 + rand_r(&r->seed) % 40u);
		if (n <= 0 || have + n > 100) {
			complain(r, "read() gave %zd (%s)", n, strerror(errno));
			r->next = total + 1;
			return;
		}
		have += n;
	} while (line[have - 1] != '\n');
	line[have] = '\0';
	if (button_parse(line, &e))
		take(r, &e);
	else
		complain(r, "not a line: %s", line);
}

static void *reader_thread(void *data)
{
	struct reader *r = data;

	while (r->next <= total) {
		if (r->binary)
			read_binary(r);
		else
			read_text(r);
		/* Every now and then, for as long as the ring holds (4 s) on average. */
		if (r->slow && rand_r(&r->seed) % 32 == 0 &&
		    !__atomic_load_n(&all_driven, __ATOMIC_ACQUIRE))
			button_sleep_us(rand_r(&r->seed) % 8000000u);
	}
	return NULL;
}

/* One press or release: its first edge, and bounces that end at the same level. */
static int drive(struct stim *s, __u64 seq, unsigned int bounces, unsigned int *seed)
{
	int level = seq % 2 ? PRESSED : RELEASED, ret;
	__u64 last;
	unsigned int i;

	driven[seq].before = button_now(CLOCK_MONOTONIC);
	ret = stim_set(s, level);
	last = button_now(CLOCK_MONOTONIC);
	driven[seq].after = last;
	for (i = 0; i < bounces && !ret; i++) {
		if (rand_r(seed) % 4)
			button_sleep_us(rand_r(seed) % GAP_US);
		ret = stim_set(s, i % 2 ? level : !level);
		last = button_now(CLOCK_MONOTONIC);
	}
	if (!ret && last - driven[seq].before > WINDOW_US * NSEC_PER_USEC) {
		ksft_print_msg("event %llu: the bounces took longer than the debounce time\n", seq);
		ret = -ETIME;
	}
	return ret;
}

/* Half of the presses in each mode. */
static int drive_all(struct stim *s, unsigned int seed)
{
	unsigned int bounces, before = 0;
	bool settle = false;
	__u64 seq;
	int ret;

	for (seq = 1; seq <= total; seq++) {
		if (seq == total / 2 + 1) {
			ret = button_set_attr(0, "debounce_mode", "settle");
			if (ret)
				return ret;
			settle = true;
		}
		bounces = rand_r(&seed) % (BOUNCES_MAX / 2 + 1) * 2;
		/* Eager tells of the bounces with the next event, settle with its own. */
		__atomic_store_n(&driven[seq].count, before + (settle ? bounces : 0),
				 __ATOMIC_RELEASE);
		before = settle ? 0 : bounces;
		ret = drive(s, seq, bounces, &seed);
		if (ret)
			return ret;
		/* Time for a late thread to look at the line before it moves again. */
		button_sleep_us(WINDOW_US + 10000 + rand_r(&seed) % 3000);
	}
	return 0;
}

static int start_readers(unsigned int seed)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(readers); i++) {
		struct reader *r = &readers[i];

		r->fd = r->binary ? button_open_binary(0, O_RDONLY) : button_open(0, O_RDONLY);
		r->seed = seed + i;
		r->next = 1;
		r->time = calloc(total + 1, sizeof(*r->time));
		if (r->fd < 0 || !r->time || pthread_create(&r->thread, NULL, reader_thread, r))
			return -ENOMEM;
	}
	return 0;
}

/* All readers come to the end: the last event is never lost. */
static bool finish_reader(struct reader *r)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 60;
	if (pthread_timedjoin_np(r->thread, NULL, &deadline)) {
		complain(r, "waits for event %llu of %llu", r->next, total);
		return false;
	}
	close(r->fd);
	return true;
}

static void check_reader(struct reader *r)
{
	__u64 seq, seen = 0;

	for (seq = 1; seq <= total; seq++) {
		__u64 time = r->time[seq];

		if (!time)
			continue;
		seen++;
		if (time < driven[seq].before || time > driven[seq].after)
			complain(r, "event %llu at %llu, driven from %llu to %llu", seq, time,
				 driven[seq].before, driven[seq].after);
		if (readers[4].time[seq] && readers[4].time[seq] != time)
			complain(r, "event %llu has another time elsewhere", seq);
	}
	if (seen + r->lost != total)
		complain(r, "saw %llu and lost %llu of %llu events", seen, r->lost, total);
	ksft_test_result(!r->bad, "%s: %llu of %llu events, %llu lost\n", r->name, seen, total,
			 r->lost);
}

int main(void)
{
	long slab, refs, leaked;
	unsigned int seed;
	char params[256];
	struct stim s;
	size_t i;
	int ret;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(readers) + 4);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 1;
	seed = button_setting("BUTTON_IRQ_SEED", seed);
	total = 2 * button_setting("BUTTON_IRQ_SOAK", PRESSES);
	driven = calloc(total + 1, sizeof(*driven));
	ksft_print_msg("%llu presses, BUTTON_IRQ_SEED=%u\n", total / 2, seed);

	if (!driven || stim_open(&s, 0) || stim_set(&s, RELEASED))
		ksft_exit_fail_msg("no stimulus\n");
	snprintf(params, sizeof(params), "line=%s debounce_us=%d ring_events=%d storm_rate=0",
		 s.line, WINDOW_US, RING_EVENTS);
	ret = button_load(params);
	if (ret)
		ksft_exit_fail_msg("loading the driver: %s\n", strerror(-ret));
	refs = button_module_refs();
	slab = button_slab_objects("kmalloc-");

	if (start_readers(seed))
		ksft_exit_fail_msg("no readers\n");
	/* Where interrupts come: when stim_set() is back, they have been. */
	button_pin();
	ret = drive_all(&s, seed);
	if (ret)
		ksft_exit_fail_msg("driving: %s\n", strerror(-ret));

	__atomic_store_n(&all_driven, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		if (!finish_reader(&readers[i]))
			ksft_exit_fail_msg("a reader hangs\n");
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		check_reader(&readers[i]);
	ksft_test_result(readers[3].lost && readers[7].lost, "slow readers were overtaken\n");
	ksft_test_result(button_counter(0, "presses") == (long)total / 2 &&
			 button_counter(0, "releases") == (long)total / 2 &&
			 !button_counter(0, "missed") && !button_counter(0, "storms") &&
			 !button_counter(0, "inferred") && button_identity(0),
			 "counters\n");

	for (i = 0; i < ARRAY_SIZE(readers); i++)
		free(readers[i].time);
	leaked = button_slab_objects("kmalloc-") - slab;
	ksft_print_msg("%ld more slab objects than before\n", leaked);
	if (slab >= 0)
		ksft_test_result(leaked < (long)total / 8 + 500, "no memory is leaked\n");
	else
		ksft_test_result_skip("no /proc/slabinfo in this kernel\n");
	ret = button_module_refs() != refs;
	stim_close(&s);
	ret = button_unload() || ret;
	ksft_test_result(!ret, "no reference to the module is leaked\n");
	ksft_finished();
}
