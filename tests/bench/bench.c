// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - measures what an edge costs until a program has read it
 *
 *	bench CONTENDER INDEX [trace|bursts|scale]
 *
 * INDEX is the number of the line, see stimulus.h. One run measures one contender of
 * contenders.c. Each figure is one line of output: contender and variant, name of the figure, and
 * the values in the order in which they were measured, separated by tabs. Times are nanoseconds on
 * CLOCK_MONOTONIC. On bench.py's machines, one nanosecond is one instruction.
 *
 * With modules/bench_finger.c loaded, a timer makes the edges of latencies while every program
 * sleeps. Without that module (on gpio-sim, whose lines may sleep) this program makes the edges,
 * and a latency includes what this program does until it sleeps again.
 *
 * The contender "nobody" waits for something else. It is the reference for an idle machine, and
 * for an edge that no driver listens to.
 *
 * In the mode "trace", this program makes only the edges during which budget.py has the host
 * record every instruction: presses with bounces and 5 ms of debouncing; raw edges with a normal
 * and with a FIFO reader; and, if readers can share the line, with one and with eleven readers.
 * Pin 0 of the back end "host" starts and stops the recording. The mode "bursts" measures bursts
 * only. The mode "scale" measures one of up to 256 buttons on a gpio-sim chip, see measure_scale().
 *
 * Each reader is a process. Each edge is followed by a long pause, which no figure includes, so
 * that the readers wait again at the next edge.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../selftests/stimulus.h"
#include "bench.h"

#define PAUSE_NS	(20 * NSEC_PER_MSEC)	/* well above DEBOUNCE_US plus a jiffy */
#define LEAD_NS		(10 * NSEC_PER_MSEC)	/* from ordering an edge until the edge */
#define QUIET_NS	(500 * NSEC_PER_MSEC)
#define BOUNCE_NS	(100 * 1000ULL)
#define BOUNCES		10	/* even: a press with its bounces changes the level */
#define EDGES		500
#define WARM_UP		20
#define BACKLOGS	10
#define READERS_MAX	1000
#define FANS		22
#define TRACES		5	/* of each case, see budget.py */
#define OPENS		1000
#define FURTHER_READERS	10	/* readers after the first, in traces */
#define IDLE_S		10
#define SETTLED_S	10	/* kfree_rcu() may take 5 */
#define MEMORY_LOOKS	6
#define LOOK_NS		(100 * NSEC_PER_MSEC)	/* polling interval of the flag driver */
#define READER_PRIORITY	40	/* below the IRQ threads' 50 */
#define WRITER_PRIORITY	90	/* above the IRQ threads */
#define SCALE_MAX	256
#define SCALE_BUTTONS	32
#define SCALE_READERS	10
#define SCALE_EDGES	5

/* Shared by the readers and by the process that moves the line. */
static struct {
	__u64 at[WARM_UP + EDGES];
	__u64 time[WARM_UP + EDGES];
	__u64 last;
	atomic_uint returned;
	atomic_uint ready;
} *shared;

static const struct contender *contender;
static struct stim stim;
static int level;	/* level of the line: 1 is idle */
static unsigned int stim_line;	/* the line's number for the finger */
static bool tracing;
static int finger = -1;
static struct stim host;	/* starts and stops the recording of instructions */

__u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void sleep_ns(__u64 ns)
{
	const struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&ts, NULL);
}

static void set_priority(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param))
		die("SCHED_FIFO");
}

/* Has the finger move the line at @at, or at once if @at is 0. */
static void order_edge(__u64 at)
{
	const struct bench_finger order = { at, 2 * stim_line + !level };

	if (write(finger, &order, sizeof(order)) != sizeof(order))
		die("/dev/bench_finger");
	level = !level;
}

static struct bench_finger last_edge(void)
{
	struct bench_finger edge;

	if (read(finger, &edge, sizeof(edge)) != sizeof(edge))
		die("/dev/bench_finger");
	return edge;
}

/* Makes the next edge in this process. Returns the time just before the edge. */
static __u64 edge(void)
{
	__u64 t = now();

	if (finger >= 0) {
		order_edge(0);
	} else {
		level = !level;
		if (stim_set(&stim, level))
			exit(1);
	}
	return t;
}

