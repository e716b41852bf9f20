// SPDX-License-Identifier: GPL-2.0-only
/*
 * One reader: the text form and the binary one, reads of any size, the ioctls and their
 * errors, clocks, and all that a file that is no file refuses.
 */
#include <regex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "button_test.h"

#define EVENTS	12

#define SECONDS	"(0|[1-9][0-9]*)\\.[0-9]{9}"
#define COUNT	"[1-9][0-9]*"

static const char line_form[] =
	"^" COUNT " " SECONDS " (press|release " SECONDS "|(lost|missed) " COUNT ")\n$";

static int open_text(int flags)
{
	return button_open(0, flags);
}

TEST_F(button, text)
{
	struct button_irq_event events[EVENTS], parsed;
	char line[BUTTON_LINE_MAX], wanted[BUTTON_LINE_MAX];
	regex_t form;
	int fd, i;

	ASSERT_EQ(0, regcomp(&form, line_form, REG_EXTENDED | REG_NOSUB));
	bind("debounce_us=0");
	fd = open_text(O_RDONLY);
	ASSERT_LE(0, fd);
	play_and_read(events, EVENTS);
	for (i = 0; i < EVENTS; i++) {
		ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
		EXPECT_EQ(0, regexec(&form, line, 0, NULL, 0)) {
			TH_LOG("%s", line);
		}
		/* Field by field, and nothing besides. */
		ASSERT_TRUE(button_parse(line, &parsed));
		EXPECT_EQ(events[i].seq, parsed.seq);
		EXPECT_EQ(events[i].timestamp_ns, parsed.timestamp_ns);
		EXPECT_EQ(events[i].type, parsed.type);
		EXPECT_EQ(events[i].held_ns, parsed.held_ns);
		button_format(&events[i], wanted, sizeof(wanted));
		EXPECT_STREQ(wanted, line);
	}
	EXPECT_TRUE(button_empty(fd));
	regfree(&form);
	close(fd);
}

/* head, sed q and their like read with a large buffer, take a line, and exit. */
TEST_F(button, one_line_a_read)
{
	struct button_irq_event events[EVENTS];
	char line[65536], wanted[BUTTON_LINE_MAX];
	ssize_t n;
	int fd, i;

	bind("debounce_us=0");
	fd = open_text(O_RDONLY);
	ASSERT_LE(0, fd);
	play_and_read(events, EVENTS);
	for (i = 0; i < EVENTS; i++) {
		n = read(fd, line, sizeof(line));
		button_format(&events[i], wanted, sizeof(wanted));
		ASSERT_EQ((ssize_t)strlen(wanted), n);
		EXPECT_EQ(0, memcmp(wanted, line, n));
	}
	EXPECT_TRUE(button_empty(fd));
	close(fd);
}

FIXTURE(stream)
{
	struct bench bench;
};

FIXTURE_VARIANT(stream)
{
	size_t size;
};

FIXTURE_VARIANT_ADD(stream, of_1) { .size = 1 };
FIXTURE_VARIANT_ADD(stream, of_2) { .size = 2 };
FIXTURE_VARIANT_ADD(stream, of_7) { .size = 7 };
FIXTURE_VARIANT_ADD(stream, of_31) { .size = 31 };
FIXTURE_VARIANT_ADD(stream, of_4096) { .size = 4096 };

FIXTURE_SETUP(stream)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(stream)
{
	bench_teardown(_metadata, &self->bench);
}

