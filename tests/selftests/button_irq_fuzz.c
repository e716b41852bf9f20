// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls at random, and those again that reached something new.
 *
 * A program is up to 12 calls of five bytes each: which, on what, with what. One thread runs
 * programs and has the kernel (KCOV, see tests/debug) tell which branches of the driver they took.
 * One that took a new one is kept, and new programs are made from those that were kept. Another
 * thread runs kept programs meanwhile, on the same files, signals arrive all the time, and a
 * process moves the line.
 *
 *	BUTTON_IRQ_FUZZ=N	calls, 20000 unless given
 *	BUTTON_IRQ_SEED=N	all decisions come from it; where time counts instructions the
 *				same seed is the same run
 *	BUTTON_IRQ_FUZZ_TRACE=1	prints each program before it runs
 *	BUTTON_IRQ_FUZZ_KEEP=1	prints the programs that are worth keeping, for the file
 *
 * button_irq_fuzz.corpus has programs that were worth keeping, or that once broke something, and
 * button_irq_fuzz_long.corpus more of them, for long runs. They run first. What goes wrong is for
 * the kernel to say: after each program its log is looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "button.h"
#include "stimulus.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PARAMS		"debounce_us=300 ring_events=64"
#define OPS		12	/* calls of a program */
#define PROGRAMS	4096	/* that are kept */
#define SLOTS		4	/* files that a thread holds; it reaches the other's too */
#define COVER		65536	/* entries of the kernel's trace */
#define SIGNALS		65536
#define PAGES		16	/* that can be written, of a thread's memory */
#define UNTOUCHED	0x5a
#define LONG		50000	/* calls from which on the longer corpus runs first, too */
#define RARELY		2000	/* calls from unbind to unbind, which takes as long as 1000 */
#define SKIP		4

/* As bytes, so that any change of a byte is a program too. */
struct op {
	__u8 call;	/* index of calls[] */
	__u8 slot;
	__u8 a;
	__u8 b;
	__u8 c;
};

struct program {
	unsigned int n;
	struct op op[OPS];
};

/**
 * struct worker - a thread that runs programs
 * @first: index of the first of its own slots
 * @tid: its number
 * @rng: where its decisions come from
 * @memory: PAGES pages, one that may not be touched, one that may only be read, another
 *	that may not be touched
 * @pipe: for splice(); neither end blocks
 * @epoll: likewise
 * @attr: attributes, once they are open: opening costs a hundred times as much as a read
 * @binding: since when @attr and its slots are of the button that is there
 * @calls: how many it made
 * @now: the program it runs, for a report
 */
struct worker {
	unsigned int first;
	pid_t tid;
	__u64 rng;
	char *memory;
	int pipe[2];
	int epoll;
	int attr[16];
	unsigned int binding;
	unsigned long calls;
	struct program now;
};

static struct worker workers[2];
static struct stim stim;
static int slots[2 * SLOTS];
static int kmsg;
static long page;
static bool set, unbound;	/* to be put right after a program */
static unsigned int binding;	/* how often it was unbound */
static unsigned long rarely;	/* calls until it may be again */
static bool stop, broken, trace;

static struct program corpus[PROGRAMS];
static unsigned int kept;
static unsigned long *cover;
static __u8 seen[SIGNALS];	/* pairs of branches, hashed */
static __u8 seen_pc[SIGNALS];
static unsigned int pcs, pairs;

/* xorshift64*. */
static __u32 below(__u64 *rng, __u32 n)
{
	*rng ^= *rng >> 12;
	*rng ^= *rng << 25;
	*rng ^= *rng >> 27;
	return (*rng * 0x2545f4914f6cdd1dULL >> 32) % n;
}

static void complain(const char *what, long value)
{
	printf("# %s: %ld\n", what, value);
	__atomic_store_n(&broken, true, __ATOMIC_RELAXED);
}

static unsigned long all_calls(void)
{
	return __atomic_load_n(&workers[0].calls, __ATOMIC_RELAXED) +
	       __atomic_load_n(&workers[1].calls, __ATOMIC_RELAXED);
}

/* Every call goes through here. Numbers that mean something to the kernel only stay there. */
static long done(struct worker *w, long ret)
{
	__atomic_fetch_add(&w->calls, 1, __ATOMIC_RELAXED);
	if (ret < 0 && errno > 133)
		complain("no errno", errno);
	return ret;
}

