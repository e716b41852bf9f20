// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers that mean no good: what they may do, what they may learn, and what a thousand of
 * them cost the others.
 */
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "button_test.h"

#define NOBODY		65534
#define GPIO_GROUP	986
#define READERS		1000
#define EDGES		400
#define CGROUP		"/tmp/button_irq_cgroup"
#define GREEDY		CGROUP "/button_irq_greedy"

/*
 * Press and release; returns the time it took until all was in the ring, interrupts, thread
 * and all: on one CPU, and where time counts instructions, their number.
 */
static __u64 cost_of_edges(struct __test_metadata *_metadata, struct bench *bench, __u64 *seq)
{
	__u64 start = button_now(CLOCK_MONOTONIC), took;
	int i;

	for (i = 0; i < EDGES; i++)
		bench_set(_metadata, bench, nth_level(*seq + i + 1));
	ASSERT_EQ(0, button_wait_counter(0, "edges", *seq + EDGES));
	took = button_now(CLOCK_MONOTONIC) - start;
	/* And the one who reads gets them all. */
	for (i = 0; i < EDGES; i++) {
		++*seq;
		bench_expect(_metadata, bench->fd, *seq, nth_type(*seq));
	}
	return took;
}

/* Opens what it can, with 4 MB of memory for its own and the kernel's on its behalf. */
static int try_to_take_all(void)
{
	struct rlimit limit = { .rlim_cur = 1000000, .rlim_max = 1000000 };
	int fd;

	if (setrlimit(RLIMIT_NOFILE, &limit) || button_write(GREEDY "/cgroup.procs", "0"))
		return 1;
	do
		fd = button_open(0, O_RDONLY);
	while (fd >= 0);
	return fd == -ENOMEM ? 0 : 2;
}

/*
 * A reader that has used up its memory is refused or killed; others get what is theirs. First here
 * is last at work: the kernel's caches are in disorder after it.
 */
TEST_F_TIMEOUT(button, one_without_memory, 300)
{
	long refs, refs_now = -1;
	__u64 seq = 0;
	int status, i;
	pid_t pid;

	mkdir(CGROUP, 0755);
	if (mount("none", CGROUP, "cgroup2", 0, NULL))
		SKIP(return, "no cgroups");
	if (button_write(CGROUP "/cgroup.subtree_control", "+memory") || mkdir(GREEDY, 0755) ||
	    button_write(GREEDY "/memory.max", "4M")) {
		umount2(CGROUP, MNT_DETACH);
		SKIP(return, "no cgroup that limits memory");
	}
	bind("debounce_us=0 storm_rate=0 ring_events=4096 max_readers=65536");
	refs = button_module_refs();
	pid = fork();
	if (!pid)
		_exit(try_to_take_all());
	do {
		cost_of_edges(_metadata, &self->bench, &seq);
	} while (!waitpid(pid, &status, WNOHANG));
	EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
		    (WIFEXITED(status) && !WEXITSTATUS(status))) {
		TH_LOG("status %#x", status);
	}
	TH_LOG("%llu events meanwhile", seq);
	cost_of_edges(_metadata, &self->bench, &seq);
	/* All that it had open is closed, be it a little later. */
	for (i = 0; i < BUTTON_DEADLINE_MS && refs_now != refs; i++) {
		refs_now = button_module_refs();
		button_sleep_us(1000);
	}
	EXPECT_EQ(refs, refs_now);
	EXPECT_EQ(0, rmdir(GREEDY));
	umount2(CGROUP, MNT_DETACH);
	rmdir(CGROUP);
}