/* Starts or stops the host's recording of instructions. */
static void trace(bool on)
{
	if (stim_set(&host, on))
		exit(1);
}

/*
 * Makes the next edge; if there is a finger, while every program sleeps. Then pauses until the
 * readers have taken their events. Returns the time of the edge.
 */
static __u64 press(bool traced)
{
	__u64 t;

	if (contender->rising && level) {
		edge();
		sleep_ns(PAUSE_NS);
	}
	if (traced)
		trace(true);
	if (finger >= 0) {
		order_edge(now() + LEAD_NS);
		sleep_ns(LEAD_NS + PAUSE_NS);
		t = last_edge().at;
	} else {
		t = edge();
		sleep_ns(PAUSE_NS);
	}
	if (traced)
		trace(false);
	return t;
}

static void settle(void)
{
	if (!level)
		edge();
	sleep_ns(PAUSE_NS);
}

/*
 * Figures
 */

static void begin_figure(const struct variant *v, const char *format, ...)
{
	va_list args;

	printf("%s%s%s\t", contender->name, v && *v->name ? " " : "", v ? v->name : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

static void value(__u64 value)
{
	printf("\t%llu", value);
}

/* Wait for the console here: its interrupts would disturb the next measurement. */
static void end_figure(void)
{
	putchar('\n');
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s", path);
	close(fd);
}

static struct reader open_reader(const struct variant *v)
{
	struct reader r = { .level = -1, .poll = POLLIN };

	contender->open(v, &r);
	return r;
}

static void set_nonblock(struct reader *r)
{
	r->nonblock = true;
	if (r->fd >= 0 && fcntl(r->fd, F_SETFL, O_NONBLOCK))
		die("O_NONBLOCK");
}

static void take_all(const struct variant *v, struct reader *r)
{
	while (contender->take(v, r, BATCH_MAX))
		;
}

/* Forks. Returns true in the child; returns in the parent once the child has opened its reader. */
static bool in_child(void)
{
	unsigned int ready = atomic_load(&shared->ready);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		return true;
	while (atomic_load(&shared->ready) == ready)
		sleep_ns(NSEC_PER_MSEC);
	return false;
}

static void wait_children(void)
{
	int status;

	while (wait(&status) > 0)
		if (status)
			exit(1);
}

/* Starts a process that reads all events until stop_reader(). */
static pid_t start_reader(const struct variant *v)
{
	unsigned int ready = atomic_load(&shared->ready);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		struct reader r = open_reader(v);

		atomic_fetch_add(&shared->ready, 1);
		for (;;) {
			contender->take(v, &r, 1);
			if (contender->take == naive_take)
				sleep_ns(LOOK_NS);
		}
	}
	while (atomic_load(&shared->ready) == ready)
		sleep_ns(NSEC_PER_MSEC);
	sleep_ns(PAUSE_NS);
	return pid;
}

static void stop_reader(pid_t pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waiting for the reader");
}

/*
 * Latencies: edge -> read() or poll() returns, and how late the time stamp is
 */

static void latency_reader(const struct variant *v, bool polls, int priority)
{
	struct reader r;
	struct pollfd pfd;
	unsigned int i;

	/* Before open(), which may start a thread that inherits the priority. */
	set_priority(priority);
	r = open_reader(v);
	pfd = (struct pollfd){ .fd = r.fd, .events = r.poll };
	atomic_fetch_add(&shared->ready, 1);
	for (i = 0; i < WARM_UP + EDGES; i++) {
		if (polls) {
			poll(&pfd, 1, -1);
			shared->at[i] = now();
		}
		do
			contender->take(v, &r, 1);
		while (r.events <= i);
		if (!polls)
			shared->at[i] = r.at;
		shared->time[i] = r.time;
	}
	exit(0);
}

/* Sets @t to the times of the edges. The reader leaves its times in @shared. */
static void press_for_reader(const struct variant *v, bool polls, int priority, __u64 *t)
{
	const unsigned int last = WARM_UP + EDGES - 1;
	unsigned int i;

	if (in_child())
		latency_reader(v, polls, priority);
	sleep_ns(PAUSE_NS);
	for (i = 0; i <= last; i++)
		/* Do not trace the last edge, at which the reader exits. */
		t[i] = press(tracing && i < last && i >= last - TRACES);
	wait_children();
	settle();
}

static void later_than(const __u64 *times, const __u64 *t)
{
	unsigned int i;

	for (i = WARM_UP; i < WARM_UP + EDGES; i++)
		value(times[i] - t[i]);
	end_figure();
}

static void measure_latency(const struct variant *v, bool polls, int priority)
{
	static __u64 t[WARM_UP + EDGES];

	press_for_reader(v, polls, priority, t);
	begin_figure(v, "%s, %s", polls ? "poll" : "read", priority ? "FIFO" : "normal");
	later_than(shared->at, t);
	if (polls || !priority)
		return;
	begin_figure(v, "time stamp");
	later_than(shared->time, t);
}

/*
 * Presses and releases, each with BOUNCES bounces, including all work that follows from them. The
 * first and the last are not traced, because the reader is new at the first and exits at the last.
 */
static void trace_press(const struct variant *v)
{
	const unsigned int changes = 2 * (TRACES + 2);
	unsigned int i, k;

	if (in_child()) {
		struct reader r = open_reader(v);

		atomic_fetch_add(&shared->ready, 1);
		while (r.events < changes)
			contender->take(v, &r, 1);
		exit(0);
	}
	sleep_ns(PAUSE_NS);
	for (i = 0; i < changes; i++) {
		bool traced = i >= 2 && i < changes - 2;

		if (traced && i % 2 == 0)
			trace(true);
		for (k = 0; k < 1 + BOUNCES; k++) {
			edge();
			sleep_ns(BOUNCE_NS);
		}
		sleep_ns(PAUSE_NS);
		if (traced && i % 2)
			trace(false);
	}
	wait_children();
}

/*
 * Measures how long an edge interrupts the program that made it. By then, hard IRQ and IRQ thread
 * have run on this CPU. With debouncing, the edge is a bounce, that is, within the debounce time.
 *
 * With @hard, the writer has a higher priority than the IRQ threads, so only the hard IRQ is
 * measured: it wakes the thread or the reader, but neither gets the CPU. The time includes the
 * finger's register write; the figure of "nobody" is the time of that alone.
 */
static void measure_edge(const struct variant *v, bool hard)
{
	struct reader r = { };
	__u64 cost[EDGES];
	unsigned int i, k;
	pid_t reader = 0;

	if (hard) {
		reader = start_reader(v);
		set_priority(WRITER_PRIORITY);
	} else {
		r = open_reader(v);
		set_nonblock(&r);
	}
	for (i = 0; i < EDGES;) {
		settle();
		if (!hard)
			take_all(v, &r);
		edge();
		for (k = 0; k < 20; k++, i++) {
			__u64 t;

			sleep_ns(hard && !v->debounce_us ? PAUSE_NS : BOUNCE_NS);
			if (contender->rising && level) {
				edge();
				sleep_ns(PAUSE_NS);
			}
			t = edge();
			cost[i] = now() - t;
			if (hard)
				cost[i] = last_edge().level - last_edge().at;
		}
	}
	set_priority(0);
	settle();
	if (hard)
		stop_reader(reader);
	else
		contender->close(&r);

	begin_figure(v, "%s%s", hard ? "hard IRQ, " : "", v->debounce_us ? "bounce" : "edge");
	for (i = 0; i < EDGES; i++)
		value(cost[i]);
	end_figure();
}

/* Measures reading a backlog: the time per event. */
static void measure_backlog(const struct variant *v, unsigned int batch)
{
	struct reader r = open_reader(v);
	unsigned int i, k;

	set_nonblock(&r);
	r.skim = true;
	begin_figure(v, "backlog, batches of %u", batch);
	for (i = 0; i < BACKLOGS; i++) {
		__u64 t;

		for (k = 0; k < contender->capacity; k++) {
			edge();
			sleep_ns(BOUNCE_NS);
		}
		r.events = 0;
		t = now();
		while (r.events < contender->capacity)
			contender->take(v, &r, batch);
		value((r.at - t) / contender->capacity);
	}
	end_figure();
	settle();
	contender->close(&r);
}

/*
 * Many readers: from the edge until the last reader has its event
 */

static void fan_reader(const struct variant *v, unsigned int n, int priority)
{
	struct reader r;
	unsigned int i;

	set_priority(priority);
	r = open_reader(v);
	atomic_fetch_add(&shared->ready, 1);
	for (i = 0; i < FANS; i++) {
		contender->take(v, &r, 1);
		if (atomic_fetch_add(&shared->returned, 1) + 1 == n * (i + 1))
			shared->last = r.at;
	}
	exit(0);
}

static void measure_fan(const struct variant *v, unsigned int n, int priority)
{
	__u64 took[FANS];
	unsigned int i;

	atomic_store(&shared->returned, 0);
	for (i = 0; i < n; i++)
		if (in_child())
			fan_reader(v, n, priority);
	sleep_ns(PAUSE_NS);
	for (i = 0; i < FANS; i++) {
		/* Do not trace the last edge, at which the readers exit. */
		__u64 t = press(tracing && i < FANS - 1 && i >= FANS - 1 - TRACES);

		while (atomic_load(&shared->returned) != n * (i + 1))
			sleep_ns(NSEC_PER_MSEC);
		took[i] = shared->last - t;
	}
	wait_children();
	settle();

	begin_figure(v, "%u readers, %s", n, priority ? "FIFO" : "normal");
	/* Leave out the first edge, when the readers are new, and the last, when they exit. */
	for (i = 1; i < FANS - 1; i++)
		value(took[i]);
	end_figure();
}

/*
 * Bursts from a writer of higher priority than the IRQ threads. Three values: the number of events
 * delivered, of edges reported as lost, and of events out of order.
 */
static void measure_burst(const struct variant *v, unsigned int n)
{
	struct reader r = open_reader(v);
	unsigned int i;

	if (contender->take == naive_take)
		r.nonblock = true;
	else
		set_nonblock(&r);
	settle();
	take_all(v, &r);
	r.events = 0;
	r.told = 0;
	r.disorder = 0;
	set_priority(WRITER_PRIORITY);
	for (i = 0; i < n; i++)
		edge();
	set_priority(0);
	/*
	 * Read until all events have come or, if the contender loses some, until no more come:
	 * another CPU may still be processing edges.
	 */
	for (i = 0; i < QUIET_NS / PAUSE_NS && r.events < n; i++) {
		unsigned long events = r.events;

		sleep_ns(PAUSE_NS);
		take_all(v, &r);
		if (r.events != events)
			i = 0;
	}
	settle();
	contender->close(&r);

	begin_figure(v, "burst of %u", n);
	value(r.events);
	value(r.told);
	value(r.disorder);
	end_figure();
}

/*
 * Idle: nobody presses while a reader waits, or polls if it reads the flag driver. Four values: how
 * often and for how long (in nanoseconds) the reader and the IRQ threads have had the CPU; and the
 * context switches and interrupts of the whole machine, which a driver's timer would raise.
 */

/* Returns the number after @name in a file of /proc, from the last line that begins with @name. */
unsigned long proc_number(const char *path, const char *name)
{
	unsigned long number = 0;
	char line[4096];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			number = strtoul(line + strlen(name), NULL, 10);
	if (!file)
		die("%s", path);
	fclose(file);
	return number;
}

/* Returns the sum of the numbers after @name, over all lines that have it. */
static unsigned long proc_sum(const char *path, const char *name)
{
	unsigned long number = 0;
	char line[4096], *found;
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file)) {
		found = line + strspn(line, " .");
		if (!strncmp(found, name, strlen(name)))
			number += strtoul(found + strlen(name), NULL, 10);
	}
	if (!file)
		die("%s", path);
	fclose(file);
	return number;
}