/* --- What calls are made of -------------------------------------------------------------- */

static int *slot_of(struct worker *w, __u8 slot)
{
	/* The lower half are its own. */
	return &slots[(w->first + slot) % (2 * SLOTS)];
}

/* Only one takes a file out of its slot, so that no number is closed twice. */
static void put_file(struct worker *w, __u8 slot, int fd)
{
	int old = __atomic_exchange_n(slot_of(w, slot), fd, __ATOMIC_ACQ_REL);

	if (old >= 0)
		done(w, close(old));
}

/* Where there is none, the button is opened: else most programs would be about nothing. */
static int file(struct worker *w, __u8 slot)
{
	int fd = __atomic_load_n(slot_of(w, slot), __ATOMIC_ACQUIRE);

	if (fd < 0) {
		fd = done(w, open("/dev/button_irq", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
		put_file(w, slot, fd);
	}
	return fd;
}

static size_t size_of(__u8 size)
{
	static const size_t sizes[] = {
		0, 1, 2, 16, 31, 32, 33, 63, 64, 95, 96, 97, 4095, 4096, 4097, 65535, 65536, 65537,
		1 << 20, 0x7ffff000, 0x7fffffff, 0x80000000, SIZE_MAX / 2, SIZE_MAX,
	};

	return size < 128 ? size : sizes[size % ARRAY_SIZE(sizes)];
}

/* Memory that can be written, or not, or in part. */
static void *pointer(struct worker *w, __u8 kind, __u8 offset)
{
	char *end = w->memory + PAGES * page;

	switch (kind % 16) {
	case 0:
		return NULL;
	case 1:
		return end + offset;			/* may not be touched */
	case 2:
		return end + page + offset;		/* may only be read */
	case 3:
		return end + 2 * page - offset;		/* and no further */
	case 4:
		return (void *)(uintptr_t)(0xffff800000000000ULL + offset * 4096);
	case 5:
		return (void *)(0UL - offset);
	case 6:
	case 7:
		return end - offset;
	case 8:
		/* There once it is touched. */
		madvise(w->memory, page, MADV_DONTNEED);
		return w->memory + page - offset;
	default:
		return w->memory + (kind % 16 == 9 ? offset : 0);
	}
}

#define SETTINGS	3
static const char * const attrs[] = {
	"debounce_us", "debounce_mode", "storm_rate", "state", "label", "line", "presses",
	"releases", "edges", "inferred", "bounces", "missed", "storms", "dev", "nothing",
	"glitches",
};

static int open_attr(struct worker *w, unsigned int attr, int flags)
{
	char path[128];

	button_attr_path(0, attrs[attr], path, sizeof(path));
	return done(w, open(path, flags | O_CLOEXEC));
}

/* One that stays open. The first can be written. */
static int attr_file(struct worker *w, __u8 attr)
{
	unsigned int i = attr % ARRAY_SIZE(attrs);

	if (w->attr[i] < 0)
		w->attr[i] = open_attr(w, i, i < SETTINGS ? O_RDWR : O_RDONLY);
	return w->attr[i];
}

/* --- The calls ----------------------------------------------------------------------------- */

static void do_open(struct worker *w, const struct op *op)
{
	static const int flags[] = {
		O_NONBLOCK, 0, O_ASYNC | O_NONBLOCK, O_WRONLY, O_RDWR | O_NONBLOCK,
		O_RDWR | O_APPEND, O_TRUNC, O_DIRECT, O_PATH, O_DIRECTORY, O_NOFOLLOW, O_SYNC, 3,
		O_NOATIME,
	};
	int flag = flags[op->a % ARRAY_SIZE(flags)];

	put_file(w, op->slot, done(w, open("/dev/button_irq", flag | O_CLOEXEC)));
}

static void do_close(struct worker *w, const struct op *op)
{
	put_file(w, op->slot, -1);
}

/* What it says it wrote it may have written, and nothing else. */
static void do_read(struct worker *w, const struct op *op)
{
	size_t size = size_of(op->a);
	char *buf = pointer(w, op->b, op->c);
	bool whole = op->b % 16 >= 9 && size < 8192;
	ssize_t n;

	if (whole)
		memset(buf, UNTOUCHED, size + 64);
	n = done(w, read(file(w, op->slot), buf, size));
	if (n > 0 && (size_t)n > size)
		complain("read more than was asked for", n);
	for (n = n < 0 ? 0 : n; whole && n < (ssize_t)size + 64; n++) {
		if (buf[n] == UNTOUCHED)
			continue;
		complain("read wrote beyond its end, at", n);
		break;
	}
}

static void do_pread(struct worker *w, const struct op *op)
{
	off_t pos = op->slot & 16 ? (off_t)((__u64)op->c << 55) : op->c;

	done(w, pread(file(w, op->slot), pointer(w, op->b, op->c), size_of(op->a), pos));
}

static void do_readv(struct worker *w, const struct op *op)
{
	struct iovec iov[3] = {
		{ pointer(w, op->b, op->c), size_of(op->a) },
		{ pointer(w, op->b >> 4, op->c), size_of(op->c) },
		{ w->memory, 40 },
	};
	int n = op->c % 8 < 4 ? op->c % 8 : (op->c % 8 - 5) * 1000;

	done(w, readv(file(w, op->slot), op->slot & 32 ? pointer(w, op->b, op->c) : iov, n));
}

static void do_write(struct worker *w, const struct op *op)
{
	/* It may be an attribute. */
	if (done(w, write(file(w, op->slot), pointer(w, op->b, op->c), size_of(op->a) % 5000)) > 0)
		__atomic_store_n(&set, true, __ATOMIC_RELAXED);
}

static void do_lseek(struct worker *w, const struct op *op)
{
	off_t pos = op->b & 1 ? (off_t)((__u64)op->c << 55) : op->c;

	done(w, lseek(file(w, op->slot), pos, op->a % 7));
}

static void do_ioctl(struct worker *w, const struct op *op)
{
	static const unsigned long requests[] = {
		BUTTON_IRQ_IOC_SET_FORMAT, BUTTON_IRQ_IOC_SET_CLOCK, BUTTON_IRQ_IOC_REWIND,
		BUTTON_IRQ_IOC_GET_INFO, BUTTON_IRQ_IOC_SET_FORMAT, BUTTON_IRQ_IOC_SET_CLOCK,
		BUTTON_IRQ_IOC_REWIND, BUTTON_IRQ_IOC_GET_INFO,
		_IOR(BUTTON_IRQ_IOC_MAGIC, 2, __u32), _IOW(BUTTON_IRQ_IOC_MAGIC, 2, __u64),
		_IO(BUTTON_IRQ_IOC_MAGIC, 5), _IO(BUTTON_IRQ_IOC_MAGIC, 0), _IO('U', 4),
		FIONBIO, FIOASYNC, FIONREAD, FIOCLEX, FIOQSIZE, 0, ~0UL,
	};
	static const __u32 values[] = { 0, 1, 7, 2, ~0U, 1 << 31, 0x100, 11 };
	unsigned long request = requests[op->a % ARRAY_SIZE(requests)];
	void *arg = pointer(w, op->b, op->c & ~7);
	const struct button_irq_info *info = arg;

	if (op->b % 16 >= 9) {
		memset(arg, UNTOUCHED, sizeof(*info));
		*(__u32 *)arg = values[op->c % ARRAY_SIZE(values)];
	}
	if (done(w, ioctl(file(w, op->slot), request, arg)) ||
	    request != BUTTON_IRQ_IOC_GET_INFO)
		return;
	if (info->abi_version != BUTTON_IRQ_ABI_VERSION || info->ring_events != 64 ||
	    info->state > 1 || info->debounce_us > 1000000 || info->debounce_mode > 1 ||
	    info->reserved[0] || info->reserved[1] || info->reserved[2] ||
	    info->label[sizeof(info->label) - 1] || info->line[sizeof(info->line) - 1])
		complain("GET_INFO, state", info->state);
}

static void do_poll(struct worker *w, const struct op *op)
{
	struct pollfd pfd[2] = {
		{ .fd = file(w, op->slot), .events = op->b << 4 | op->a },
		{ .fd = file(w, op->slot >> 3), .events = op->b },
	};
	struct timespec time = { .tv_nsec = op->c * 8000L };

	if (op->slot & 64)
		done(w, ppoll(pointer(w, op->b, op->c), op->a, &time, NULL));
	else
		done(w, ppoll(pfd, 1 + op->c % 2, &time, NULL));
}

static void do_epoll(struct worker *w, const struct op *op)
{
	struct epoll_event event = {
		.events = (__u32)op->b << 24 | op->c,	/* EPOLLET and its like are on top */
	};
	/* 0 and 3: what was not there, or is there already, is an error that costs nothing. */
	int how = 1 + op->a % 3;

	if (op->a & 4)
		done(w, epoll_wait(w->epoll, pointer(w, op->b, op->c), op->a >> 4, op->c % 3));
	else
		done(w, epoll_ctl(w->epoll, how, file(w, op->slot), &event));
}

static void do_fcntl(struct worker *w, const struct op *op)
{
	/* Signals that do no harm, to nobody else. */
	const int owners[] = { getpid(), w->tid, 0, 0x7fffffff };
	const int signals[] = { 0, SIGIO, SIGALRM, 100 };
	struct f_owner_ex ex = { .type = op->c % 3, .pid = owners[op->b % 2] };
	int fd = file(w, op->slot);

	switch (op->a % 9) {
	case 0:
		done(w, fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
		break;
	case 1:
		done(w, fcntl(fd, F_SETFL, op->b & 1 ? O_NONBLOCK : op->c & 1 ? O_DIRECT : 0));
		break;
	case 2:
		done(w, fcntl(fd, F_SETOWN, owners[op->b % ARRAY_SIZE(owners)]));
		break;
	case 3:
		done(w, fcntl(fd, F_SETSIG, signals[op->b % ARRAY_SIZE(signals)]));
		break;
	case 4:
		if (ex.type == F_OWNER_PGRP)
			ex.pid = 0x7fffffff;
		done(w, fcntl(fd, F_SETOWN_EX, &ex));
		break;
	case 5:
		put_file(w, op->slot >> 3, done(w, fcntl(fd, F_DUPFD_CLOEXEC, 0)));
		break;
	case 6:
		put_file(w, op->slot >> 3, done(w, dup(fd)));
		break;
	default:
		done(w, fcntl(fd, op->b, pointer(w, 9, op->c)));
	}
}

static void do_splice(struct worker *w, const struct op *op)
{
	size_t size = size_of(op->b) % 65537;
	int fd = file(w, op->slot);
	loff_t pos = op->c;
	off_t at = op->c;

	switch (op->a % 5) {
	case 0:
		done(w, splice(fd, op->c & 1 ? &pos : NULL, w->pipe[1], NULL, size,
			       SPLICE_F_NONBLOCK));
		break;
	case 1:
		done(w, splice(w->pipe[0], NULL, fd, NULL, size, SPLICE_F_NONBLOCK));
		break;
	case 2:
		done(w, sendfile(w->pipe[1], fd, op->c & 1 ? &at : NULL, size));
		break;
	case 3:
		done(w, tee(fd, w->pipe[1], size, SPLICE_F_NONBLOCK));
		break;
	default:
		done(w, read(w->pipe[0], w->memory, size));
	}
}

static void do_mmap(struct worker *w, const struct op *op)
{
	void *at = mmap(NULL, size_of(op->a) % 65537, op->b % 8,
			op->c & 1 ? MAP_SHARED : MAP_PRIVATE, file(w, op->slot), 0);

	done(w, at == MAP_FAILED ? -1 : 0);
	if (at != MAP_FAILED)
		munmap(at, size_of(op->a) % 65537);
}

static void do_open_attr(struct worker *w, const struct op *op)
{
	put_file(w, op->slot, open_attr(w, op->a % ARRAY_SIZE(attrs), op->b % 3));
}

static void do_show(struct worker *w, const struct op *op)
{
	done(w, pread(attr_file(w, op->a), pointer(w, op->b, op->c), size_of(op->slot), 0));
}

static void do_store(struct worker *w, const struct op *op)
{
	static const char * const texts[] = {
		"0\n", "1", "300\n", "1000000", "1000001", "-1", "eager", "settle\n", "eager ", "",
		"4294967296", "0x10", "4294967295\n", " 7", "+9", "settl", "add", "\n", "0000300",
	};
	char text[5000] = { op->slot, op->c, op->b };
	size_t size = op->b & 32 ? 3 : sizeof(text);
	int fd = attr_file(w, op->a % (SETTINGS + 1));

	if (op->b < 192) {
		snprintf(text, sizeof(text), "%s", texts[op->b % ARRAY_SIZE(texts)]);
		size = strlen(text);
	}
	if (done(w, pwrite(fd, op->b % 64 == 63 ? pointer(w, op->c, op->slot) : text, size, 0)) > 0)
		__atomic_store_n(&set, true, __ATOMIC_RELAXED);
}

static void write_driver(struct worker *w, const char *file)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	done(w, write(fd, "button_irq.0", 12));
	close(fd);
}

static void do_unbind(struct worker *w, const struct op *op)
{
	(void)op;
	if (all_calls() < rarely)
		return;
	__atomic_store_n(&unbound, true, __ATOMIC_RELAXED);
	write_driver(w, DRIVER "unbind");
}

static void do_bind(struct worker *w, const struct op *op)
{
	(void)op;
	write_driver(w, DRIVER "bind");
}

static void do_edge(struct worker *w, const struct op *op)
{
	/* Seldom more than fit into the ring. */
	unsigned int n = op->a % 64 ? 1 + op->a % 2 : op->b % 128;

	while (n--)
		stim_set(&stim, (op->c + n) % 2);
	done(w, 0);
}

static void do_sleep(struct worker *w, const struct op *op)
{
	struct timespec time = { .tv_nsec = op->a * 8000L };

	done(w, clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) ? 0 : 0);
}

static const struct {
	const char *name;
	unsigned int weight;	/* how often it is taken for a new one */
	void (*make)(struct worker *w, const struct op *op);
} calls[] = {
	{ "open", 6, do_open }, { "close", 4, do_close }, { "read", 16, do_read },
	{ "pread", 3, do_pread }, { "readv", 4, do_readv }, { "write", 2, do_write },
	{ "lseek", 2, do_lseek }, { "ioctl", 14, do_ioctl }, { "poll", 6, do_poll },
	{ "epoll", 6, do_epoll }, { "fcntl", 8, do_fcntl }, { "splice", 4, do_splice },
	{ "mmap", 1, do_mmap }, { "open_attr", 3, do_open_attr }, { "show", 5, do_show },
	{ "store", 6, do_store }, { "unbind", 1, do_unbind }, { "bind", 1, do_bind },
	{ "edge", 4, do_edge }, { "sleep", 2, do_sleep },
};

/* --- Programs ------------------------------------------------------------------------------ */

static struct op random_op(__u64 *rng)
{
	struct op op = { .slot = below(rng, 4) ? below(rng, 2) : below(rng, 256) };
	unsigned int i, total = 0, n;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		total += calls[i].weight;
	n = below(rng, total);
	while (n >= calls[op.call].weight)
		n -= calls[op.call++].weight;
	op.a = below(rng, 256);
	op.b = below(rng, 256);
	op.c = below(rng, 256);
	return op;
}

static void mutate(__u64 *rng, struct program *p, unsigned int known)
{
	const struct program *other = &corpus[below(rng, known)];
	unsigned int at = below(rng, p->n), n;
	__u8 *byte = (__u8 *)&p->op[at] + 1 + below(rng, sizeof(struct op) - 1);

	switch (below(rng, 6)) {
	case 0:
		*byte = below(rng, 256);
		break;
	case 1:
		*byte += below(rng, 2) ? 1 : -1;
		break;
	case 2:
		p->op[at] = random_op(rng);
		break;
	case 3:
		/* Room for one more. */
		p->n += p->n < OPS;
		memmove(&p->op[at + 1], &p->op[at], (p->n - at - 1) * sizeof(p->op[0]));
		p->op[at] = random_op(rng);
		break;
	case 4:
		if (p->n == 1)
			break;
		p->n--;
		memmove(&p->op[at], &p->op[at + 1], (p->n - at) * sizeof(p->op[0]));
		break;
	case 5:
		/* And then what another does. */
		n = other->n < OPS - at ? other->n : OPS - at;
		memcpy(&p->op[at], other->op, n * sizeof(p->op[0]));
		p->n = at + n;
		break;
	}
}

static struct program next_program(__u64 *rng)
{
	unsigned int known = __atomic_load_n(&kept, __ATOMIC_ACQUIRE), n;
	struct program p = { 0 };

	if (!known || !below(rng, 10)) {
		p.n = 1 + below(rng, OPS);
		for (n = 0; n < p.n; n++)
			p.op[n] = random_op(rng);
		return p;
	}
	p = corpus[below(rng, known)];
	for (n = below(rng, 4); n; n--)
		mutate(rng, &p, known);
	return p;
}

static void print_program(const char *what, const struct program *p)
{
	unsigned int i;

	printf("# %s:", what);
	for (i = 0; i < p->n; i++)
		printf(" %s(%u,%u,%u,%u)", calls[p->op[i].call].name, p->op[i].slot, p->op[i].a,
		       p->op[i].b, p->op[i].c);
	printf("\n");
}

/* A line as print_program() prints it, without what comes before the first call. */
static bool parse_program(const char *line, struct program *p)
{
	char name[16];
	struct op op;
	int used;

	p->n = 0;
	for (; sscanf(line, " %15[a-z_](%hhu,%hhu,%hhu,%hhu)%n", name, &op.slot, &op.a, &op.b,
		      &op.c, &used) == 5; line += used) {
		for (op.call = 0; strcmp(name, calls[op.call].name);)
			if (++op.call == ARRAY_SIZE(calls))
				return false;
		if (p->n == OPS)
			return false;
		p->op[p->n++] = op;
	}
	return p->n && line[strspn(line, "\n ")] == '\0';
}

/* --- Running them -------------------------------------------------------------------------- */

static void run(struct worker *w, const struct program *p)
{
	unsigned int i;

	w->now = *p;
	if (trace)
		print_program(w->first ? "other" : "program", p);
	for (i = 0; i < p->n; i++)
		calls[p->op[i].call].make(w, &p->op[i]);
}

/* A file that is open in the way file() opens it may stay, as new. */
static bool renew(struct worker *w, int fd)
{
	__u32 text = BUTTON_IRQ_FORMAT_TEXT, clock = CLOCK_MONOTONIC;

	return !done(w, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &text)) &&
	       !done(w, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock)) &&
	       !done(w, fcntl(fd, F_SETFL, O_NONBLOCK)) && !done(w, fcntl(fd, F_SETSIG, 0));
}