TEST_F(stream, is_the_same_in_pieces)
{
	char wanted[EVENTS * BUTTON_LINE_MAX] = "", got[EVENTS * BUTTON_LINE_MAX + 4096];
	struct button_irq_event events[EVENTS];
	size_t have = 0, at = 0;
	ssize_t n;
	int fd, i;

	bind("debounce_us=0");
	fd = open_text(O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	play_and_read(events, EVENTS);
	for (i = 0; i < EVENTS; i++) {
		button_format(&events[i], wanted + at, sizeof(wanted) - at);
		at += strlen(wanted + at);
	}
	while ((n = read(fd, got + have, variant->size)) > 0) {
		EXPECT_GE((ssize_t)variant->size, n);
		have += n;
		ASSERT_GE(sizeof(got) - 4096, have);
		/* poll() says whether there is more, also in the middle of a line. */
		ASSERT_EQ(have == at, button_empty(fd));
	}
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	got[have] = '\0';
	EXPECT_STREQ(wanted, got);
	close(fd);
}

/* readv() may fill several pieces, and never leaves a hole. */
TEST_F(stream, readv)
{
	char wanted[BUTTON_LINE_MAX], got[BUTTON_LINE_MAX] = "", piece[3][4096];
	struct button_irq_event events[2];
	struct iovec iov[3];
	size_t have = 0;
	ssize_t n;
	int fd, i;

	bind("debounce_us=0");
	fd = open_text(O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	play_and_read(events, 2);
	button_format(&events[0], wanted, sizeof(wanted));
	button_format(&events[1], wanted + strlen(wanted), sizeof(wanted) - strlen(wanted));
	while (have < strlen(wanted)) {
		size_t left;

		for (i = 0; i < 3; i++)
			iov[i] = (struct iovec){ .iov_base = piece[i], .iov_len = variant->size };
		n = readv(fd, iov, 3);
		ASSERT_LT(0, n);
		ASSERT_GE(sizeof(got), have + n);
		for (i = 0, left = n; left; i++) {
			size_t part = left < variant->size ? left : variant->size;

			memcpy(got + have, piece[i], part);
			have += part;
			left -= part;
		}
	}
	EXPECT_STREQ(wanted, got);
	close(fd);
}

TEST_F(button, read_of_nothing)
{
	struct button_irq_event events[1];
	char c;
	int fd;

	bind("debounce_us=0");
	fd = open_text(O_RDONLY);
	ASSERT_LE(0, fd);
	/* Neither waits nor takes anything. */
	EXPECT_EQ(0, read(fd, &c, 0));
	play_and_read(events, 1);
	EXPECT_EQ(0, read(fd, &c, 0));
	EXPECT_EQ(1, read(fd, &c, 1));
	EXPECT_EQ('1', c);
	close(fd);
}

/* What each of these ioctls does to a line that was read in part. */
FIXTURE(half_line)
{
	struct bench bench;
};

FIXTURE_VARIANT(half_line)
{
	unsigned long cmd;
	__u32 value;
	/* Sequence number of what is read next; 0: the rest of the line. */
	__u64 next;
	int error;
};

FIXTURE_VARIANT_ADD(half_line, to_text) {
	.cmd = BUTTON_IRQ_IOC_SET_FORMAT, .value = BUTTON_IRQ_FORMAT_TEXT, .next = 3,
};

FIXTURE_VARIANT_ADD(half_line, to_binary) {
	.cmd = BUTTON_IRQ_IOC_SET_FORMAT, .value = BUTTON_IRQ_FORMAT_BINARY, .next = 3,
};

FIXTURE_VARIANT_ADD(half_line, to_monotonic) {
	.cmd = BUTTON_IRQ_IOC_SET_CLOCK, .value = CLOCK_MONOTONIC, .next = 3,
};

FIXTURE_VARIANT_ADD(half_line, to_realtime) {
	.cmd = BUTTON_IRQ_IOC_SET_CLOCK, .value = CLOCK_REALTIME, .next = 3,
};

FIXTURE_VARIANT_ADD(half_line, rewind) {
	.cmd = BUTTON_IRQ_IOC_REWIND, .next = 1,
};

FIXTURE_VARIANT_ADD(half_line, refused_format) {
	.cmd = BUTTON_IRQ_IOC_SET_FORMAT, .value = 2, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(half_line, refused_clock) {
	.cmd = BUTTON_IRQ_IOC_SET_CLOCK, .value = 99, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(half_line, unknown_ioctl) {
	.cmd = _IO(BUTTON_IRQ_IOC_MAGIC, 0x7f), .error = ENOTTY,
};

FIXTURE_SETUP(half_line)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(half_line)
{
	bench_teardown(_metadata, &self->bench);
}

TEST_F(half_line, ioctl)
{
	char line[BUTTON_LINE_MAX], wanted[BUTTON_LINE_MAX];
	struct button_irq_event events[4], event;
	__u32 value = variant->value;
	size_t half;
	int fd;

	bind("debounce_us=0");
	fd = open_text(O_RDONLY);
	ASSERT_LE(0, fd);
	play_and_read(events, 4);
	ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
	button_format(&events[1], wanted, sizeof(wanted));
	half = strlen(wanted) / 2;
	ASSERT_EQ((ssize_t)half, read(fd, line, half));

	EXPECT_EQ(variant->error ? -1 : 0, ioctl(fd, variant->cmd, &value));
	if (variant->error) {
		EXPECT_EQ(variant->error, errno);
		ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
		EXPECT_STREQ(wanted + half, line);
	} else if (variant->value == BUTTON_IRQ_FORMAT_BINARY &&
		   variant->cmd == BUTTON_IRQ_IOC_SET_FORMAT) {
		bench_expect(_metadata, fd, variant->next, nth_type(variant->next));
	} else {
		ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
		ASSERT_TRUE(button_parse(line, &event));
		EXPECT_EQ(variant->next, event.seq);
		EXPECT_EQ(nth_type(variant->next), event.type);
	}
	close(fd);
}

/* Nothing is dropped where no line was begun. */
TEST_F(button, switch_between_lines)
{
	struct button_irq_event events[6], event;
	char line[BUTTON_LINE_MAX], wanted[BUTTON_LINE_MAX];
	__u32 format;
	int fd, i;

	bind("debounce_us=0");
	fd = open_text(O_RDONLY);
	ASSERT_LE(0, fd);
	play_and_read(events, 6);
	for (i = 0; i < 6; i += 2) {
		format = BUTTON_IRQ_FORMAT_TEXT;
		ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format));
		ASSERT_EQ(0, button_next_line(fd, line, sizeof(line)));
		button_format(&events[i], wanted, sizeof(wanted));
		EXPECT_STREQ(wanted, line);

		format = BUTTON_IRQ_FORMAT_BINARY;
		ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format));
		event = expect_event_at(fd, i + 2, nth_type(i + 2));
		EXPECT_EQ(0, memcmp(&events[i + 1], &event, sizeof(event)));
	}
	close(fd);
}

