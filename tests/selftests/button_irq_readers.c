// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many readers of one button: each gets everything, late ones only what is to come, slow
 * ones are told what they lost, and processes that share an open file share its events.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "button_test.h"

#define READERS	64

/* Press and release by turns until there were @n events; the first is number @from. */
static void bench_drive(struct __test_metadata *_metadata, struct bench *bench, __u64 from, __u64 n)
{
	struct button_irq_event event;
	__u64 i;
	int fd;

	for (i = from; i < from + n; i++) {
		bench_set(_metadata, bench, nth_level(i));
		/* One by one, so that the queue behind the top half is never full. */
		ASSERT_EQ(0, button_wait_counter(0, nth_type(i) == BUTTON_IRQ_PRESS ?
						 "presses" : "releases", (i + 1) / 2));
	}
	/* Counters are ahead of events: on another CPU the last may not be in the ring yet. */
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_REWIND));
	do {
		ASSERT_EQ(0, button_next(fd, &event));
	} while (event.seq < from + n - 1);
	close(fd);
}

#define drive(from, n)	bench_drive(_metadata, &self->bench, from, n)

TEST_F(button, each_reader_gets_everything)
{
	struct button_irq_event first[50], event;
	long before, i, k;
	int fd[READERS];

	bind("debounce_us=0");
	before = button_module_refs();
	for (k = 0; k < READERS; k++) {
		fd[k] = button_open_binary(0, O_RDONLY);
		ASSERT_LE(0, fd[k]);
	}
	EXPECT_LE(before + READERS, button_module_refs());
	EXPECT_EQ(-EWOULDBLOCK, button_unload());
	drive(1, 50);
	for (k = 0; k < READERS; k++) {
		for (i = 0; i < 50; i++) {
			event = expect_event_at(fd[k], i + 1, nth_type(i + 1));
			if (!k)
				first[i] = event;
			EXPECT_EQ(0, memcmp(&first[i], &event, sizeof(event)));
		}
		EXPECT_TRUE(button_empty(fd[k]));
		close(fd[k]);
	}
	EXPECT_EQ(before, button_module_refs());
}

TEST_F(button, a_late_reader_sees_what_comes)
{
	int fd;

	bind("debounce_us=0");
	drive(1, 5);
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(button_empty(fd));
	drive(6, 1);
	expect_event_at(fd, 6, BUTTON_IRQ_RELEASE);
	EXPECT_TRUE(button_empty(fd));

	/* Unless it asks for the past. */
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_REWIND));
	for (__u64 i = 1; i <= 6; i++)
		expect_event_at(fd, i, nth_type(i));
	EXPECT_TRUE(button_empty(fd));
	close(fd);
}

struct filler {
	struct stim *stim;
	sem_t reading;
};

static void *fill(void *data)
{
	/* On a single CPU the reader runs between few of the edges: more prove nothing. */
	unsigned int i, n = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 20000 : 1000;
	struct filler *filler = data;

	/*
	 * The interrupts of 20,000 edges can keep the reader off its first CPU until the last edge.
	 * Wait until the reader has moved to its own CPU and reads.
	 */
	while (sem_wait(&filler->reading))
		;
	for (i = 1; i <= n; i++)
		if (stim_set(filler->stim, nth_level(i)))
			return filler;
	return NULL;
}

