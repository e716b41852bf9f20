// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edges as fast as they can be made, into a ring of only 16 events that readers read meanwhile,
 * on the other CPU where there is one. What a reader is given has to be whole, in order, and with
 * what it lost make up every event there was; all counters have to add up. Half of the edges are
 * debounced.
 *
 * BUTTON_IRQ_EDGES is their number.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest.h"

#include "button.h"
#include "stimulus.h"

#define EDGES		20000UL
#define PHASES		8
#define DEBOUNCE_US	"1000"
#define RING_EVENTS	16

/**
 * struct reader - one open file and a thread that reads it
 * @name: for messages
 * @binary: format
 * @rewinds: reads all that is kept each time, not only what is new
 * @records: at most, in a read
 * @thread: the thread
 * @fd: the open file
 * @next: number of the event that comes next
 * @events: events it saw, from the first file position on
 * @lost: events it was told it lost
 * @bad: what must not be; only the first few are printed
 * @last: the event before
 */
struct reader {
	const char *name;
	bool binary;
	bool rewinds;
	size_t records;
	pthread_t thread;
	int fd;
	atomic_ullong next;
	__u64 events;
	__u64 lost;
	unsigned int bad;
	struct button_irq_event last;
};

static struct reader readers[] = {
	{ .name = "text" },
	{ .name = "binary, one by one", .binary = true, .records = 1 },
	{ .name = "binary, all there is", .binary = true, .records = 64 },
	{ .name = "binary, again and again", .binary = true, .rewinds = true, .records = 64 },
};

/* To be made */
static unsigned long edges;
/* All readers have all events: what they wait for now is the end. */
static atomic_bool over;

#define complain(r, fmt, ...) do {							\
	struct reader *_r = (r);							\
											\
	if (_r->bad++ < 5)								\
		ksft_print_msg("%s: " fmt "\n", _r->name, ##__VA_ARGS__);		\
} while (0)

/* An event is put together from its parts: a torn one does not fit its neighbour. */
static void take(struct reader *r, const struct button_irq_event *e)
{
	const struct button_irq_event *last = &r->last;

	if (e->seq != r->next)
		complain(r, "event %llu instead of %llu", e->seq, r->next);
	if (e->type == BUTTON_IRQ_LOST) {
		r->lost += e->count;
		r->next = e->seq + e->count;
		return;
	}
	r->next = e->seq + 1;
	r->events++;
	if (e->timestamp_ns < last->timestamp_ns)
		complain(r, "event %llu at %llu, after one at %llu", e->seq, e->timestamp_ns,
			 last->timestamp_ns);
	switch (e->type) {
	case BUTTON_IRQ_PRESS:
		if (e->held_ns)
			complain(r, "press %llu was held for %llu ns", e->seq, e->held_ns);
		break;
	case BUTTON_IRQ_RELEASE:
		if (last->type == BUTTON_IRQ_PRESS && last->seq + 1 == e->seq &&
		    e->held_ns != e->timestamp_ns - last->timestamp_ns)
			complain(r, "event %llu was held %llu ns, not %llu", e->seq, e->held_ns,
				 e->timestamp_ns - last->timestamp_ns);
		break;
	case BUTTON_IRQ_MISSED:
		if (!e->count || e->count > edges)
			complain(r, "event %llu: %u of %lu edges missed", e->seq, e->count, edges);
		break;
	default:
		complain(r, "event %llu has type %u", e->seq, e->type);
	}
	if (e->type == last->type && last->seq + 1 == e->seq && e->type != BUTTON_IRQ_MISSED)
		complain(r, "events %llu and %llu are of one type", last->seq, e->seq);
	r->last = *e;
}

static bool read_once(struct reader *r)
{
	struct button_irq_event e[64];
	char line[BUTTON_LINE_MAX];
	ssize_t n, i;

	if (!r->binary) {
		n = read(r->fd, line, sizeof(line) - 1);
		if (n > 0) {
			line[n] = '\0';
			if (button_parse(line, &e[0]))
				take(r, &e[0]);
			else
				complain(r, "not a line: %s", line);
		}
	} else {
		n = read(r->fd, e, r->records * sizeof(e[0]));
		/* What is read again begins with the oldest that is kept. */
		if (n > 0 && r->rewinds) {
			if (e[0].seq + RING_EVENTS < r->next)
				complain(r, "event %llu is kept beside event %llu", e[0].seq,
					 r->next - 1);
			r->next = e[0].seq;
			memset(&r->last, 0, sizeof(r->last));
		}
		for (i = 0; i < n / (ssize_t)sizeof(e[0]); i++)
			take(r, &e[i]);
	}
	if (n <= 0 && !(errno == ENODEV && over))
		complain(r, "read() gave %zd (%s)", n, strerror(errno));
	return n > 0;
}

static void *reader_thread(void *data)
{
	struct reader *r = data;
	int ret;

	while (read_once(r)) {
		if (!r->rewinds)
			continue;
		/* Waits for news, then takes all that is kept. */
		ret = button_wait_readable(r->fd);
		if (over)
			break;
		if (ret || ioctl(r->fd, BUTTON_IRQ_IOC_REWIND)) {
			complain(r, "no news: %s", strerror(ret ? -ret : errno));
			break;
		}
	}
	return NULL;
}

static int start_readers(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(readers); i++) {
		struct reader *r = &readers[i];

		r->fd = r->binary ? button_open_binary(0, O_RDONLY) : button_open(0, O_RDONLY);
		r->next = 1;
		if (r->fd < 0 || pthread_create(&r->thread, NULL, reader_thread, r))
			return -ENOMEM;
	}
	return 0;
}