TEST_F(button, binary)
{
	struct button_irq_event events[EVENTS];
	char bytes[8192];
	int fd;

	ASSERT_EQ(32, sizeof(struct button_irq_event));
	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);

	/* Too small is wrong whether or not there is something. */
	EXPECT_EQ(-1, read(fd, bytes, 31));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(fd, bytes, 32));
	EXPECT_EQ(EAGAIN, errno);
	play_and_read(events, EVENTS);
	EXPECT_EQ(-1, read(fd, bytes, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(fd, bytes, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(fd, bytes, 31));
	EXPECT_EQ(EINVAL, errno);

	/* Whole records, as many as fit. */
	EXPECT_EQ(32, read(fd, bytes, 32));
	EXPECT_EQ(32, read(fd, bytes + 32, 63));
	EXPECT_EQ(64, read(fd, bytes + 64, 64));
	EXPECT_EQ(96, read(fd, bytes + 128, 127));
	EXPECT_EQ(sizeof(events) - 224, read(fd, bytes + 224, 4096));
	EXPECT_EQ(0, memcmp(events, bytes, sizeof(events)));
	EXPECT_EQ(-1, read(fd, bytes, 32));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
}

/* What did not arrive is not taken. */
TEST_F(button, read_into_nowhere)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct button_irq_event events[4];
	char line[BUTTON_LINE_MAX], wanted[BUTTON_LINE_MAX], *end;
	int text, binary;
	ssize_t n;

	bind("debounce_us=0");
	text = open_text(O_RDONLY);
	binary = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, text);
	ASSERT_LE(0, binary);
	play_and_read(events, 4);
	/* The second page is not there. */
	end = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)end);
	ASSERT_EQ(0, munmap(end + page, page));
	end += page;

	EXPECT_EQ(-1, read(binary, end, 64));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(binary, end - 16, 64));
	EXPECT_EQ(EFAULT, errno);
	/* Room for one and a half. */
	EXPECT_EQ(32, read(binary, end - 48, 96));
	EXPECT_EQ(0, memcmp(end - 48, &events[0], 32));
	expect_event_at(binary, 2, BUTTON_IRQ_RELEASE);

	button_format(&events[0], wanted, sizeof(wanted));
	EXPECT_EQ(-1, read(text, end, 4096));
	EXPECT_EQ(EFAULT, errno);
	n = read(text, end - 5, 4096);
	if (n == -1) {
		EXPECT_EQ(EFAULT, errno);
		n = 0;
	}
	EXPECT_GE(5, n);
	EXPECT_EQ(0, memcmp(end - 5, wanted, n));
	ASSERT_EQ(0, button_next_line(text, line, sizeof(line)));
	EXPECT_STREQ(wanted + n, line);
	button_format(&events[1], wanted, sizeof(wanted));
	ASSERT_EQ(0, button_next_line(text, line, sizeof(line)));
	EXPECT_STREQ(wanted, line);
	close(text);
	close(binary);
}