/* The first event is the oldest until the ring is full, also while it is being written. */
TEST_F_TIMEOUT(button, rewind_while_it_fills, 600)
{
	unsigned long right = 0, wrong = 0;
	struct filler filler = { .stim = &self->bench.stim };
	struct button_irq_event event;
	pthread_t thread;
	cpu_set_t cpus;
	void *failed;

	bind("debounce_us=0 storm_rate=0 ring_events=65536");
	ASSERT_EQ(0, fcntl(self->bench.fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, sem_init(&filler.reading, 0, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, fill, &filler));
	/* Away from the thread that writes, if there is another CPU. */
	CPU_ZERO(&cpus);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_EQ(0, sem_post(&filler.reading));
	while (pthread_tryjoin_np(thread, &failed)) {
		ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
		if (read(self->bench.fd, &event, sizeof(event)) < 0) {
			ASSERT_EQ(EAGAIN, errno);
			continue;
		}
		if (event.seq == 1 && event.type == BUTTON_IRQ_PRESS)
			right++;
		else if (!wrong++)
			TH_LOG("the oldest is event %llu, type %u", event.seq, event.type);
	}
	EXPECT_EQ(NULL, failed);
	TH_LOG("%lu times back to the first", right);
	EXPECT_LT(0, right);
	EXPECT_EQ(0, wrong);
}

/* The oldest that is still kept, whatever was lost before. */
TEST_F(button, rewind)
{
	struct button_irq_event event;
	__u64 i;

	bind("debounce_us=0 ring_events=16");
	/* Nothing to go back to. */
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	EXPECT_TRUE(button_empty(self->bench.fd));

	/* Not full, just full, one more, and far more. */
	drive(1, 15);
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	expect_event(1, BUTTON_IRQ_PRESS);
	drive(16, 1);
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	expect_event(1, BUTTON_IRQ_PRESS);
	drive(17, 1);
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	expect_event(2, BUTTON_IRQ_RELEASE);
	drive(18, 83);
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	for (i = 85; i <= 100; i++) {
		event = expect_event(i, nth_type(i));
		EXPECT_EQ(0, event.count);
	}
	EXPECT_TRUE(button_empty(self->bench.fd));
	/* As often as one likes. */
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	expect_event(85, BUTTON_IRQ_PRESS);
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	expect_event(85, BUTTON_IRQ_PRESS);
}

TEST_F(button, overrun)
{
	struct button_irq_event lost, event;
	__u64 i;

	bind("debounce_us=0 ring_events=16");
	drive(1, 16);
	/* All there is room for: nothing lost. */
	for (i = 1; i <= 16; i++)
		expect_event(i, nth_type(i));

	/* One too many. */
	drive(17, 17);
	lost = expect_event(17, BUTTON_IRQ_LOST);
	EXPECT_EQ(1, lost.count);
	EXPECT_EQ(0, lost.held_ns);
	event = expect_event(18, nth_type(18));
	EXPECT_EQ(lost.timestamp_ns, event.timestamp_ns);
	for (i = 19; i <= 33; i++)
		expect_event(i, nth_type(i));
	EXPECT_TRUE(button_empty(self->bench.fd));

	/* Many, and it goes on; the second time as well. */
	for (__u64 from = 34; from < 34 + 3 * 103; from += 103) {
		drive(from, 103);
		lost = expect_event(from, BUTTON_IRQ_LOST);
		EXPECT_EQ(103 - 16, lost.count);
		EXPECT_EQ(0, lost.held_ns);
		for (i = from + 103 - 16; i < from + 103; i++) {
			event = expect_event(i, nth_type(i));
			if (i == from + 103 - 16)
				EXPECT_EQ(lost.timestamp_ns, event.timestamp_ns);
		}
		EXPECT_TRUE(button_empty(self->bench.fd));
	}
	/* Lost by one reader is not missed by the button. */
	EXPECT_EQ(0, button_counter(0, "missed"));
}

TEST_F(button, overrun_in_text)
{
	char line[BUTTON_LINE_MAX], wanted[BUTTON_LINE_MAX];
	struct button_irq_event lost, event;
	__u64 i;
	int fd;

	bind("debounce_us=0 ring_events=16");
	fd = button_open(0, O_RDONLY);
	ASSERT_LE(0, fd);
	drive(1, 40);
	ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
	ASSERT_TRUE(button_parse(line, &lost));
	EXPECT_EQ(1, lost.seq);
	EXPECT_EQ(BUTTON_IRQ_LOST, lost.type);
	EXPECT_EQ(24, lost.count);
	for (i = 25; i <= 40; i++) {
		ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
		ASSERT_TRUE(button_parse(line, &event));
		EXPECT_EQ(i, event.seq);
		EXPECT_EQ(nth_type(i), event.type);
		EXPECT_LE(lost.timestamp_ns, event.timestamp_ns);
		EXPECT_EQ(i == 25, lost.timestamp_ns == event.timestamp_ns);
	}
	EXPECT_TRUE(button_empty(fd));

	/* A line that was begun is finished, although its event is long gone. */
	drive(41, 2);
	ASSERT_EQ(4, read(fd, line, 4));
	drive(43, 40);
	ASSERT_EQ(0, button_next_line(fd, line + 4, sizeof(line) - 4));
	ASSERT_TRUE(button_parse(line, &event));
	EXPECT_EQ(41, event.seq);
	EXPECT_EQ(BUTTON_IRQ_PRESS, event.type);
	ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
	ASSERT_TRUE(button_parse(line, &lost));
	snprintf(wanted, sizeof(wanted), "42 %llu.%09llu lost 25\n",
		 lost.timestamp_ns / NSEC_PER_SEC, lost.timestamp_ns % NSEC_PER_SEC);
	EXPECT_STREQ(wanted, line);
	ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
	ASSERT_TRUE(button_parse(line, &event));
	EXPECT_EQ(67, event.seq);
	close(fd);
}

/* Only the one that was overtaken sees it. */
TEST_F(button, overrun_is_private)
{
	__u64 i;
	int fd;

	bind("debounce_us=0 ring_events=16");
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	for (i = 1; i <= 100; i++) {
		drive(i, 1);
		expect_event(i, nth_type(i));
	}
	EXPECT_EQ(84, expect_event_at(fd, 1, BUTTON_IRQ_LOST).count);
	expect_event_at(fd, 85, BUTTON_IRQ_PRESS);
	/* A lost record is given once, also if the past is asked for. */
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_REWIND));
	expect_event_at(fd, 85, BUTTON_IRQ_PRESS);
	close(fd);
}