struct idle {
	unsigned long own;
	unsigned long own_ns;
	unsigned long switches;
	unsigned long interrupts;
};

/* Adds all threads of a process. */
static void add_process(const char *pid, struct idle *idle)
{
	char path[300], file[600];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s/status", path, entry->d_name);
		idle->own += proc_number(file, "voluntary_ctxt_switches:") +
			     proc_number(file, "nonvoluntary_ctxt_switches:");
		snprintf(file, sizeof(file), "%s/%s/schedstat", path, entry->d_name);
		idle->own_ns += proc_number(file, "");
	}
	if (!dir)
		die("%s", path);
	closedir(dir);
}

static void add_irq_threads(struct idle *idle)
{
	char path[300], comm[16];
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = *entry->d_name >= '0' && *entry->d_name <= '9' ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, "irq/", 4))
			add_process(entry->d_name, idle);
		fclose(file);
	}
	if (!dir)
		die("/proc");
	closedir(dir);
}

static struct idle count_idle(pid_t reader)
{
	struct idle idle = { };
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", reader);
	add_process(pid, &idle);
	add_irq_threads(&idle);
	idle.switches = proc_number("/proc/stat", "ctxt");
	idle.interrupts = proc_number("/proc/stat", "intr");
	return idle;
}

static void measure_idle(const struct variant *v)
{
	pid_t reader = start_reader(v);
	struct idle before, after;

	before = count_idle(reader);
	sleep_ns(IDLE_S * 1000 * NSEC_PER_MSEC);
	after = count_idle(reader);
	stop_reader(reader);

	begin_figure(v, "idle for %u s", IDLE_S);
	value(after.own - before.own);
	value(after.own_ns - before.own_ns);
	value(after.switches - before.switches);
	value(after.interrupts - before.interrupts);
	end_figure();
}

