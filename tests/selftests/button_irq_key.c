// SPDX-License-Identifier: GPL-2.0-only
/*
 * A button with a key code is an input device, too: the same events, with the same times.
 */
#include <glob.h>
#include <limits.h>
#include <linux/input.h>
#include <poll.h>

#include "button_test.h"

/* Where an evdev node and its device are in sysfs, and the driver's device is in the path. */
#define EVENTS	"/sys/class/input/event*"

FIXTURE(key)
{
	struct bench bench;
	int key;
};

FIXTURE_SETUP(key)
{
	bench_setup(_metadata, &self->bench);
	self->key = -1;
	if (system("modprobe -q evdev") && access("/sys/module/evdev", F_OK))
		SKIP(return, "no evdev in this kernel");
}

FIXTURE_TEARDOWN(key)
{
	if (self->key >= 0)
		close(self->key);
	bench_teardown(_metadata, &self->bench);
}

/* Open the input device of button @button; -ENOENT: there is none. Its clock is monotonic. */
static int key_open(unsigned int button)
{
	char wanted[32], path[PATH_MAX], node[64];
	int clock = CLOCK_MONOTONIC;
	int fd = -ENOENT;
	glob_t found;
	size_t i;

	snprintf(wanted, sizeof(wanted), "/button_irq.%u/", button);
	if (glob(EVENTS, 0, NULL, &found))
		return -ENOENT;
	for (i = 0; i < found.gl_pathc; i++) {
		if (!realpath(found.gl_pathv[i], path) || !strstr(path, wanted))
			continue;
		snprintf(node, sizeof(node), "/dev/input/%s", strrchr(path, '/') + 1);
		fd = open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		else if (ioctl(fd, EVIOCSCLOCKID, &clock))
			fd = -EIO;
		break;
	}
	globfree(&found);
	return fd;
}

/* The next event, with what says that the report is complete. */
static void bench_expect_key(struct __test_metadata *_metadata, int fd, __u16 code, __s32 value,
			     __u64 time)
{
	struct input_event events[2];

	ASSERT_EQ(0, button_wait_readable(fd));
	ASSERT_EQ(sizeof(events), read(fd, events, sizeof(events)));
	EXPECT_EQ(EV_KEY, events[0].type);
	EXPECT_EQ(code, events[0].code);
	EXPECT_EQ(value, events[0].value);
	EXPECT_EQ(EV_SYN, events[1].type);
	EXPECT_EQ(SYN_REPORT, events[1].code);
	/* evdev has microseconds. */
	EXPECT_EQ(time / NSEC_PER_USEC,
		  events[0].input_event_sec * 1000000ULL + events[0].input_event_usec);
}

#define expect_key(fd, code, value, time)	\
	bench_expect_key(_metadata, fd, code, value, time)

#define bind_key(params) do {							\
	bind(params);								\
	self->key = key_open(0);						\
	ASSERT_LE(0, self->key) {						\
		TH_LOG("no input device: %s", strerror(-self->key));		\
	}									\
} while (0)

TEST_F(key, follows_the_button)
{
	struct button_irq_event event;
	__u64 i;

	bind_key("keycode=28 debounce_us=0");
	for (i = 1; i <= 6; i++) {
		set_level(nth_level(i));
		event = expect_event(i, nth_type(i));
		expect_key(self->key, KEY_ENTER, i % 2, event.timestamp_ns);
	}
	EXPECT_TRUE(button_empty(self->key));
}

/* One key, and no repeat that nobody asked for. */
TEST_F(key, is_the_only_one)
{
	unsigned char types[EV_MAX / 8 + 1] = "", keys[KEY_MAX / 8 + 1] = "";
	unsigned int i, n = 0;

	bind_key("keycode=116");
	ASSERT_LE(0, ioctl(self->key, EVIOCGBIT(0, sizeof(types)), types));
	ASSERT_LE(0, ioctl(self->key, EVIOCGBIT(EV_KEY, sizeof(keys)), keys));
	EXPECT_EQ(1 << EV_SYN | 1 << EV_KEY, types[0]);
	EXPECT_EQ(0, types[EV_REP / 8] & 1 << EV_REP % 8);
	for (i = 0; i <= KEY_MAX; i++)
		n += keys[i / 8] >> i % 8 & 1;
	EXPECT_EQ(1, n);
	EXPECT_NE(0, keys[KEY_POWER / 8] & 1 << KEY_POWER % 8);
}