/* Records of several reads at once: the lost one is one of them. */
TEST_F(button, overrun_in_one_read)
{
	struct button_irq_event events[32];
	__u64 i;

	bind("debounce_us=0 ring_events=16");
	drive(1, 30);
	ASSERT_EQ(17 * sizeof(events[0]), read(self->bench.fd, events, sizeof(events)));
	EXPECT_EQ(1, events[0].seq);
	EXPECT_EQ(BUTTON_IRQ_LOST, events[0].type);
	EXPECT_EQ(14, events[0].count);
	for (i = 1; i <= 16; i++) {
		EXPECT_EQ(14 + i, events[i].seq);
		EXPECT_EQ(nth_type(14 + i), events[i].type);
	}
}

/*
 * Processes that inherited one open file, as a shell's loop and the programs in its body
 * do. They split what comes: nothing twice, nothing torn.
 */
#define SHARERS		4
#define SHARED_EVENTS	400

struct shared {
	/* All that was driven has become events. */
	bool done;
	/* How often each event was read, and by the children how many in all. */
	unsigned int times[SHARED_EVENTS + 1];
	unsigned long by[SHARERS];
	/* Where pieces are read: how often each byte came. */
	unsigned long bytes[256];
	/* A child that saw what must not be says so here. */
	int failed;
};

static void shared_fail(struct shared *s, const char *what, const char *line)
{
	fprintf(stderr, "# %s: %s\n", what, line);
	__atomic_store_n(&s->failed, 1, __ATOMIC_SEQ_CST);
}

static void shared_take(struct shared *s, int child, const struct button_irq_event *event)
{
	if (event->seq < 1 || event->seq > SHARED_EVENTS ||
	    event->type != nth_type(event->seq)) {
		char what[80];

		snprintf(what, sizeof(what), "type %u, number %llu, count %u", event->type,
			 event->seq, event->count);
		shared_fail(s, "no such event", what);
		return;
	}
	__atomic_add_fetch(&s->times[event->seq], 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&s->by[child], 1, __ATOMIC_SEQ_CST);
}

static void take_records(struct shared *s, int child, const char *buf, ssize_t n)
{
	struct button_irq_event event;

	if (n % sizeof(event))
		shared_fail(s, "child", "part of a record");
	for (; n >= (ssize_t)sizeof(event); n -= sizeof(event), buf += sizeof(event)) {
		memcpy(&event, buf, sizeof(event));
		shared_take(s, child, &event);
	}
}