/*
 * Returns the number of bytes in use by the kernel: all pages that are neither free nor in use by
 * programs or for files. Pages in the per-CPU lists (/proc/zoneinfo) count as free. Of the slabs'
 * pages, only objects in use count. Before counting, drop unused dentries and inodes, wait for
 * deferred freeing, and shrink the slab caches, since objects in per-CPU slabs would look used.
 */
static __u64 memory_in_use(void)
{
	const unsigned long page = sysconf(_SC_PAGESIZE);
	unsigned long objects, size, pages, slabs;
	char line[512], path[300];
	struct dirent *entry;
	__u64 sum = 0;
	FILE *file;
	DIR *dir;

	write_file("/proc/sys/vm/drop_caches", "2");
	sleep_ns(SETTLED_S * 1000 * NSEC_PER_MSEC);
	dir = opendir("/sys/kernel/slab");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", entry->d_name);
		if (*entry->d_name != '.')
			write_file(path, "1");
	}
	if (!dir)
		die("/sys/kernel/slab");
	closedir(dir);
	write_file("/proc/sys/vm/stat_refresh", "1");

	file = fopen("/proc/slabinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %lu %*u %lu %*u %lu : tunables %*u %*u %*u : %*s %*u %lu",
			   &objects, &size, &pages, &slabs) == 4)
			sum += (__u64)objects * size - (__u64)slabs * pages * page;
	if (!file)
		die("/proc/slabinfo");
	fclose(file);
	sum -= page * proc_sum("/proc/zoneinfo", "count:");
	return sum + 1024 * (proc_number("/proc/meminfo", "MemTotal:") -
			     proc_number("/proc/meminfo", "MemFree:") -
			     proc_number("/proc/meminfo", "Buffers:") -
			     proc_number("/proc/meminfo", "Cached:") -
			     proc_number("/proc/meminfo", "AnonPages:"));
}