static bool all_zero(const void *p, size_t n)
{
	const char *c = p;

	while (n--)
		if (*c++)
			return false;
	return true;
}

TEST_F(button, info)
{
	struct button_irq_info info;
	size_t n;

	ASSERT_EQ(128, sizeof(info));
	bind("debounce_us=12345 debounce_mode=settle ring_events=64 label=front-door");
	memset(&info, 0xff, sizeof(info));
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_GET_INFO, &info));
	EXPECT_EQ(1, info.abi_version);
	EXPECT_EQ(BUTTON_IRQ_STATE_RELEASED, info.state);
	EXPECT_EQ(12345, info.debounce_us);
	EXPECT_EQ(BUTTON_IRQ_MODE_SETTLE, info.debounce_mode);
	EXPECT_EQ(64, info.ring_events);
	EXPECT_TRUE(all_zero(info.reserved, sizeof(info.reserved)));
	n = strnlen(info.label, sizeof(info.label));
	ASSERT_GT(sizeof(info.label), n);
	EXPECT_STREQ("front-door", info.label);
	EXPECT_TRUE(all_zero(info.label + n, sizeof(info.label) - n));
	n = strnlen(info.line, sizeof(info.line));
	ASSERT_GT(sizeof(info.line), n);
	EXPECT_STREQ(self->bench.stim.line, info.line);
	EXPECT_TRUE(all_zero(info.line + n, sizeof(info.line) - n));

	/* What is set later shows. */
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "0"));
	ASSERT_EQ(0, button_set_attr(0, "debounce_mode", "eager"));
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_GET_INFO, &info));
	EXPECT_EQ(BUTTON_IRQ_STATE_PRESSED, info.state);
	EXPECT_EQ(0, info.debounce_us);
	EXPECT_EQ(BUTTON_IRQ_MODE_EAGER, info.debounce_mode);
}

TEST_F(button, info_of_the_default)
{
	struct button_irq_info info;

	bind("");
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_GET_INFO, &info));
	EXPECT_EQ(10000, info.debounce_us);
	EXPECT_EQ(BUTTON_IRQ_MODE_EAGER, info.debounce_mode);
	EXPECT_EQ(1024, info.ring_events);
	EXPECT_STRNE("", info.label);
	EXPECT_TRUE(button_attr_is(0, "label", info.label));
	EXPECT_TRUE(button_attr_is(0, "line", info.line));
	EXPECT_TRUE(button_attr_is(0, "storm_rate", "2000"));
}

#define expect_error(error, call) do {						\
	errno = 0;								\
	EXPECT_EQ(-1, (call));							\
	EXPECT_EQ((error), errno);						\
} while (0)