/* The next program is to find things as this one did. */
static void restore(struct worker *w)
{
	static const char * const usual[SETTINGS] = { "300", "eager", "2000" };
	unsigned int i, now;

	if (__atomic_exchange_n(&unbound, false, __ATOMIC_RELAXED)) {
		write_driver(w, DRIVER "bind");
		rarely = all_calls() + RARELY;
		__atomic_fetch_add(&binding, 1, __ATOMIC_RELAXED);
	}
	now = __atomic_load_n(&binding, __ATOMIC_RELAXED);
	for (i = 0; i < SLOTS; i++)
		if (i || now != w->binding || !renew(w, slots[w->first]))
			put_file(w, i, -1);
	for (i = 0; i < ARRAY_SIZE(w->attr) && now != w->binding; i++) {
		close(w->attr[i]);
		w->attr[i] = -1;
	}
	w->binding = now;
	if (__atomic_exchange_n(&set, false, __ATOMIC_RELAXED))
		for (i = 0; i < SETTINGS; i++)
			done(w, pwrite(attr_file(w, i), usual[i], strlen(usual[i]), 0));
}

/* Returns how many steps from branch to branch are new. */
static unsigned int run_covered(struct worker *w, const struct program *p)
{
	unsigned long i, n, pc, before = 0;
	unsigned int new = 0;

	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	run(w, p);
	n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	restore(w);
	for (i = 1; i <= n; i++) {
		/* Instructions of four bytes, and all in one module: this is no hash. */
		pc = cover[i] / 4 % SIGNALS;
		pcs += !seen_pc[pc];
		seen_pc[pc] = 1;
		before = (before * 31 ^ pc) % SIGNALS;
		new += !seen[before];
		seen[before] = 1;
		before = pc;
	}
	pairs += new;
	return new;
}

