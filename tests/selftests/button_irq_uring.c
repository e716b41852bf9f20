// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads through io_uring: what is there, what comes later, and reads that are cancelled, time out,
 * or wait while the file is closed or the button is unbound. By system calls, without liburing.
 */
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "button_test.h"

#define EVENT_SIZE	((int)sizeof(struct button_irq_event))
#define ENTRIES		16
/* Linux 6.7; older headers lack it. */
#define READ_MULTISHOT	49
#define BUFFERS		8	/* for READ_MULTISHOT, a power of two */
#define BUFFER_GROUP	1

/**
 * struct ring - an io_uring
 * @fd: the ring
 * @sq: the submission queue's mapping, and with it the completion queue's
 * @sqes: submission queue entries
 * @params: offsets within @sq
 */
struct ring {
	int fd;
	char *sq;
	size_t sq_size;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static __u32 *ring_word(const struct ring *ring, __u32 offset)
{
	return (__u32 *)(ring->sq + offset);
}

static int ring_open(struct ring *ring)
{
	struct io_uring_params *p = &ring->params;
	size_t cq_size;

	/* From 6.6 on an administrator may have switched io_uring off. */
	button_write("/proc/sys/kernel/io_uring_disabled", "0");
	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(__NR_io_uring_setup, ENTRIES, p);
	/* A kernel without it, or one that may not be asked: no other error means that. */
	if (ring->fd < 0)
		return errno == EMFILE || errno == ENOMEM ? -errno : -EOPNOTSUPP;
	/* One mapping for both queues, since 5.4. */
	ring->sq_size = p->sq_off.array + p->sq_entries * sizeof(__u32);
	cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	if (ring->sq_size < cq_size)
		ring->sq_size = cq_size;
	ring->sq = mmap(NULL, ring->sq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, p->sq_entries * sizeof(*ring->sqes), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	return ring->sq == MAP_FAILED || (void *)ring->sqes == MAP_FAILED ? -ENOMEM : 0;
}

static void ring_close(struct ring *ring)
{
	if (ring->fd < 0)
		return;
	munmap(ring->sqes, ring->params.sq_entries * sizeof(*ring->sqes));
	munmap(ring->sq, ring->sq_size);
	close(ring->fd);
	ring->fd = -1;
}

/* Queue a request; it goes with the next ring_submit(). */
static void ring_queue(struct ring *ring, const struct io_uring_sqe *sqe)
{
	__u32 *tail = ring_word(ring, ring->params.sq_off.tail);
	__u32 index = *tail & *ring_word(ring, ring->params.sq_off.ring_mask);

	ring->sqes[index] = *sqe;
	ring_word(ring, ring->params.sq_off.array)[index] = index;
	/* The kernel sees the new tail only together with the entry. */
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

static int ring_submit(struct ring *ring, unsigned int n)
{
	int ret = syscall(__NR_io_uring_enter, ring->fd, n, 0, 0, NULL, 0);

	return ret == (int)n ? 0 : ret < 0 ? -errno : -EIO;
}

static bool ring_take(struct ring *ring, struct io_uring_cqe *cqe)
{
	__u32 *head = ring_word(ring, ring->params.cq_off.head);
	__u32 mask = *ring_word(ring, ring->params.cq_off.ring_mask);
	struct io_uring_cqe *cqes;

	/* An entry is complete once the kernel has moved the tail. */
	if (*head == __atomic_load_n(ring_word(ring, ring->params.cq_off.tail), __ATOMIC_ACQUIRE))
		return false;
	cqes = (struct io_uring_cqe *)(ring->sq + ring->params.cq_off.cqes);
	*cqe = cqes[*head & mask];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Wait for a completion. Entering the kernel runs what completions wait for. */
static int ring_wait(struct ring *ring, struct io_uring_cqe *cqe)
{
	__u64 end = button_now(CLOCK_MONOTONIC) + BUTTON_DEADLINE_MS * NSEC_PER_MSEC;
	struct pollfd pfd = { .fd = ring->fd, .events = POLLIN };

	while (!ring_take(ring, cqe)) {
		if (button_now(CLOCK_MONOTONIC) > end)
			return -ETIMEDOUT;
		poll(&pfd, 1, 10);
		syscall(__NR_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	}
	return 0;
}

/* Wait until the last file is closed. */
static int wait_unused(void)
{
	__u64 end = button_now(CLOCK_MONOTONIC) + BUTTON_DEADLINE_MS * NSEC_PER_MSEC;

	while (button_module_refs() > 0) {
		if (button_now(CLOCK_MONOTONIC) > end)
			return -EBUSY;
		button_sleep_us(1000);
	}
	return 0;
}

FIXTURE(uring)
{
	struct bench bench;
	struct ring ring;
	struct button_irq_event event[4];
	struct iovec iov[2];
};

FIXTURE_SETUP(uring)
{
	int ret;

	bench_setup(_metadata, &self->bench);
	ret = ring_open(&self->ring);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no io_uring in this kernel");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(uring)
{
	ring_close(&self->ring);
	bench_close(&self->bench);
	/* Requests of a closed ring are cancelled a little later, and hold the file until then. */
	EXPECT_EQ(0, wait_unused());
	bench_unload(_metadata);
}

/* The read request number @n, into event[n]. */
static struct io_uring_sqe read_request(int fd, struct button_irq_event *event, __u64 n)
{
	return (struct io_uring_sqe){
		.opcode = IORING_OP_READ,
		.fd = fd,
		.off = -1,
		.addr = (unsigned long)&event[n],
		.len = sizeof(*event),
		.user_data = n,
	};
}

static void start_read(struct __test_metadata *_metadata, struct ring *ring, int fd,
		       struct button_irq_event *event, __u64 n)
{
	struct io_uring_sqe sqe = read_request(fd, event, n);

	ring_queue(ring, &sqe);
	ASSERT_EQ(0, ring_submit(ring, 1));
}

static void expect_idle(struct __test_metadata *_metadata, struct ring *ring)
{
	struct io_uring_cqe cqe;

	button_sleep_us(20000);
	EXPECT_FALSE(ring_take(ring, &cqe)) {
		TH_LOG("request %llu completed: %d", cqe.user_data, cqe.res);
	}
}

static struct io_uring_cqe expect_cqe(struct __test_metadata *_metadata, struct ring *ring)
{
	struct io_uring_cqe cqe = { .res = -ETIMEDOUT };

	EXPECT_EQ(0, ring_wait(ring, &cqe)) {
		TH_LOG("no completion");
	}
	return cqe;
}

#define start(fd, n)	start_read(_metadata, &self->ring, fd, self->event, n)
#define idle()		expect_idle(_metadata, &self->ring)
#define completion()	expect_cqe(_metadata, &self->ring)

/*
 * Two completions: of the request that cancels (number CANCEL), which says @done, or EALREADY where
 * a worker had to be interrupted, and of the read.
 */
#define CANCEL	100

static void bench_expect_taken_back(struct __test_metadata *_metadata, struct ring *ring, int done)
{
	struct io_uring_cqe cqe;
	int i;

	for (i = 0; i < 2; i++) {
		cqe = expect_cqe(_metadata, ring);
		if (cqe.user_data == CANCEL) {
			EXPECT_TRUE(cqe.res == done || cqe.res == -EALREADY) {
				TH_LOG("cancelling: %d", cqe.res);
			}
		} else {
			EXPECT_TRUE(cqe.res == -ECANCELED || cqe.res == -EINTR) {
				TH_LOG("the read: %d", cqe.res);
			}
		}
	}
}

#define expect_taken_back(done)	bench_expect_taken_back(_metadata, &self->ring, done)

TEST_F(uring, read_gives_an_event_that_is_there)
{
	struct io_uring_cqe cqe;

	bind("debounce_us=0");
	press();
	ASSERT_EQ(0, button_wait_readable(self->bench.fd));
	start(self->bench.fd, 0);
	cqe = completion();
	EXPECT_EQ(EVENT_SIZE, cqe.res);
	EXPECT_EQ(1, self->event[0].seq);
	EXPECT_EQ(BUTTON_IRQ_PRESS, self->event[0].type);
}

TEST_F(uring, read_waits_for_an_event)
{
	struct io_uring_cqe cqe;

	bind("debounce_us=0");
	start(self->bench.fd, 0);
	idle();
	press();
	cqe = completion();
	EXPECT_EQ(EVENT_SIZE, cqe.res);
	EXPECT_EQ(1, self->event[0].seq);
}

TEST_F(uring, reads_share_events)
{
	struct io_uring_cqe cqe[2];

	bind("debounce_us=0");
	start(self->bench.fd, 0);
	start(self->bench.fd, 1);
	idle();
	press();
	cqe[0] = completion();
	idle();
	release();
	cqe[1] = completion();
	EXPECT_EQ(EVENT_SIZE, cqe[0].res);
	EXPECT_EQ(EVENT_SIZE, cqe[1].res);
	EXPECT_NE(cqe[0].user_data, cqe[1].user_data);
	EXPECT_EQ(1, self->event[cqe[0].user_data % 2].seq);
	EXPECT_EQ(2, self->event[cqe[1].user_data % 2].seq);
}

/* On an O_NONBLOCK file, io_uring itself decides whether to wait: that depends on the kernel. */
TEST_F(uring, read_with_nowait_gives_eagain)
{
	struct io_uring_sqe sqe;
	struct io_uring_cqe cqe;

	bind("debounce_us=0");
	sqe = read_request(self->bench.fd, self->event, 0);
	sqe.rw_flags = RWF_NOWAIT;
	ring_queue(&self->ring, &sqe);
	ASSERT_EQ(0, ring_submit(&self->ring, 1));
	cqe = completion();
	EXPECT_EQ(-EAGAIN, cqe.res);
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
}

/* The segments of musl's fread(), while the read waits. */
TEST_F(uring, readv_waits_for_an_event)
{
	char first[31], second[1024];
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READV, .fd = -1, .off = -1,
		.addr = (unsigned long)self->iov, .len = 2,
	};
	struct button_irq_event event;
	struct io_uring_cqe cqe;

	bind("debounce_us=0");
	self->iov[0] = (struct iovec){ first, sizeof(first) };
	self->iov[1] = (struct iovec){ second, sizeof(second) };
	sqe.fd = self->bench.fd;
	ring_queue(&self->ring, &sqe);
	ASSERT_EQ(0, ring_submit(&self->ring, 1));
	idle();
	press();
	cqe = completion();
	ASSERT_EQ(EVENT_SIZE, cqe.res);
	memcpy(&event, first, sizeof(first));
	memcpy((char *)&event + sizeof(first), second, 1);
	EXPECT_EQ(1, event.seq);
	EXPECT_EQ(BUTTON_IRQ_PRESS, event.type);
	EXPECT_EQ(0, event.count);
}

TEST_F(uring, cancelled_read_takes_no_event)
{
	struct io_uring_sqe cancel = {
		.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = 0, .user_data = CANCEL,
	};

	bind("debounce_us=0");
	start(self->bench.fd, 0);
	idle();
	ring_queue(&self->ring, &cancel);
	ASSERT_EQ(0, ring_submit(&self->ring, 1));
	expect_taken_back(0);
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	idle();
}

TEST_F(uring, read_that_times_out_takes_no_event)
{
	struct __kernel_timespec after = { .tv_nsec = 50 * NSEC_PER_MSEC };
	struct io_uring_sqe timeout = {
		.opcode = IORING_OP_LINK_TIMEOUT, .fd = -1, .addr = (unsigned long)&after,
		.len = 1, .user_data = CANCEL,
	};
	struct io_uring_sqe sqe;

	bind("debounce_us=0");
	sqe = read_request(self->bench.fd, self->event, 0);
	sqe.flags = IOSQE_IO_LINK;
	ring_queue(&self->ring, &sqe);
	ring_queue(&self->ring, &timeout);
	ASSERT_EQ(0, ring_submit(&self->ring, 2));
	expect_taken_back(-ETIME);
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
}

/* The request holds the file. */
TEST_F(uring, file_is_closed_while_a_read_waits)
{
	struct io_uring_cqe cqe;
	int fd;

	bind("debounce_us=0");
	fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, fd);
	start(fd, 0);
	idle();
	close(fd);
	press();
	cqe = completion();
	EXPECT_EQ(EVENT_SIZE, cqe.res);
	EXPECT_EQ(1, self->event[0].seq);
	expect_event(1, BUTTON_IRQ_PRESS);
}

/* Its requests are cancelled, and the teardown removes the driver. */
TEST_F(uring, ring_is_closed_while_a_read_waits)
{
	bind("debounce_us=0");
	start(self->bench.fd, 0);
	start(self->bench.fd, 1);
	idle();
	ring_close(&self->ring);
}

TEST_F(uring, button_is_unbound_while_reads_wait)
{
	struct io_uring_cqe cqe;
	int i;

	bind("debounce_us=0");
	start(self->bench.fd, 0);
	start(self->bench.fd, 1);
	idle();
	ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
	for (i = 0; i < 2; i++) {
		cqe = completion();
		EXPECT_EQ(-ENODEV, cqe.res);
	}
	start(self->bench.fd, 2);
	cqe = completion();
	EXPECT_EQ(-ENODEV, cqe.res);
}

/* READ_MULTISHOT: one request, a completion for each read, each into a buffer of its own. */
FIXTURE(multishot)
{
	struct bench bench;
	struct ring ring;
	struct button_irq_event *buffer;
	struct io_uring_buf_ring *buffers;
};

FIXTURE_SETUP(multishot)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = BUFFER_GROUP };
	int ret, i;

	bench_setup(_metadata, &self->bench);
	ret = ring_open(&self->ring);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no io_uring in this kernel");
	ASSERT_EQ(0, ret);
	self->buffers = mmap(NULL, 2 * sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->buffers);
	self->buffer = (void *)((char *)self->buffers + sysconf(_SC_PAGESIZE));
	reg.ring_addr = (unsigned long)self->buffers;
	if (syscall(__NR_io_uring_register, self->ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1))
		SKIP(return, "no rings of buffers in this kernel");
	for (i = 0; i < BUFFERS; i++) {
		self->buffers->bufs[i].addr = (unsigned long)&self->buffer[i];
		self->buffers->bufs[i].len = sizeof(*self->buffer);
		self->buffers->bufs[i].bid = i;
	}
	__atomic_store_n(&self->buffers->tail, BUFFERS, __ATOMIC_RELEASE);
}

FIXTURE_TEARDOWN(multishot)
{
	ring_close(&self->ring);
	bench_close(&self->bench);
	EXPECT_EQ(0, wait_unused());
	bench_unload(_metadata);
}

/* Returns false where the kernel has no such request. */
static bool start_multishot(struct __test_metadata *_metadata, struct ring *ring, int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = READ_MULTISHOT, .fd = fd, .off = -1, .flags = IOSQE_BUFFER_SELECT,
		.buf_group = BUFFER_GROUP, .user_data = 7,
	};
	struct io_uring_cqe cqe;

	ring_queue(ring, &sqe);
	EXPECT_EQ(0, ring_submit(ring, 1));
	button_sleep_us(20000);
	if (!ring_take(ring, &cqe))
		return true;
	EXPECT_EQ(-EINVAL, cqe.res);
	return false;
}

TEST_F(multishot, completes_with_each_event)
{
	struct button_irq_event *event;
	struct io_uring_cqe cqe;
	__u64 i;

	bind("debounce_us=0");
	if (!start_multishot(_metadata, &self->ring, self->bench.fd))
		SKIP(return, "no READ_MULTISHOT in this kernel");
	for (i = 1; i <= 4; i++) {
		set_level(nth_level(i));
		cqe = completion();
		ASSERT_EQ(EVENT_SIZE, cqe.res);
		EXPECT_EQ(IORING_CQE_F_BUFFER | IORING_CQE_F_MORE,
			  cqe.flags & (IORING_CQE_F_BUFFER | IORING_CQE_F_MORE));
		event = &self->buffer[cqe.flags >> IORING_CQE_BUFFER_SHIFT];
		EXPECT_EQ(i, event->seq);
		EXPECT_EQ(nth_type(i), event->type);
	}
	ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
	cqe = completion();
	EXPECT_EQ(-ENODEV, cqe.res);
	EXPECT_EQ(0, cqe.flags & IORING_CQE_F_MORE);
}

TEST_F(multishot, cancelled_takes_no_event)
{
	struct io_uring_sqe cancel = {
		.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = 7, .user_data = CANCEL,
	};

	bind("debounce_us=0");
	if (!start_multishot(_metadata, &self->ring, self->bench.fd))
		SKIP(return, "no READ_MULTISHOT in this kernel");
	ring_queue(&self->ring, &cancel);
	ASSERT_EQ(0, ring_submit(&self->ring, 1));
	expect_taken_back(0);
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
}

TEST_HARNESS_MAIN
