// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads other than read(): into several segments, without waiting, and into a pipe.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "button_test.h"

#define EVENT_SIZE	((ssize_t)sizeof(struct button_irq_event))

#define expect_error(error, call) do {						\
	errno = 0;								\
	EXPECT_EQ(-1, (call));							\
	EXPECT_EQ((error), errno);						\
} while (0)

/* Ways to cut a buffer into segments. */
FIXTURE(segments)
{
	struct bench bench;
};

FIXTURE_VARIANT(segments)
{
	size_t size[4];
};

FIXTURE_VARIANT_ADD(segments, of_an_event_each) { .size = { 32, 32 } };
/* musl's fread(&event, 1, 32, file) */
FIXTURE_VARIANT_ADD(segments, of_musl) { .size = { 31, 1024 } };
FIXTURE_VARIANT_ADD(segments, smaller_than_an_event) { .size = { 1, 7, 20, 4 } };
FIXTURE_VARIANT_ADD(segments, with_empty_ones) { .size = { 0, 40, 0, 56 } };

FIXTURE_SETUP(segments)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(segments)
{
	bench_teardown(_metadata, &self->bench);
}

/* Segments that lie in @bytes without a gap, so that what was read lies there in order. */
static size_t cut(const size_t *size, char *bytes, struct iovec *iov)
{
	size_t i, total = 0;

	for (i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ .iov_base = bytes + total, .iov_len = size[i] };
		total += size[i];
	}
	return total;
}

/* One event: readv() gives it, and does not wait for a second that would fit, too. */
TEST_F(segments, do_not_wait_for_more)
{
	struct button_irq_event events[1];
	char bytes[2048];
	struct iovec iov[4];
	int fd;

	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	cut(variant->size, bytes, iov);
	play_and_read(events, 1);
	ASSERT_EQ(EVENT_SIZE, readv(fd, iov, 4));
	EXPECT_EQ(0, memcmp(events, bytes, EVENT_SIZE));
	EXPECT_TRUE(button_empty(fd));
	close(fd);
}

/* More events than fit: the segments are filled with whole ones. */
TEST_F(segments, are_filled_with_whole_events)
{
	struct button_irq_event events[40];
	char bytes[2048];
	size_t done, room, fit;
	struct iovec iov[4];
	int fd;

	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	room = cut(variant->size, bytes, iov) / EVENT_SIZE;
	play_and_read(events, 40);
	for (done = 0; done < 40; done += fit) {
		fit = room < 40 - done ? room : 40 - done;
		ASSERT_EQ((ssize_t)fit * EVENT_SIZE, readv(fd, iov, 4));
		EXPECT_EQ(0, memcmp(&events[done], bytes, fit * EVENT_SIZE));
	}
	expect_error(EAGAIN, readv(fd, iov, 4));
	close(fd);
}

/* Text: at most one line, whatever the segments. */
TEST_F(segments, take_one_line)
{
	char bytes[2048], got[2048], wanted[BUTTON_LINE_MAX];
	struct button_irq_event events[4];
	size_t have, total;
	struct iovec iov[4];
	ssize_t n;
	int fd, i;

	bind("debounce_us=0");
	fd = button_open(0, O_RDONLY);
	ASSERT_LE(0, fd);
	total = cut(variant->size, bytes, iov);
	play_and_read(events, 4);
	for (i = 0; i < 4; i++) {
		button_format(&events[i], wanted, sizeof(wanted));
		for (have = 0; have < strlen(wanted); have += n) {
			n = readv(fd, iov, 4);
			ASSERT_LT(0, n);
			/* As much of the line as fits. */
			ASSERT_EQ(have + total < strlen(wanted) ? total : strlen(wanted) - have,
				  (size_t)n);
			memcpy(got + have, bytes, n);
		}
		EXPECT_EQ(0, memcmp(wanted, got, have));
	}
	EXPECT_TRUE(button_empty(fd));
	close(fd);
}

/* The first segment takes exactly the line: that is all, and nobody waits. */
TEST_F(button, segment_as_long_as_the_line)
{
	char first[BUTTON_LINE_MAX], second[1024], wanted[BUTTON_LINE_MAX];
	struct button_irq_event events[2];
	struct iovec iov[2] = { { .iov_base = first }, { second, sizeof(second) } };
	int fd, i;

	bind("debounce_us=0");
	fd = button_open(0, O_RDONLY);
	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		set_level(nth_level(i + 1));
		events[i] = expect_event(i + 1, nth_type(i + 1));
		button_format(&events[i], wanted, sizeof(wanted));
		iov[0].iov_len = strlen(wanted);
		ASSERT_EQ((ssize_t)strlen(wanted), readv(fd, iov, 2));
		EXPECT_EQ(0, memcmp(wanted, first, strlen(wanted)));
		EXPECT_TRUE(button_empty(fd));
	}
	close(fd);
}

TEST_F(button, segments_smaller_than_an_event_together)
{
	char bytes[64];
	struct iovec iov[2] = { { bytes, 16 }, { bytes + 16, 15 } };

	bind("debounce_us=0");
	press();
	ASSERT_EQ(0, button_wait_readable(self->bench.fd));
	expect_error(EINVAL, readv(self->bench.fd, iov, 2));
	expect_event(1, BUTTON_IRQ_PRESS);
}