/* Returns the least of several measurements: other activity only adds to the memory in use. */
static __u64 kernel_memory(void)
{
	__u64 least = memory_in_use();
	unsigned int i;

	for (i = 1; i < MEMORY_LOOKS; i++) {
		__u64 again = memory_in_use();

		if (again < least)
			least = again;
	}
	return least;
}

/* Measures the memory that each further button takes. */
static void measure_further(unsigned int index)
{
	const struct variant *v = contender->variants;
	__u64 before;

	while (!v->main)
		v++;
	if (stim_open(&stim, index))
		exit(1);
	line_name = stim.line;
	/* Bind and unbind once before: names that were looked up stay in memory. */
	contender->further(true);
	contender->further(false);
	before = kernel_memory();
	contender->further(true);
	begin_figure(v, "memory per button");
	value((kernel_memory() - before) / FURTHER);
	end_figure();
	stim_close(&stim);
}

/* Measures the memory that each further open file takes. */
static void measure_memory(const struct variant *v)
{
	static struct reader r[OPENS];
	const struct rlimit limit = { 2 * OPENS + 100, 2 * OPENS + 100 };
	unsigned int i;
	__u64 before;

	/* Let the file table grow before the measurement. */
	if (setrlimit(RLIMIT_NOFILE, &limit) || dup2(STDIN_FILENO, 2 * OPENS) < 0)
		die("%u files", 2 * OPENS);
	before = kernel_memory();
	for (i = 0; i < OPENS; i++)
		r[i] = open_reader(v);
	begin_figure(v, "memory per reader");
	value((kernel_memory() - before) / OPENS);
	end_figure();
	for (i = 0; i < OPENS; i++)
		contender->close(&r[i]);
	close(2 * OPENS);
}