/* Number of the last event, by a reader of its own. */
static __u64 last_event(int fd)
{
	struct button_irq_event e[RING_EVENTS];
	ssize_t n = ioctl(fd, BUTTON_IRQ_IOC_REWIND) ? 0 : read(fd, e, sizeof(e));

	if (n < (ssize_t)sizeof(e[0]))
		ksft_exit_fail_msg("no events: %s\n", strerror(errno));
	return e[n / sizeof(e[0]) - 1].seq;
}

/* Has everyone read the last event? Without being told that it is the last. */
static void wait_for_readers(int fd)
{
	__u64 deadline = button_now(CLOCK_MONOTONIC) + 60 * NSEC_PER_SEC;
	size_t i = 0;

	while (i < ARRAY_SIZE(readers)) {
		struct reader *r = &readers[i];
		__u64 next = r->next;

		if (next > last_event(fd)) {
			i++;
			continue;
		}
		if (button_now(CLOCK_MONOTONIC) > deadline)
			ksft_exit_fail_msg("%s: waits for event %llu of %llu\n", r->name, next,
					   last_event(fd));
		button_sleep_us(1000);
	}
}

static void check_reader(struct reader *r, __u64 end)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 60;
	if (pthread_timedjoin_np(r->thread, NULL, &deadline))
		ksft_exit_fail_msg("%s: does not see the end\n", r->name);
	close(r->fd);
	if (!r->rewinds && r->events + r->lost != end)
		complain(r, "saw %llu and lost %llu of %llu events", r->events, r->lost, end);
	ksft_test_result(!r->bad, "%s: %llu events, %llu lost\n", r->name, r->events, r->lost);
}

/*
 * Before the driver's thread, which has priority 50: where there is another CPU it has to go there,
 * falls behind, the queue gets full, and genirq hears nothing of it.
 */
static void set_priority(int priority)
{
	int ret = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? button_set_priority(priority) : 0;

	if (ret)
		ksft_exit_fail_msg("priority %d: %s\n", priority, strerror(-ret));
}

static int drive(struct stim *s)
{
	unsigned long i, phase = 0;
	int ret = 0;

	set_priority(60);
	for (i = 0; i < edges && !ret; i++) {
		if (i == edges / PHASES * phase) {
			ret = button_set_attr(0, "debounce_us", phase % 2 ? DEBOUNCE_US : "0");
			phase++;
		}
		if (!ret)
			ret = stim_set(s, i % 2 ? RELEASED : PRESSED);
	}
	set_priority(0);
	return ret ?: button_set_attr(0, "debounce_us", "0");
}

/* The thread may be far behind. */
static int wait_for_all(unsigned long n)
{
	__u64 deadline = button_now(CLOCK_MONOTONIC) + 60 * NSEC_PER_SEC;

	while (button_counter(0, "edges") + button_counter(0, "missed") < (long)n) {
		if (button_now(CLOCK_MONOTONIC) > deadline)
			return -ETIMEDOUT;
		button_sleep_us(1000);
	}
	return button_wait_attr(0, "state", "released");
}

int main(void)
{
	long slab, leaked, counted, missed;
	char params[256];
	struct stim s;
	__u64 end;
	size_t i;
	int ret, fd;

	edges = button_setting("BUTTON_IRQ_EDGES", EDGES) / 2 * 2;
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(readers) + 5);
	if (stim_open(&s, 0) || stim_set(&s, RELEASED))
		ksft_exit_fail_msg("no stimulus\n");
	snprintf(params, sizeof(params), "line=%s debounce_us=0 ring_events=%d storm_rate=0",
		 s.line, RING_EVENTS);
	ret = button_load(params);
	if (ret)
		ksft_exit_fail_msg("loading the driver: %s\n", strerror(-ret));
	slab = button_slab_objects("kmalloc-");
	fd = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || start_readers())
		ksft_exit_fail_msg("no readers\n");
	/* Where interrupts come: when stim_set() is back, they have been. */
	button_pin();
	ret = drive(&s) ?: wait_for_all(edges);
	if (ret)
		ksft_exit_fail_msg("driving: %s, edges %ld, missed %ld\n", strerror(-ret),
				   button_counter(0, "edges"), button_counter(0, "missed"));
	wait_for_readers(fd);
	counted = button_counter(0, "edges");
	missed = button_counter(0, "missed");
	ksft_test_result(counted + missed == (long)edges,
			 "%lu edges: %ld counted, %ld missed\n", edges, counted, missed);
	ksft_test_result(button_identity(0) && !button_counter(0, "storms"),
			 "counters add up: %ld presses, %ld bounces, %ld inferred\n",
			 button_counter(0, "presses"), button_counter(0, "bounces"),
			 button_counter(0, "inferred"));

	/* Where levels cannot be read, a late look may have found one event more since. */
	over = true;
	ret = button_write(DRIVER "unbind", "button_irq.0");
	if (ret)
		ksft_exit_fail_msg("unbinding: %s\n", strerror(-ret));
	end = last_event(fd);
	close(fd);
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		check_reader(&readers[i], end);
	if (readers[0].lost)
		ksft_test_result_pass("readers were overtaken\n");
	else
		ksft_test_result_skip("readers were as fast as edges\n");
	leaked = button_slab_objects("kmalloc-") - slab;
	stim_close(&s);
	/* Where what is freed is kept for a while, to see who uses it, leaks are looked for. */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		ksft_test_result_skip("this kernel looks for leaks itself\n");
	else if (slab >= 0)
		ksft_test_result(leaked < 500, "%ld more slab objects\n", leaked);
	else
		ksft_test_result_skip("no /proc/slabinfo in this kernel\n");
	ksft_test_result(!button_unload(), "no reference to the module is leaked\n");
	ksft_finished();
}