/* With unbind, however soon after the last. */
static unsigned int run_alone(struct worker *w, const struct program *p)
{
	rarely = 0;
	return run_covered(w, p);
}

/* A warning or worse, and what ran meanwhile. */
static void look_at_log(void)
{
	char text[1024];
	ssize_t n;

	while ((n = read(kmsg, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		/* An emulator on a busy host is slow. */
		if (atoi(text) % 8 > 4 || strstr(text, "hrtimer: interrupt took"))
			continue;
		printf("# kernel: %.*s\n", (int)strcspn(text, "\n"), text);
		__atomic_store_n(&broken, true, __ATOMIC_RELAXED);
	}
	if (__atomic_load_n(&broken, __ATOMIC_RELAXED)) {
		print_program("program", &workers[0].now);
		print_program("beside", &workers[1].now);
	}
}

static void no_harm(int signal)
{
	(void)signal;
}

/* Signals for the calling thread, so that no call lasts. */
static timer_t start_signals(struct worker *w)
{
	struct itimerspec often = { { .tv_nsec = 5000000 }, { .tv_nsec = 5000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	timer_t timer;

	w->tid = gettid();
	event._sigev_un._tid = w->tid;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &often, NULL))
		complain("no timer", errno);
	return timer;
}

static void *run_beside(void *data)
{
	struct worker *w = data;
	struct program p;
	timer_t timer = start_signals(w);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		p = next_program(&w->rng);
		run(w, &p);
		restore(w);
	}
	timer_delete(timer);
	return NULL;
}

/* Edges in bursts, at speeds from a bouncing contact's to a finger's. */
static void move_line(__u64 rng)
{
	unsigned int n;
	int level = PRESSED;

	for (;;) {
		for (n = 1 + below(&rng, 50); n; n--) {
			stim_set(&stim, level);
			level = !level;
			button_sleep_us(below(&rng, 4) ? 100 + below(&rng, 2000) : 0);
		}
		button_sleep_us(below(&rng, 50000));
	}
}

static bool prepare(struct worker *w, unsigned int first, __u64 seed)
{
	unsigned int i;

	w->first = first;
	w->rng = seed | 1;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->memory = mmap(NULL, (PAGES + 3) * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < SLOTS; i++)
		slots[first + i] = -1;
	memset(w->attr, -1, sizeof(w->attr));
	return w->epoll >= 0 && w->memory != MAP_FAILED &&
	       !pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) &&
	       !mprotect(w->memory + PAGES * page, page, PROT_NONE) &&
	       !mprotect(w->memory + (PAGES + 1) * page, page, PROT_READ) &&
	       !mprotect(w->memory + (PAGES + 2) * page, page, PROT_NONE);
}