TEST_F(button, ioctl_errors)
{
	static const __u32 bad_formats[] = { 2, 3, 0x80000000, 0xffffffff };
	static const __u32 bad_clocks[] = {
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
		CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME_ALARM,
		CLOCK_BOOTTIME_ALARM, CLOCK_TAI, 12, 0x80000000, 0xffffffff,
	};
	static const unsigned long bad_commands[] = {
		_IO(BUTTON_IRQ_IOC_MAGIC, 0x00), _IO(BUTTON_IRQ_IOC_MAGIC, 0x05),
		_IO(BUTTON_IRQ_IOC_MAGIC, 0xff), _IO(BUTTON_IRQ_IOC_MAGIC - 1, 0x04),
		/* Right number, wrong size or direction. */
		_IOR(BUTTON_IRQ_IOC_MAGIC, 0x01, __u32), _IOW(BUTTON_IRQ_IOC_MAGIC, 0x02, __u64),
		_IOR(BUTTON_IRQ_IOC_MAGIC, 0x03, __u32), _IOW(BUTTON_IRQ_IOC_MAGIC, 0x04, __u32),
		/* TCGETS: by this isatty() asks. */
		0x5401,
	};
	char *nowhere = (char *)1;
	struct button_irq_event event;
	__u32 value;
	size_t i;
	int fd;

	bind("debounce_us=0");
	fd = self->bench.fd;
	for (i = 0; i < ARRAY_SIZE(bad_formats); i++) {
		value = bad_formats[i];
		expect_error(EINVAL, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &value));
	}
	for (i = 0; i < ARRAY_SIZE(bad_clocks); i++) {
		value = bad_clocks[i];
		expect_error(EINVAL, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &value));
	}
	for (i = 0; i < ARRAY_SIZE(bad_commands); i++)
		expect_error(ENOTTY, ioctl(fd, bad_commands[i], &value));
	EXPECT_EQ(0, isatty(fd));

	expect_error(EFAULT, ioctl(fd, BUTTON_IRQ_IOC_GET_INFO, NULL));
	expect_error(EFAULT, ioctl(fd, BUTTON_IRQ_IOC_GET_INFO, nowhere));
	expect_error(EFAULT, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, NULL));
	expect_error(EFAULT, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, nowhere));
	expect_error(EFAULT, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, NULL));
	expect_error(EFAULT, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, nowhere));

	/* None of it has changed format or clock. */
	press();
	event = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(event.timestamp_ns, button_now(CLOCK_MONOTONIC),
		       event.timestamp_ns + 3600 * NSEC_PER_SEC);
}

static const __u32 clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME };

#define CLOCKS	ARRAY_SIZE(clocks)

TEST_F(button, clocks)
{
	__u64 before[CLOCKS], after[CLOCKS];
	struct button_irq_event event[2], parsed;
	char line[BUTTON_LINE_MAX];
	int fd[CLOCKS], text[CLOCKS];
	__u32 clock;
	size_t i;

	bind("debounce_us=0");
	for (i = 0; i < CLOCKS; i++) {
		fd[i] = button_open_binary(0, O_RDONLY);
		text[i] = button_open(0, O_RDONLY);
		ASSERT_LE(0, fd[i]);
		ASSERT_LE(0, text[i]);
		clock = clocks[i];
		ASSERT_EQ(0, ioctl(fd[i], BUTTON_IRQ_IOC_SET_CLOCK, &clock));
		ASSERT_EQ(0, ioctl(text[i], BUTTON_IRQ_IOC_SET_CLOCK, &clock));
		before[i] = button_now(clocks[i]);
	}
	press();
	for (i = 0; i < CLOCKS; i++)
		after[i] = button_now(clocks[i]);
	button_sleep_us(20000);
	release();
	for (i = 0; i < CLOCKS; i++) {
		event[0] = expect_event_at(fd[i], 1, BUTTON_IRQ_PRESS);
		expect_between(before[i], event[0].timestamp_ns, after[i]);
		event[1] = expect_event_at(fd[i], 2, BUTTON_IRQ_RELEASE);
		/* How long it was held is the same on any. */
		EXPECT_EQ(event[1].timestamp_ns - event[0].timestamp_ns, event[1].held_ns);
		EXPECT_LE(20000 * NSEC_PER_USEC, event[1].held_ns);
		/* As text it is the same. */
		ASSERT_EQ(0, button_next_line(text[i], line, sizeof(line)));
		ASSERT_TRUE(button_parse(line, &parsed));
		EXPECT_EQ(event[0].timestamp_ns, parsed.timestamp_ns);
		close(fd[i]);
		close(text[i]);
	}
}