/* Run @body as nobody, in the group or not; returns its exit code. */
static int as_nobody(bool group, int (*body)(void))
{
	gid_t gid = GPIO_GROUP;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (setgroups(group, &gid) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			_exit(99);
		_exit(body());
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int try_without_group(void)
{
	return button_open(0, O_RDONLY) == -EACCES ? 0 : 1;
}

static int try_with_group(void)
{
	static const char * const knobs[] = { "debounce_us", "debounce_mode", "storm_rate" };
	struct button_irq_event event;
	size_t i;
	int fd;

	if (button_open(0, O_WRONLY) != -EACCES || button_open(0, O_RDWR) != -EACCES)
		return 1;
	fd = button_open_binary(0, O_RDONLY);
	if (fd < 0 || ioctl(fd, BUTTON_IRQ_IOC_REWIND) || button_next(fd, &event) ||
	    event.type != BUTTON_IRQ_PRESS)
		return 2;
	if (write(fd, "x", 1) != -1 || errno != EBADF)
		return 3;
	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		if (button_set_attr(0, knobs[i], "0") != -EACCES)
			return 4;
	return 0;
}

TEST_F(button, only_the_group_reads_and_no_one_writes)
{
	bind("debounce_us=0");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(0, as_nobody(false, try_without_group));
	EXPECT_EQ(0, as_nobody(true, try_without_group));
	/* As the udev rule does. */
	ASSERT_EQ(0, chown("/dev/button_irq", 0, GPIO_GROUP));
	EXPECT_EQ(0, as_nobody(false, try_without_group));
	EXPECT_EQ(0, as_nobody(true, try_with_group));
	EXPECT_TRUE(button_attr_is(0, "debounce_us", "0"));
}

static bool all_zero(const void *from, size_t n)
{
	const unsigned char *p = from;

	while (n && !*p)
		n--, p++;
	return !n;
}

/* Every byte is written, and what has no meaning is zero: nothing of the kernel's is in it. */
TEST_F(button, nothing_stale_is_told)
{
	struct button_irq_info info;
	size_t label, line;

	/* No padding. */
	EXPECT_EQ(3 * sizeof(__u64) + 2 * sizeof(__u32), sizeof(struct button_irq_event));
	EXPECT_EQ(8 * sizeof(__u32) + sizeof(info.label) + sizeof(info.line), sizeof(info));
	bind("label=x");
	memset(&info, 0xa5, sizeof(info));
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_GET_INFO, &info));
	EXPECT_TRUE(all_zero(info.reserved, sizeof(info.reserved)));
	label = strnlen(info.label, sizeof(info.label));
	line = strnlen(info.line, sizeof(info.line));
	EXPECT_STREQ("x", info.label);
	EXPECT_STREQ(self->bench.stim.line, info.line);
	EXPECT_TRUE(all_zero(info.label + label, sizeof(info.label) - label));
	EXPECT_TRUE(all_zero(info.line + line, sizeof(info.line) - line));
}

/* The least of some times: where time does not count instructions, other things add to it. */
static __u64 least_cost(struct __test_metadata *_metadata, struct bench *bench, __u64 *seq)
{
	__u64 least = ~0ULL, took;
	int i;

	for (i = 0; i < 3; i++) {
		took = cost_of_edges(_metadata, bench, seq);
		if (took < least)
			least = took;
	}
	return least;
}

TEST_F_TIMEOUT(button, a_thousand_readers, 300)
{
	struct rlimit limit = { .rlim_cur = 2 * READERS, .rlim_max = 2 * READERS };
	char first[24], byte;
	__u64 seq = 0, alone, crowded;
	static int fd[READERS];
	long before, opened, later;
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	bind("debounce_us=0 storm_rate=0 ring_events=4096 max_readers=65536");
	alone = least_cost(_metadata, &self->bench, &seq);

	before = button_slab_objects("kmalloc-cg-");
	for (i = 0; i < READERS; i++) {
		fd[i] = button_open(0, O_RDONLY | O_NONBLOCK);
		ASSERT_LE(0, fd[i]);
	}
	opened = button_slab_objects("kmalloc-cg-");
	snprintf(first, sizeof(first), "%llu", seq + 1);
	crowded = least_cost(_metadata, &self->bench, &seq);
	/* Half of them never read, the others a byte. */
	for (i = 0; i < READERS; i += 2) {
		ASSERT_EQ(1, read(fd[i], &byte, 1));
		EXPECT_EQ(first[0], byte);
	}
	later = button_slab_objects("kmalloc-cg-");
	TH_LOG("%d edges took %llu us alone, %llu us with %d readers", EDGES,
	       alone / NSEC_PER_USEC, crowded / NSEC_PER_USEC, READERS);
	TH_LOG("accounted objects: %ld, opened %ld, read %ld", before, opened, later);
	/*
	 * A cost for each reader, however small, would be a thousandfold here; what else the
	 * machine does meanwhile is a few per cent (7 seen on RT with nested interrupts).
	 */
	EXPECT_LE(crowded, alone * 2);
	/* One each, and no more for what it has not read. */
	if (before >= 0) {
		EXPECT_LE(READERS * 9 / 10, opened - before);
		EXPECT_GE(READERS * 2, opened - before);
		EXPECT_GE(READERS / 10, later - opened);
	}
	for (i = 0; i < READERS; i++)
		close(fd[i]);
}

TEST_HARNESS_MAIN