static void take_line(struct shared *s, int child, const char *buf, ssize_t n)
{
	struct button_irq_event event;
	char line[BUTTON_LINE_MAX];

	snprintf(line, sizeof(line), "%.*s", (int)n, buf);
	if (button_parse(line, &event))
		shared_take(s, child, &event);
	else
		shared_fail(s, "not a line", line);
}

static void take_bytes(struct shared *s, int child, const char *buf, ssize_t n)
{
	__atomic_add_fetch(&s->by[child], n, __ATOMIC_SEQ_CST);
	while (n--)
		__atomic_add_fetch(&s->bytes[(unsigned char)*buf++], 1, __ATOMIC_SEQ_CST);
}

FIXTURE(shared)
{
	struct bench bench;
	struct shared *shared;
};

FIXTURE_VARIANT(shared)
{
	void (*take)(struct shared *s, int child, const char *buf, ssize_t n);
	/* Bytes a read asks for, or 0: a few, by turns. */
	size_t size;
	__u32 format;
	/* The children sleep in read() rather than in poll(). */
	bool blocking;
};

FIXTURE_VARIANT_ADD(shared, records) {
	.take = take_records, .size = 32, .format = BUTTON_IRQ_FORMAT_BINARY,
};

FIXTURE_VARIANT_ADD(shared, records_by_the_dozen) {
	.take = take_records, .size = 12 * 32 + 5, .format = BUTTON_IRQ_FORMAT_BINARY,
};

FIXTURE_VARIANT_ADD(shared, records_blocking) {
	.take = take_records, .size = 32, .format = BUTTON_IRQ_FORMAT_BINARY, .blocking = true,
};

FIXTURE_VARIANT_ADD(shared, lines) {
	.take = take_line, .size = 4096,
};

FIXTURE_VARIANT_ADD(shared, lines_blocking) {
	.take = take_line, .size = 4096, .blocking = true,
};

FIXTURE_VARIANT_ADD(shared, pieces) {
	.take = take_bytes,
};

FIXTURE_SETUP(shared)
{
	bench_setup(_metadata, &self->bench);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
}

FIXTURE_TEARDOWN(shared)
{
	munmap(self->shared, sizeof(*self->shared));
	bench_teardown(_metadata, &self->bench);
}

static void child_signalled(int sig)
{
	(void)sig;
}

static void child_reads(struct shared *s, int child, int fd, size_t size, bool blocking,
			void (*take)(struct shared *s, int child, const char *buf, ssize_t n))
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	unsigned int turn = child;
	char buf[4096];
	ssize_t n;
	bool done;

	for (;;) {
		done = __atomic_load_n(&s->done, __ATOMIC_SEQ_CST);
		/* A blocking read is ended by a signal once all is done. */
		if (!blocking && !done)
			poll(&pfd, 1, 1);
		if (blocking && done)
			return;
		n = read(fd, buf, size ? size : 1 + turn++ % 7);
		if (n > 0) {
			take(s, child, buf, n);
			/* Let the others have the next. */
			button_sleep_us(300);
		} else if (n < 0 && errno == EAGAIN && done) {
			return;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			shared_fail(s, "read", strerror(errno));
		}
	}
}