static bool start_coverage(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, COVER))
		return false;
	cover = mmap(NULL, COVER * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return cover != MAP_FAILED && !ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

/* --- Main ---------------------------------------------------------------------------------- */

/* Programs that were kept, the short ones first, without those that now add nothing. */
static void print_corpus(struct worker *w)
{
	timer_t timer = start_signals(w);
	unsigned int n, i;

	memset(seen, 0, sizeof(seen));
	for (n = 1; n <= OPS; n++)
		for (i = 0; i < kept; i++)
			if (corpus[i].n == n && run_alone(w, &corpus[i]))
				print_program("keep", &corpus[i]);
	timer_delete(timer);
}

static bool works(void)
{
	struct button_irq_event press, release, event = { 0 };
	long presses = button_counter(0, "presses");
	int fd = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	__u64 next = 0;

	if (fd < 0 || stim_set(&stim, PRESSED) || button_next(fd, &press) ||
	    button_wait_attr(0, "state", "pressed"))
		return false;
	/* Later than debounce_us. */
	button_sleep_us(1000);
	if (stim_set(&stim, RELEASED) || button_next(fd, &release) ||
	    press.type != BUTTON_IRQ_PRESS || release.type != BUTTON_IRQ_RELEASE ||
	    button_counter(0, "presses") != presses + 1 || !button_empty(fd))
		return false;
	/* And all that is still kept. */
	if (ioctl(fd, BUTTON_IRQ_IOC_REWIND))
		return false;
	while (read(fd, &event, sizeof(event)) == sizeof(event)) {
		if (next && event.seq != next)
			return false;
		next = event.seq + 1;
	}
	close(fd);
	return press.seq + 1 == release.seq && event.seq == release.seq;
}

static bool read_corpus(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		if (*line == '#' || *line == '\n')
			continue;
		if (kept == PROGRAMS || !parse_program(line, &corpus[kept])) {
			printf("# %s: no program: %s", path, line);
			return false;
		}
		kept++;
	}
	return file && !fclose(file);
}