static void step_clock(struct __test_metadata *_metadata, long seconds)
{
	struct timespec ts;
	struct timeval tv;

	clock_gettime(CLOCK_REALTIME, &ts);
	tv.tv_sec = ts.tv_sec + seconds;
	tv.tv_usec = ts.tv_nsec / 1000;
	ASSERT_EQ(0, settimeofday(&tv, NULL));
}

/* Somebody sets the clock; what happened before keeps its time. */
TEST_F(button, clock_step)
{
	struct button_irq_event event, again;
	__u64 before, after, after_step;
	__u32 clock = CLOCK_REALTIME;
	int fd;

	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock));

	before = button_now(CLOCK_REALTIME);
	press();
	event = expect_event_at(fd, 1, BUTTON_IRQ_PRESS);
	after = button_now(CLOCK_REALTIME);
	expect_between(before, event.timestamp_ns, after);

	step_clock(_metadata, 86400);
	after_step = button_now(CLOCK_REALTIME);
	EXPECT_LT(after + 86000 * NSEC_PER_SEC, after_step);
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_REWIND));
	again = expect_event_at(fd, 1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(event.timestamp_ns, again.timestamp_ns);

	/* What happens after it has the new time, and was held as long as it was. */
	release();
	again = expect_event_at(fd, 2, BUTTON_IRQ_RELEASE);
	expect_between(after_step, again.timestamp_ns, button_now(CLOCK_REALTIME));
	EXPECT_GT(3600 * NSEC_PER_SEC, again.held_ns);

	/* And monotonic time knows nothing of it. */
	event = expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(event.timestamp_ns + again.held_ns,
		  expect_event(2, BUTTON_IRQ_RELEASE).timestamp_ns);

	step_clock(_metadata, -86400);
	close(fd);
}

FIXTURE(window)
{
	struct bench bench;
};

FIXTURE_VARIANT(window)
{
	const char *mode;
};

FIXTURE_VARIANT_ADD(window, eager) { .mode = "eager" };
FIXTURE_VARIANT_ADD(window, settle) { .mode = "settle" };

FIXTURE_SETUP(window)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(window)
{
	bench_teardown(_metadata, &self->bench);
}

/* An event has the time of its edge, on the clock as it was then, not at the window's end. */
TEST_F(window, clock_step_within_it_does_not_change_the_time)
{
	__u64 before[3], after[3], seq;
	__u32 clock = CLOCK_REALTIME;
	struct button_irq_event e;
	int fd;

	bind("debounce_us=1000000");
	ASSERT_EQ(0, button_set_attr(0, "debounce_mode", variant->mode));
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock));
	/* Eager: the release waits for the end of the press's window. Settle: both wait. */
	for (seq = 1; seq <= 2; seq++) {
		before[seq] = button_now(CLOCK_REALTIME);
		set_level(nth_level(seq));
		after[seq] = button_now(CLOCK_REALTIME);
		if (!strcmp(variant->mode, "eager") && seq == 1)
			continue;
		step_clock(_metadata, 3600);
		EXPECT_EQ(0, button_wait_counter(0, seq == 1 ? "presses" : "releases", 1));
		step_clock(_metadata, -3600);
	}
	for (seq = 1; seq <= 2; seq++) {
		e = expect_event_at(fd, seq, nth_type(seq));
		expect_between(before[seq], e.timestamp_ns, after[seq]);
	}
	close(fd);
}