/* Bounces make no more events here than there, and no later ones. */
TEST_F(key, is_debounced_like_the_button)
{
	struct stim_edge edges[] = {
		{ .us = 0, .level = PRESSED },
		{ .us = 1000, .level = RELEASED },
		{ .us = 2000, .level = PRESSED },
		{ .us = 60000, .level = RELEASED },
		{ .us = 61000, .level = PRESSED },
		{ .us = 62000, .level = RELEASED },
	};
	struct button_irq_event event;

	bind_key("keycode=57 debounce_us=20000");
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, ARRAY_SIZE(edges)));
	event = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(edges[0].before, event.timestamp_ns, edges[0].after);
	expect_key(self->key, KEY_SPACE, 1, event.timestamp_ns);
	event = expect_event(2, BUTTON_IRQ_RELEASE);
	expect_key(self->key, KEY_SPACE, 0, event.timestamp_ns);
	button_sleep_us(50000);
	EXPECT_TRUE(button_empty(self->key));
}

/* The edge's time, however late it is reported */
TEST_F(key, has_the_time_of_the_edge)
{
	__u64 before, after;
	struct button_irq_event event;

	bind_key("keycode=57 debounce_us=50000 debounce_mode=settle");
	before = button_now(CLOCK_MONOTONIC);
	press();
	after = button_now(CLOCK_MONOTONIC);
	event = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(before, event.timestamp_ns, after);
	EXPECT_LE(event.timestamp_ns + 50000 * NSEC_PER_USEC, button_now(CLOCK_MONOTONIC));
	expect_key(self->key, KEY_SPACE, 1, event.timestamp_ns);
}

TEST_F(key, does_not_repeat)
{
	struct button_irq_event event;

	bind_key("keycode=28 debounce_us=0");
	press();
	event = expect_event(1, BUTTON_IRQ_PRESS);
	expect_key(self->key, KEY_ENTER, 1, event.timestamp_ns);
	/* The kernel's own repeat begins after 250 ms. */
	button_sleep_us(600000);
	EXPECT_TRUE(button_empty(self->key));
}

TEST_F(key, of_no_code_is_not_there)
{
	bind("");
	EXPECT_EQ(-ENOENT, key_open(0));
	close(self->bench.fd);
	bind("keycode=0");
	EXPECT_EQ(-ENOENT, key_open(0));
}

TEST_F(key, of_two_buttons)
{
	struct button_irq_event event;
	struct stim other;
	char params[192];
	int second, fd;

	ASSERT_EQ(0, stim_open(&other, 1));
	ASSERT_EQ(0, stim_set(&other, RELEASED));
	snprintf(params, sizeof(params), "line=%s,%s keycode=28,57 debounce_us=0",
		 self->bench.stim.line, other.line);
	ASSERT_EQ(0, button_load(params));
	self->bench.fd = button_open_binary(0, O_RDONLY);
	fd = button_open_binary(1, O_RDONLY);
	self->key = key_open(0);
	second = key_open(1);
	ASSERT_LE(0, self->bench.fd);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, self->key);
	ASSERT_LE(0, second);
	press();
	event = expect_event(1, BUTTON_IRQ_PRESS);
	expect_key(self->key, KEY_ENTER, 1, event.timestamp_ns);
	EXPECT_TRUE(button_empty(second));
	ASSERT_EQ(0, stim_set(&other, PRESSED));
	event = expect_event_at(fd, 1, BUTTON_IRQ_PRESS);
	expect_key(second, KEY_SPACE, 1, event.timestamp_ns);
	EXPECT_TRUE(button_empty(self->key));
	stim_set(&other, RELEASED);
	stim_close(&other);
	close(second);
	close(fd);
}

/* An open input device does not keep the driver, and its reader learns of the end. */
TEST_F(key, goes_with_its_button)
{
	struct pollfd pfd = { .events = POLLIN };
	struct input_event event;

	bind_key("keycode=28 debounce_us=0");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
	pfd.fd = self->key;
	EXPECT_EQ(1, poll(&pfd, 1, BUTTON_DEADLINE_MS));
	EXPECT_NE(0, pfd.revents & POLLHUP);
	while (read(self->key, &event, sizeof(event)) > 0)
		;
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENOENT, key_open(0));
	close(self->bench.fd);
	self->bench.fd = -1;
	EXPECT_EQ(0, button_unload());
	/* Loaded again, it is there again. */
	set_level(RELEASED);
	close(self->key);
	bind_key("keycode=28");
}

/*
 * Unbinding ends an open window, whose release goes to the input device, too. Nobody has that
 * open here, so that nothing but the driver keeps it.
 */
TEST_F(key, outlives_the_last_report)
{
	struct button_irq_event event;
	int i;

	for (i = 0; i < 20; i++) {
		bind("keycode=28 debounce_us=500000");
		press();
		event = expect_event(1, BUTTON_IRQ_PRESS);
		release();
		if (i % 2) {
			ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
			event = expect_event(2, BUTTON_IRQ_RELEASE);
			EXPECT_LT(0, event.held_ns);
		}
		close(self->bench.fd);
		self->bench.fd = -1;
		ASSERT_EQ(0, button_unload());
		set_level(RELEASED);
	}
	bind("keycode=28");
}

TEST_HARNESS_MAIN