TEST_F(shared, file)
{
	struct sigaction action = { .sa_handler = child_signalled };
	unsigned long wanted[256] = { 0 }, sum = 0, readers = 0;
	struct shared *s = self->shared;
	__u32 format = variant->format;
	char line[BUTTON_LINE_MAX], *p;
	struct button_irq_event event;
	pid_t pid[SHARERS];
	int fd, k, status;
	__u64 i;

	bind("debounce_us=0");
	/* For SIGUSR1 to interrupt. */
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	fd = button_open(0, O_RDONLY | (variant->blocking ? 0 : O_NONBLOCK));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format));
	for (k = 0; k < SHARERS; k++) {
		pid[k] = fork();
		ASSERT_LE(0, pid[k]);
		if (!pid[k]) {
			/* The readers race with each other on all CPUs. */
			button_unpin();
			child_reads(s, k, k % 2 ? dup(fd) : fd, variant->size, variant->blocking,
				    variant->take);
			_exit(0);
		}
	}
	for (i = 1; i <= SHARED_EVENTS; i++) {
		set_level(nth_level(i));
		event = expect_event(i, nth_type(i));
		button_format(&event, line, sizeof(line));
		for (p = line; *p; p++)
			wanted[(unsigned char)*p]++;
	}
	/* Whatever is left, they take at once. */
	for (i = 0; !button_empty(fd); i++) {
		ASSERT_GT(BUTTON_DEADLINE_MS, i);
		button_sleep_us(1000);
	}
	__atomic_store_n(&s->done, true, __ATOMIC_SEQ_CST);
	for (k = 0; k < SHARERS; k++) {
		__u64 start = button_now(CLOCK_MONOTONIC);

		while (waitpid(pid[k], &status, WNOHANG) == 0) {
			ASSERT_GT(BUTTON_DEADLINE_MS * NSEC_PER_MSEC,
				  button_now(CLOCK_MONOTONIC) - start);
			if (variant->blocking)
				kill(pid[k], SIGUSR1);
			button_sleep_us(1000);
		}
		EXPECT_EQ(0, status);
		sum += s->by[k];
		readers += s->by[k] > 0;
	}
	EXPECT_EQ(0, s->failed);
	EXPECT_TRUE(button_empty(fd));

	if (variant->take == take_bytes) {
		for (k = 0; k < 256; k++) {
			EXPECT_EQ(wanted[k], s->bytes[k]) {
				TH_LOG("byte %d", k);
			}
		}
	} else {
		EXPECT_EQ(SHARED_EVENTS, sum);
		for (i = 1; i <= SHARED_EVENTS; i++) {
			EXPECT_EQ(1, s->times[i]) {
				TH_LOG("event %llu", i);
			}
		}
	}
	/* Or else nothing was shared. */
	EXPECT_LT(1, readers);
	close(fd);
}

/* No file, no memory and no reference is left behind, however often it is opened. */
TEST_F(button, open_and_close)
{
	/* What the driver could allocate for an open file, by size. */
	static const char * const caches[] = {
		"kmalloc-64", "kmalloc-96", "kmalloc-128", "kmalloc-192", "kmalloc-256",
		"kmalloc-512", "kmalloc-cg-64", "kmalloc-cg-96", "kmalloc-cg-128",
		"kmalloc-cg-192", "kmalloc-cg-256", "kmalloc-cg-512",
	};
	long before[ARRAY_SIZE(caches)], refs;
	size_t k, known = 0;
	char c;
	int fd, i, round;

	bind("debounce_us=0");
	refs = button_module_refs();
	/* The first round fills what caches there are. */
	for (round = 0; round < 2; round++) {
		for (k = 0; k < ARRAY_SIZE(caches); k++)
			before[k] = button_slab_objects(caches[k]);
		for (i = 0; i < 3000; i++) {
			fd = button_open(0, O_RDONLY);
			ASSERT_LE(0, fd);
			ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_REWIND));
			if (i < 10)
				set_level(nth_level(i + 1));
			else
				ASSERT_EQ(1, read(fd, &c, 1));
			close(fd);
		}
	}
	EXPECT_EQ(refs, button_module_refs());
	for (k = 0; k < ARRAY_SIZE(caches); k++) {
		if (before[k] < 0)
			continue;
		known++;
		EXPECT_GT(before[k] + 1500, button_slab_objects(caches[k])) {
			TH_LOG("%s had %ld", caches[k], before[k]);
		}
	}
	if (!known)
		SKIP(return, "no /proc/slabinfo in this kernel");
}

/* A process may hold as many as it may hold files. */
TEST_F(button, a_thousand_readers)
{
	struct rlimit limit = { 2048, 2048 };
	int fd[1000], k;

	bind("debounce_us=0");
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (k = 0; k < 1000; k++) {
		fd[k] = button_open_binary(0, O_RDONLY);
		ASSERT_LE(0, fd[k]);
	}
	press();
	for (k = 0; k < 1000; k++) {
		expect_event_at(fd[k], 1, BUTTON_IRQ_PRESS);
		close(fd[k]);
	}
}

TEST_HARNESS_MAIN