/* An event that does not arrive as a whole is not taken. */
TEST_F(button, segment_that_is_not_there)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct button_irq_event events[3];
	char bytes[64], *nowhere;
	struct iovec iov[2];
	int fd;

	nowhere = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)nowhere);
	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	play_and_read(events, 3);

	iov[0] = (struct iovec){ bytes, 16 };
	iov[1] = (struct iovec){ nowhere, 64 };
	expect_error(EFAULT, readv(fd, iov, 2));
	/* The second event ends in the bad segment. */
	iov[0].iov_len = 48;
	ASSERT_EQ(EVENT_SIZE, readv(fd, iov, 2));
	EXPECT_EQ(0, memcmp(&events[0], bytes, EVENT_SIZE));
	expect_event_at(fd, 2, BUTTON_IRQ_RELEASE);
	expect_event_at(fd, 3, BUTTON_IRQ_PRESS);
	munmap(nowhere, page);
	close(fd);
}

/* RWF_NOWAIT on a file that would block. */
TEST_F(button, read_without_waiting)
{
	struct button_irq_event events[2];
	char bytes[128], wanted[BUTTON_LINE_MAX];
	struct iovec iov = { bytes, sizeof(bytes) };
	int binary, text;

	bind("debounce_us=0");
	binary = button_open_binary(0, O_RDONLY);
	text = button_open(0, O_RDONLY);
	ASSERT_LE(0, binary);
	ASSERT_LE(0, text);
	expect_error(EAGAIN, preadv2(binary, &iov, 1, -1, RWF_NOWAIT));
	expect_error(EAGAIN, preadv2(text, &iov, 1, -1, RWF_NOWAIT));
	play_and_read(events, 2);
	EXPECT_EQ(2 * EVENT_SIZE, preadv2(binary, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(0, memcmp(events, bytes, 2 * EVENT_SIZE));
	button_format(&events[0], wanted, sizeof(wanted));
	EXPECT_EQ((ssize_t)strlen(wanted), preadv2(text, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(0, memcmp(wanted, bytes, strlen(wanted)));
	expect_error(EAGAIN, preadv2(binary, &iov, 1, -1, RWF_NOWAIT));
	/* There is no position to read at. */
	expect_error(ESPIPE, preadv2(binary, &iov, 1, 0, RWF_NOWAIT));
	close(binary);
	close(text);
}

/* Into a pipe: the same bytes as read() gives. */
TEST_F(button, splice)
{
	char bytes[256], wanted[BUTTON_LINE_MAX];
	struct button_irq_event events[3];
	int binary, text, fds[2], i;
	ssize_t n, have, part;

	ASSERT_EQ(0, pipe(fds));
	bind("debounce_us=0");
	binary = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	text = button_open(0, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, binary);
	ASSERT_LE(0, text);
	expect_error(EAGAIN, splice(binary, NULL, fds[1], NULL, 4096, 0));
	expect_error(EAGAIN, splice(text, NULL, fds[1], NULL, 4096, 0));
	play_and_read(events, 3);

	expect_error(EINVAL, splice(binary, NULL, fds[1], NULL, 31, 0));
	ASSERT_EQ(EVENT_SIZE, splice(binary, NULL, fds[1], NULL, 63, 0));
	ASSERT_EQ(2 * EVENT_SIZE, splice(binary, NULL, fds[1], NULL, 4096, 0));
	ASSERT_EQ(3 * EVENT_SIZE, read(fds[0], bytes, sizeof(bytes)));
	EXPECT_EQ(0, memcmp(events, bytes, 3 * EVENT_SIZE));

	/* The first line in two pieces */
	for (i = 0; i < 3; i++) {
		button_format(&events[i], wanted, sizeof(wanted));
		n = strlen(wanted);
		for (have = 0; have < n; have += part) {
			part = i || have ? n - have : 5;
			ASSERT_EQ(part, splice(text, NULL, fds[1], NULL, part == 5 ? 5 : 4096, 0));
		}
		ASSERT_EQ(n, read(fds[0], bytes, sizeof(bytes)));
		EXPECT_EQ(0, memcmp(wanted, bytes, n));
	}
	close(fds[0]);
	close(fds[1]);
	close(binary);
	close(text);
}

static bool kernel_is_before(unsigned int major, unsigned int minor)
{
	unsigned int is_major, is_minor;
	struct utsname name;

	uname(&name);
	return sscanf(name.release, "%u.%u", &is_major, &is_minor) == 2 &&
	       (is_major < major || (is_major == major && is_minor < minor));
}

/* sendfile() is splice() where the target is a pipe; the kernel refuses others a stream. */
TEST_F(button, sendfile)
{
	struct button_irq_event events[2];
	off_t offset = 0;
	char bytes[64];
	int fd, fds[2];

	ASSERT_EQ(0, pipe(fds));
	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	play_and_read(events, 2);
	expect_error(ESPIPE, sendfile(fds[1], fd, &offset, 4096));
	/* Linux 5.11 and older refuse a pipe, too. */
	if (kernel_is_before(5, 12)) {
		expect_error(EINVAL, sendfile(fds[1], fd, NULL, 4096));
		expect_event_at(fd, 1, BUTTON_IRQ_PRESS);
	} else {
		ASSERT_EQ(2 * EVENT_SIZE, sendfile(fds[1], fd, NULL, 4096));
		ASSERT_EQ(2 * EVENT_SIZE, read(fds[0], bytes, sizeof(bytes)));
		EXPECT_EQ(0, memcmp(events, bytes, 2 * EVENT_SIZE));
	}
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

TEST_HARNESS_MAIN