TEST_F(button, not_seekable)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };
	char buf[64];
	size_t i, k;
	int fd[2];

	bind("debounce_us=0");
	fd[0] = self->bench.fd;
	fd[1] = open_text(O_RDONLY);
	ASSERT_LE(0, fd[1]);
	press();
	for (k = 0; k < 2; k++) {
		ASSERT_EQ(0, button_wait_readable(fd[k]));
		for (i = 0; i < ARRAY_SIZE(whences); i++) {
			expect_error(ESPIPE, lseek(fd[k], 0, whences[i]));
			expect_error(ESPIPE, lseek(fd[k], 1, whences[i]));
			expect_error(ESPIPE, lseek(fd[k], -1, whences[i]));
		}
		expect_error(ESPIPE, pread(fd[k], buf, sizeof(buf), 0));
		expect_error(ESPIPE, pread(fd[k], buf, sizeof(buf), 64));
		expect_error(ESPIPE, pwrite(fd[k], buf, sizeof(buf), 0));
	}
	/* Also after a part of a line, and nothing was taken. */
	EXPECT_EQ(1, read(fd[1], buf, 1));
	expect_error(ESPIPE, lseek(fd[1], 0, SEEK_CUR));
	expect_error(ESPIPE, lseek(fd[1], -1, SEEK_CUR));
	expect_event(1, BUTTON_IRQ_PRESS);
	close(fd[1]);
}

TEST_F(button, not_writable)
{
	static const int modes[] = { O_WRONLY, O_RDWR };
	struct stat st;
	size_t i;
	int fd;

	bind("debounce_us=0");
	ASSERT_EQ(0, fstat(self->bench.fd, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0440, st.st_mode & 07777);
	EXPECT_EQ(-1, write(self->bench.fd, "x", 1));
	/* root may open it so, perhaps; but not write. */
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = button_open(0, modes[i]);
		if (fd < 0)
			continue;
		errno = 0;
		EXPECT_EQ(-1, write(fd, "x", 1));
		EXPECT_EQ(EINVAL, errno);
		close(fd);
	}
}

TEST_F(button, not_for_everyone)
{
	int status;
	pid_t pid;

	bind("debounce_us=0");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(button_open(0, O_RDONLY) == -EACCES ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Nothing that one reader does changes what another sees. */
TEST_F(button, readers_do_not_disturb_each_other)
{
	struct button_irq_event events[4], event;
	char line[BUTTON_LINE_MAX], wanted[BUTTON_LINE_MAX];
	__u32 clock = CLOCK_REALTIME, format = BUTTON_IRQ_FORMAT_BINARY;
	int quiet, lively, i;

	bind("debounce_us=0");
	quiet = open_text(O_RDONLY);
	lively = open_text(O_RDONLY);
	ASSERT_LE(0, quiet);
	ASSERT_LE(0, lively);
	play_and_read(events, 4);
	ASSERT_EQ(5, read(quiet, wanted, 5));

	ASSERT_EQ(7, read(lively, line, 7));
	ASSERT_EQ(0, ioctl(lively, BUTTON_IRQ_IOC_SET_CLOCK, &clock));
	ASSERT_EQ(0, ioctl(lively, BUTTON_IRQ_IOC_SET_FORMAT, &format));
	ASSERT_EQ(0, ioctl(lively, BUTTON_IRQ_IOC_REWIND));
	event = expect_event_at(lively, 1, BUTTON_IRQ_PRESS);
	EXPECT_NE(events[0].timestamp_ns, event.timestamp_ns);
	ASSERT_EQ(0, fcntl(lively, F_SETFL, O_NONBLOCK));
	close(lively);

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, button_next_line(quiet, line, sizeof(line)));
		button_format(&events[i], wanted, sizeof(wanted));
		EXPECT_STREQ(wanted + (i ? 0 : 5), line);
	}
	close(quiet);
}

TEST_HARNESS_MAIN