static void measure_bursts(const struct variant *v)
{
	static const unsigned int bursts[] = { 2, 4, 10, 20, 50, 100, 200, 500, 1000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bursts); i++)
		measure_burst(v, bursts[i]);
}

static void measure_main(const struct variant *v)
{
	static const unsigned int readers[] = { 1, 10, 100, READERS_MAX };
	unsigned int i, readers_max = READERS_MAX;

	measure_idle(v);
	if (contender->take != naive_take && !contender->waits)
		return;
	measure_bursts(v);
	/* 1,000 readers would take too long elsewhere. */
	if (strcmp(stim_name(&stim), "gpio-sim"))
		readers_max = 100;
	if (!contender->shared)
		return;
	measure_memory(v);
	for (i = 0; i < ARRAY_SIZE(readers) && readers[i] <= readers_max; i++) {
		measure_fan(v, readers[i], 0);
		measure_fan(v, readers[i], READER_PRIORITY);
	}
}

static void measure_backlogs(const struct variant *v)
{
	static const unsigned int batches[] = { 1, 16, BATCH_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(batches); i++)
		/* In text, a read() returns one line. */
		if (!v->mode || v->binary || batches[i] == 1)
			measure_backlog(v, batches[i]);
}

static void measure_traced(const struct variant *v)
{
	unsigned int i;

	if (!v->main) {
		if (!v->mode || (v->binary && !strcmp(v->mode, "eager")))
			trace_press(v);
		return;
	}
	measure_latency(v, false, 0);
	measure_latency(v, false, READER_PRIORITY);
	for (i = 0; contender->shared && i < 4; i++)
		measure_fan(v, i % 2 ? 1 + FURTHER_READERS : 1, i / 2 ? READER_PRIORITY : 0);
}

static void measure(const struct variant *v)
{
	if (contender->waits) {
		measure_latency(v, false, READER_PRIORITY);
		measure_latency(v, true, READER_PRIORITY);
		measure_latency(v, false, 0);
		measure_latency(v, true, 0);
	}
	if (finger >= 0)
		measure_edge(v, true);
	if (contender->capacity) {
		measure_edge(v, false);
		if (!v->debounce_us)
			measure_backlogs(v);
	}
	if (v->main)
		measure_main(v);
}

/*
 * Many buttons: the device tree has 256, and the driver binds only as many as are measured. The
 * others have driver_override set to a driver that does not exist.
 */

static void bind_only(unsigned int n)
{
	char path[128];
	unsigned int i;

	for (i = 0; i < SCALE_MAX; i++) {
		snprintf(path, sizeof(path), "/sys/bus/platform/devices/scale-%u/driver_override",
			 i);
		write_file(path, i < n ? "\n" : "none\n");
	}
}

/* Loads the module. Returns how long that took. */
static __u64 load_module(const char *parameters)
{
	const char *path = getenv("BUTTON_IRQ_KO");
	int fd = open(path, O_RDONLY);
	__u64 t = now();

	if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
		die("loading %s", path);
	t = now() - t;
	close(fd);
	return t;
}

static void unload_module(void)
{
	if (syscall(SYS_delete_module, "button_irq", O_NONBLOCK))
		die("unloading button_irq");
}