/* All there is to do, until @n calls are made or something breaks. */
static void fuzz(struct worker *w, struct worker *other, unsigned long n)
{
	timer_t timer = start_signals(w);
	unsigned int i, given = kept;
	unsigned long shown = n / 10;
	pthread_t thread;
	struct program p;

	/* By themselves, so that what they reach does not depend on chance. */
	for (i = 0; i < given && !broken; i++) {
		run_alone(w, &corpus[i]);
		look_at_log();
	}
	printf("# %u programs given reach %u branches in %u steps\n", given, pcs, pairs);

	if (pthread_create(&thread, NULL, run_beside, other))
		return complain("no thread", errno);
	while (all_calls() < n &&
	       !__atomic_load_n(&broken, __ATOMIC_RELAXED)) {
		if (all_calls() >= shown) {
			printf("# %lu of %lu calls\n", all_calls(), n);
			shown += n / 10;
		}
		p = next_program(&w->rng);
		if (run_covered(w, &p) && kept < PROGRAMS) {
			corpus[kept] = p;
			__atomic_store_n(&kept, kept + 1, __ATOMIC_RELEASE);
		}
		look_at_log();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	timer_delete(timer);
}

static int result(int number, bool ok, const char *text)
{
	printf("%sok %d %s\n", ok ? "" : "not ", number, text);
	return !ok;
}

int main(int argc, char **argv)
{
	unsigned long n = button_setting("BUTTON_IRQ_FUZZ", 20000);
	unsigned long seed = button_setting("BUTTON_IRQ_SEED", button_now(CLOCK_REALTIME));
	struct sigaction action = { .sa_handler = no_harm };
	struct worker *w = &workers[0], *other = &workers[1];
	char params[128];
	pid_t mover;
	int failed;
	__u64 start;

	setvbuf(stdout, NULL, _IOLBF, 0);
	page = sysconf(_SC_PAGESIZE);
	trace = button_setting("BUTTON_IRQ_FUZZ_TRACE", 0);
	printf("TAP version 13\n");
	if (access("/sys/kernel/debug/kcov", F_OK)) {
		printf("1..0 # SKIP this kernel has no KCOV\n");
		return SKIP;
	}
	printf("1..5\n# BUTTON_IRQ_FUZZ=%lu BUTTON_IRQ_SEED=%lu\n", n, seed);
	/* Without SA_RESTART: they end what waits. */
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGIO, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (stim_open(&stim, 0) || stim_set(&stim, RELEASED) || !prepare(w, 0, seed) ||
	    !prepare(other, SLOTS, ~seed) || !start_coverage() ||
	    !read_corpus(argc > 1 ? argv[1] : "button_irq_fuzz.corpus") ||
	    (n >= LONG && !read_corpus("button_irq_fuzz_long.corpus"))) {
		printf("Bail out! no line to move, coverage or corpus: %s\n", strerror(errno));
		return 1;
	}
	snprintf(params, sizeof(params), "line=%s " PARAMS, stim.line);
	if (button_load(params)) {
		printf("Bail out! cannot load the driver\n");
		return 1;
	}
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(kmsg, 0, SEEK_END);

	mover = fork();
	if (!mover) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		move_line(~seed * 3 | 1);
	}
	start = button_now(CLOCK_MONOTONIC);
	fuzz(w, other, n);
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	printf("# %lu calls, %u programs kept, %u branches, %u steps between them, %llu ms\n",
	       all_calls(), kept, pcs, pairs,
	       (button_now(CLOCK_MONOTONIC) - start) / NSEC_PER_MSEC);
	if (button_setting("BUTTON_IRQ_FUZZ_KEEP", 0))
		print_corpus(w);

	/* As if unbound: all files are closed, the other's too. */
	binding++;
	restore(other);
	restore(w);
	/* Whatever the line did last, or a storm: it is quiet now. */
	stim_set(&stim, RELEASED);
	failed = result(1, !broken, "the kernel has nothing to say against it");
	failed += result(2, pcs > 100, "and the driver was reached");
	failed += result(3, !button_wait_attr(0, "state", "released") && works(),
			 "a press and its release arrive, with the next numbers");
	failed += result(4, button_identity(0), "the counters add up");
	failed += result(5, !button_unload(), "the driver can be removed");
	return failed ? 1 : 0;
}