/* Finds a button's node: nodes are numbered in the order of probing, not in that of the lines. */
static void find_node(unsigned int button)
{
	struct dirent *entry;
	char path[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/platform/devices/scale-%u/button_irq", button);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			snprintf(button_irq_node, sizeof(button_irq_node), "%.31s", entry->d_name);
	if (!dir)
		die("%s", path);
	closedir(dir);
}

static void scale_reader(const struct variant *v)
{
	struct reader r = open_reader(v);

	atomic_fetch_add(&shared->ready, 1);
	while (r.events < SCALE_EDGES)
		if (contender->take(v, &r, 1))
			atomic_fetch_add(&shared->returned, 1);
	exit(0);
}

/* Counts the events that 10 readers of each of 32 buttons get of five edges on each button. */
static void measure_crowd(const struct variant *v)
{
	const unsigned int all = SCALE_BUTTONS * SCALE_READERS * SCALE_EDGES;
	struct stim stims[SCALE_BUTTONS];
	unsigned int i, k;

	atomic_store(&shared->returned, 0);
	for (i = 0; i < SCALE_BUTTONS; i++) {
		if (stim_open(&stims[i], i))
			exit(1);
		find_node(i);
		contender->setup(v);
		for (k = 0; k < SCALE_READERS; k++)
			if (in_child())
				scale_reader(v);
	}
	for (k = 0; k < SCALE_EDGES; k++) {
		for (i = 0; i < SCALE_BUTTONS; i++)
			if (stim_set(&stims[i], k % 2))
				exit(1);
		sleep_ns(PAUSE_NS);
	}
	for (i = 0; i < QUIET_NS / PAUSE_NS && atomic_load(&shared->returned) < all; i++)
		sleep_ns(PAUSE_NS);
	printf("scale\tevents of %u\t%u\n", all, atomic_load(&shared->returned));
	for (i = 0; i < SCALE_BUTTONS; i++) {
		if (stim_set(&stims[i], 1))
			exit(1);
		stim_close(&stims[i]);
	}
	wait_children();
}

static void measure_scale(const struct variant *v)
{
	static const unsigned int buttons[] = { 1, 4, 16, 64, SCALE_MAX };
	static __u64 t[WARM_UP + EDGES];
	__u64 before, took;
	unsigned int i;

	/* Load and unload once before: the first load leaves memory in use. */
	bind_only(1);
	load_module("");
	unload_module();
	before = kernel_memory();
	for (i = 0; i < ARRAY_SIZE(buttons); i++) {
		bind_only(buttons[i]);
		took = load_module("");
		printf("scale\t%u buttons, loading\t%llu\n", buttons[i], took);
		printf("scale\t%u buttons, memory\t%llu\n", buttons[i], kernel_memory() - before);
		find_node(0);
		contender->setup(v);
		settle();
		press_for_reader(v, false, READER_PRIORITY, t);
		printf("scale\t%u buttons, read", buttons[i]);
		later_than(shared->at, t);
		unload_module();
	}
	bind_only(SCALE_BUTTONS);
	load_module("");
	measure_crowd(v);
	unload_module();
}

int main(int argc, char **argv)
{
	const char *mode = argc == 4 ? argv[3] : "";
	const struct variant *v;

	for (contender = contenders; contender->name; contender++)
		if (argc >= 3 && !strcmp(argv[1], contender->name))
			break;
	if (!contender->name) {
		fprintf(stderr, "usage: bench CONTENDER INDEX [trace|bursts|scale]\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (shared == MAP_FAILED || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("memory");
	finger = open("/dev/bench_finger", O_RDWR);
	tracing = !strcmp(mode, "trace");
	if (tracing) {
		char *backend = strdup(getenv("BUTTON_IRQ_STIMULUS"));

		setenv("BUTTON_IRQ_STIMULUS", "host", 1);
		if (stim_open(&host, 0))
			return 1;
		setenv("BUTTON_IRQ_STIMULUS", backend, 1);
	}
	/*
	 * Only gpio-sim has enough lines. This comes first: the other measurements leave free
	 * objects in slabs, which further buttons would use without taking a new page.
	 */
	if (!*mode && contender->further && !strcmp(getenv("BUTTON_IRQ_STIMULUS"), "gpio-sim"))
		measure_further(atoi(argv[2]));
	for (v = contender->variants; v->name; v++) {
		bool scale = !strcmp(mode, "scale");

		if ((scale || !strcmp(mode, "bursts")) && !v->main)
			continue;
		stim_line = v->line;
		if (stim_open(&stim, atoi(argv[2]) + v->line))
			return 1;
		line_name = stim.line;
		level = 0;
		if (scale) {
			measure_scale(v);
		} else {
			contender->setup(v);
			settle();
			if (tracing)
				measure_traced(v);
			else if (*mode)
				measure_bursts(v);
			else
				measure(v);
		}
		stim_close(&stim);
	}
	return 0;
}
